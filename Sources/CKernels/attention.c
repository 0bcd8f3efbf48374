#include "kernels.h"

// The products run on the set's own kernels: a head is too small for the call overhead of a BLAS library.

void attention_forward(const kernel_set *set, const head_shape *shape, const float *q, const float *k, const float *v,
                       const uint8_t *keep, const uint8_t *mask, float mask_scale, float *probabilities, float *dropped,
                       float *context) {
  const size_t s = shape->tokens, d = shape->head_size, stride = shape->qkv_stride;
  set->product(false, true, s, s, d, q, stride, k, stride, 0, probabilities, s);
  set->softmax(probabilities, s, keep, shape->scale, s, s);
  const float *weights = probabilities;
  if (mask != NULL) {
    set->dropout(probabilities, mask, mask_scale, dropped, s * s);
    weights = dropped;
  }
  set->product(false, false, s, d, s, weights, s, v, stride, 0, context, shape->context_stride);
}

void attention_backward(const kernel_set *set, const head_shape *shape, const float *q, const float *k, const float *v,
                        const float *probabilities, const float *dropped, const uint8_t *mask, float mask_scale,
                        const float *dcontext, float *dq, float *dk, float *dv, float *scratch) {
  const size_t s = shape->tokens, d = shape->head_size, stride = shape->qkv_stride;
  const size_t context_stride = shape->context_stride;
  const float *weights = mask == NULL ? probabilities : dropped;
  set->product(true, false, s, d, s, weights, s, dcontext, context_stride, 0, dv, stride);
  set->product(false, true, s, s, d, dcontext, context_stride, v, stride, 0, scratch, s);
  if (mask != NULL) set->dropout(scratch, mask, mask_scale, scratch, s * s);
  set->softmax_backward(probabilities, scratch, scratch, s, s, s);
  set->scale(scratch, shape->scale, s * s);
  set->product(false, false, s, d, s, scratch, s, k, stride, 0, dq, stride);
  set->product(true, false, s, d, s, scratch, s, q, stride, 0, dk, stride);
}
