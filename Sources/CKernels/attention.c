#include "kernels.h"

// The products run on the set's own kernels: a head is too small for the call overhead of a BLAS library.

/// Queries of a block, so that its probabilities stay in the second-level cache.
#define BLOCK_QUERIES 64
#define BLOCK_SCORES (4 * ATTENTION_KEYS)

/// The context of some queries, whose probabilities nobody needs afterwards.
static void attend(const kernel_set *set, const head_shape *shape, const float *q, const float *k, const float *v,
                   const uint8_t *keep, float *context) {
  _Alignas(64) float scores[BLOCK_SCORES];
  const size_t s = shape->keys, d = shape->head_size;
  size_t rows = BLOCK_SCORES / s;
  if (rows > BLOCK_QUERIES) rows = BLOCK_QUERIES;
  for (size_t first = 0; first < shape->queries; first += rows) {
    const size_t n = shape->queries - first < rows ? shape->queries - first : rows;
    set->product(false, true, n, s, d, q + first * shape->query_stride, shape->query_stride, k, shape->key_stride, 0,
                 scores, s);
    set->softmax(scores, s, keep, shape->scale, n, s);
    set->product(false, false, n, d, s, scores, s, v, shape->key_stride, 0, context + first * shape->context_stride,
                 shape->context_stride);
  }
}

void attention_forward(const kernel_set *set, const head_shape *shape, const float *q, const float *k, const float *v,
                       const uint8_t *keep, const uint8_t *mask, float mask_scale, float *probabilities, float *dropped,
                       float *context) {
  if (probabilities == NULL) {
    attend(set, shape, q, k, v, keep, context);
    return;
  }
  const size_t n = shape->queries, s = shape->keys, d = shape->head_size;
  set->product(false, true, n, s, d, q, shape->query_stride, k, shape->key_stride, 0, probabilities, s);
  set->softmax(probabilities, s, keep, shape->scale, n, s);
  const float *weights = probabilities;
  if (mask != NULL) {
    set->dropout(probabilities, mask, mask_scale, dropped, n * s);
    weights = dropped;
  }
  set->product(false, false, n, d, s, weights, s, v, shape->key_stride, 0, context, shape->context_stride);
}

void attention_backward(const kernel_set *set, const head_shape *shape, const float *q, const float *k, const float *v,
                        const float *probabilities, const float *dropped, const uint8_t *mask, float mask_scale,
                        const float *dcontext, float *dq, float *dk, float *dv, float *scratch) {
  const size_t n = shape->queries, s = shape->keys, d = shape->head_size;
  const size_t query_stride = shape->query_stride, key_stride = shape->key_stride;
  const size_t context_stride = shape->context_stride;
  const float *weights = mask == NULL ? probabilities : dropped;
  set->product(true, false, s, d, n, weights, s, dcontext, context_stride, 0, dv, key_stride);
  set->product(false, true, n, s, d, dcontext, context_stride, v, key_stride, 0, scratch, s);
  if (mask != NULL) set->dropout(scratch, mask, mask_scale, scratch, n * s);
  set->softmax_backward(probabilities, scratch, scratch, s, n, s);
  set->scale(scratch, shape->scale, n * s);
  set->product(false, false, n, d, s, scratch, s, k, key_stride, 0, dq, query_stride);
  set->product(true, false, s, d, n, scratch, s, q, query_stride, 0, dk, key_stride);
}
