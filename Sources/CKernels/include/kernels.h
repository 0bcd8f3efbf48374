#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Shapes: R rows, C columns, S tokens of a padded sequence, D head size. All matrices are row-major `float`;
// `stride` counts floats from one row to the next. A dropout mask holds one byte an element, 1 = kept; a null
// mask keeps everything. `scale` is the factor of a kept element, float(1 / (1 - p)).

/// The activation between the two products of the feed-forward block.
typedef enum { ACTIVATION_GELU, ACTIVATION_GELU_TANH, ACTIVATION_RELU } activation_kind;

/// What follows a product: the bias of each column (null: none), then an activation where `activates`.
typedef struct {
  const float *bias;
  bool activates;
  activation_kind activation;
} product_epilogue;

/// What one AdamW step needs, computed once a step in double precision and rounded to float as torch does.
typedef struct {
  float gradient_scale;  // clipping coefficient times any loss scale; multiplies the gradient first
  float decay;           // 1 - lr·wd; 1 where weight decay does not apply
  float beta1, beta2;
  float one_minus_beta1, one_minus_beta2;  // rounded from double: 1 - 0.999f is 5e-5 off
  float step_size;       // lr / (1 - beta1^t)
  float bias_correction2_sqrt;  // sqrt(1 - beta2^t)
  float epsilon;
} adamw_step;

/// The factors of the gradient dyᵀ·x of a weight (N, K).
typedef struct {
  size_t tokens;         // T, at most UPDATE_TOKENS
  size_t rows;           // N
  size_t columns;        // K
  const float *dy;       // (T, N)
  size_t dy_stride;      // floats from one row to the next
  const float *x;        // (T, K)
  size_t x_stride;
  const float *panels;   // x as `pack_columns` leaves it; null until then
} gradient_factors;

/// The most tokens whose weight gradient is formed and used at once; as many terms as a product sums in one go.
#define UPDATE_TOKENS 256
/// Tokens of a part of `gradient_norm`.
#define NORM_TOKENS 64

/// One implementation of every kernel, for one instruction set.
///
/// Every function works on one thread, on the rows or elements it is given, and gives the same result however
/// the caller cuts the work into calls.
typedef struct {
  const char *name;

  // ---- elementwise
  /// y[i] = exp(x[i]), at most 2 ulp off (1.03 over all floats, subnormal results included); y may equal x.
  void (*exp)(const float *x, float *y, size_t count);
  /// y[i] = erf(x[i]), at most 2 ulp off (1.31 over all floats); y may equal x.
  void (*erf)(const float *x, float *y, size_t count);
  /// y[i] = tanh(x[i]), at most 2 ulp off (1.34 over all floats); y may equal x.
  void (*tanh)(const float *x, float *y, size_t count);
  /// dx[i] = dy[i]·(1 - y[i]²), y = tanh(x); dx may equal dy.
  void (*tanh_backward)(const float *y, const float *dy, float *dx, size_t count);
  /// y[i] += x[i]
  void (*add)(float *y, const float *x, size_t count);
  /// y[i] = mask[i] ? x[i]·scale : 0; y may equal x.
  void (*dropout)(const float *x, const uint8_t *mask, float scale, float *y, size_t count);
  /// x[r, c] += bias[c]
  void (*add_bias)(float *x, size_t stride, const float *bias, size_t rows, size_t columns);
  /// u[r, c] += bias[c]; a[r, c] = activation(u[r, c]). `ldu` and `lda` floats lie between rows; a may be u.
  void (*bias_activation)(activation_kind kind, float *u, size_t ldu, const float *bias, float *a, size_t lda,
                          size_t rows, size_t columns);
  /// da[i] *= activation'(u[i])
  void (*activation_backward)(activation_kind kind, const float *u, float *da, size_t count);

  // ---- rows
  /// z = dropout(x + bias) + residual (in place of x); y = (z - mean)·rstd·gamma + beta, biased variance.
  /// bias, residual and mask may be null. mean and rstd (R each) may be null when there is no backward.
  void (*bias_dropout_residual_layernorm)(float *x, const float *bias, const uint8_t *mask, float scale,
                                          const float *residual, const float *gamma, const float *beta, float epsilon,
                                          float *y, float *mean, float *rstd, size_t rows, size_t columns);
  /// dz from dy, with z, mean and rstd as the forward left them. dz may equal dy.
  void (*layernorm_backward)(const float *dy, const float *z, const float *mean, const float *rstd, const float *gamma,
                             float *dz, size_t rows, size_t columns);
  /// dgamma[c] += Σ_r dy·(z-mean)·rstd and dbeta[c] += Σ_r dy for the columns [first, last); all rows are summed
  /// pairwise in blocks, so that the error does not grow with R.
  void (*layernorm_backward_parameters)(const float *dy, const float *z, const float *mean, const float *rstd,
                                        float *dgamma, float *dbeta, size_t rows, size_t columns, size_t first,
                                        size_t last);
  /// sums[c] += Σ_r x[r, c] for the columns [first, last), summed in blocks.
  void (*column_sums)(const float *x, size_t stride, float *sums, size_t rows, size_t first, size_t last);
  /// Softmax of `scale`·x over the columns whose `keep` is nonzero; the others become exactly 0. keep may be null.
  /// A row without a kept column becomes 0. In place.
  void (*softmax)(float *x, size_t stride, const uint8_t *keep, float scale, size_t rows, size_t columns);
  /// dx = p·(dp - Σ dp·p) per row; dx may equal dp.
  void (*softmax_backward)(const float *p, const float *dp, float *dx, size_t stride, size_t rows, size_t columns);
  /// Cross entropy of each row: losses[r] = -(1-smoothing)·log p[target] - smoothing/C·Σ log p; rows with target < 0
  /// are ignored (loss 0). When dx is not null, dx[r, :] = weight·(p - q) where q is the smoothed target; 0 for
  /// ignored rows. dx may equal x.
  void (*cross_entropy)(const float *x, const int32_t *targets, float smoothing, float weight, float *losses,
                        float *dx, size_t rows, size_t columns);

  // ---- embeddings
  /// out[r] = (word[ids[r]] + type[types[r]]) + position[positions[r]], in this order of additions.
  void (*embed)(const float *word, const float *type, const float *position, const int32_t *ids, const int32_t *types,
                const int32_t *positions, float *out, size_t rows, size_t columns);

  // ---- optimiser
  /// Σ x² in double precision.
  double (*sum_of_squares)(const float *x, size_t count);
  /// torch's AdamW on one range: g·=gradient_scale; p·=decay; m+=(1-β1)(g-m); v=β2·v+(1-β2)g² (with the given one_minus_…);
  /// p-=step_size·m/(sqrt(v)/bias_correction2_sqrt+ε). A null g stands for zeros.
  void (*adamw)(float *p, float *m, float *v, const float *g, const adamw_step *step, size_t count);
  /// y[i] *= factor
  void (*scale)(float *y, float factor, size_t count);

  // ---- element types
  void (*float_from_half)(const uint16_t *x, float *y, size_t count);
  void (*float_from_bfloat16)(const uint16_t *x, float *y, size_t count);
  void (*float_from_double)(const double *x, float *y, size_t count);
  void (*half_from_float)(const float *x, uint16_t *y, size_t count);      // round to nearest even
  void (*bfloat16_from_float)(const float *x, uint16_t *y, size_t count);  // round to nearest even, NaN stays NaN

  // ---- matrix product
  /// As `matrix_product`, by kernels of our own; an element has the same bits wherever it lies in C.
  void (*product)(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                  const float *b, size_t ldb, float beta, float *c, size_t ldc);

  // ---- the optimiser's step and the product that makes its gradient, in one
  /// Part `part` of Σ (dyᵀ·x)², from the Gram matrices of both factors: Σ_st (x·xᵀ)_st·(dy·dyᵀ)_st, x being centred on
  /// its mean token so that nothing cancels. There are ⌈T / NORM_TOKENS⌉ parts.
  double (*gradient_norm)(const gradient_factors *factors, size_t part);
  /// Writes the columns [first, last) of x in the order in which `adamw_product` reads them; `first` is a multiple of
  /// `panel`. `panels` holds T floats for each column, K rounded up to `panel`.
  void (*pack_columns)(const gradient_factors *factors, size_t first, size_t last, float *panels);
  /// `adamw` on rows [first, last) of the weight, contiguous. An element takes the step that it takes when `product`
  /// writes the gradient and `adamw` reads it, bit for bit.
  void (*adamw_product)(const gradient_factors *factors, size_t first, size_t last, float *p, float *m, float *v,
                        const adamw_step *step);

  // ---- linear layers in inference: y (M, N) = act(x (M, K)·Wᵀ + bias), W (N, K)
  /// Outputs (rows of W) that lie side by side in a panel. A panel of floats or halves holds `panel`·K of them; panels
  /// follow one another, the last one filled up with zeros.
  size_t panel;
  /// Copies `n` rows of W, at most `panel`, to a panel.
  void (*pack_floats)(const float *w, size_t ldw, size_t n, size_t k, float *panel);
  /// As `pack_floats`, each weight rounded to the nearest half.
  /// False when a finite weight has become infinite.
  bool (*pack_halves)(const float *w, size_t ldw, size_t n, size_t k, uint16_t *panel);
  /// As `pack_floats`; each row of W is rounded to s8 multiples of its largest magnitude / 127.
  void (*pack_bytes)(const float *w, size_t ldw, size_t n, size_t k, void *panel);
  /// Bytes of a panel of `pack_bytes`, a multiple of 64.
  size_t (*byte_panel_size)(size_t k);
  /// The bits of `product`, then bias and activation.
  void (*linear_floats)(size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *panels,
                        const product_epilogue *epilogue, float *y, size_t ldy);
  /// The bits of `linear_floats` with weights rounded to halves.
  void (*linear_halves)(size_t m, size_t n, size_t k, const float *x, size_t ldx, const uint16_t *panels,
                        const product_epilogue *epilogue, float *y, size_t ldy);
  /// Rows of x up to which `linear_dot` is faster than `product`.
  size_t most_dot_rows;
  /// From W where it lies, without packing. An element is the sum of its vector's lanes, so it has other bits than that
  /// of `product`, but the same wherever it lies in y.
  void (*linear_dot)(size_t m, size_t n, size_t k, const float *x, size_t ldx, const float *w, size_t ldw,
                     const product_epilogue *epilogue, float *y, size_t ldy);
  /// Rounds rows of x to u8: x ≈ scale·(q - zero), where the scale is a 255th of the row's range, 0 included. `ldq`
  /// bytes, a multiple of 4 and at least K, lie between rows of q.
  void (*quantise_rows)(const float *x, size_t ldx, size_t rows, size_t k, uint8_t *q, size_t ldq, float *scales,
                        int32_t *zeros);
  /// Products of `quantise_rows` and `pack_bytes`: exact 32-bit sums, for K up to MOST_BYTE_PRODUCTS, times both
  /// scales, then bias and activation.
  void (*linear_bytes)(size_t m, size_t n, size_t k, const uint8_t *q, size_t ldq, const float *scales,
                       const int32_t *zeros, const void *panels, const product_epilogue *epilogue, float *y,
                       size_t ldy);
} kernel_set;

/// So many products of a u8 and an s8 fit 32 bits, and so does what the zero point adds.
enum { MOST_BYTE_PRODUCTS = 1 << 15 };

/// The sets this processor can run, slowest first; `*count` receives how many.
const kernel_set *kernel_sets(size_t *count);

// ---- attention of one head of one sequence

/// Where one head's rows lie, Q queries and S keys. The rows of keys and values are in one block.
typedef struct {
  size_t queries;        // Q: S, or fewer where only the first tokens' states are wanted
  size_t keys;           // S
  size_t head_size;      // D
  size_t query_stride;   // floats between the query rows of consecutive tokens
  size_t key_stride;     // the same of keys, and of values
  size_t context_stride; // floats between the context rows of consecutive queries
  float scale;           // 1 / sqrt(D)
} head_shape;

/// probabilities (Q, S) = softmax(scale·q·kᵀ) over kept keys; dropped (Q, S) = dropout(probabilities) when mask is not
/// null (may be null otherwise); context = dropped·v. `keep` (S bytes, or null) marks the keys that are not padding.
/// Without a backward `probabilities` may be null: up to ATTENTION_KEYS keys they stay on the stack.
void attention_forward(const kernel_set *set, const head_shape *shape, const float *q, const float *k, const float *v,
                       const uint8_t *keep, const uint8_t *mask, float mask_scale, float *probabilities, float *dropped,
                       float *context);
/// The reverse: dq, dk, dv (rows as those of q, k, v) from dcontext. scratch holds Q·S floats.
void attention_backward(const kernel_set *set, const head_shape *shape, const float *q, const float *k, const float *v,
                        const float *probabilities, const float *dropped, const uint8_t *mask, float mask_scale,
                        const float *dcontext, float *dq, float *dk, float *dv, float *scratch);
/// The most keys whose probabilities need no memory of the caller.
#define ATTENTION_KEYS 4096

// ---- matrix products by the BLAS library, on one thread
//
// On Linux it is OpenBLAS, loaded when it is first needed: it takes 2 ms to load, which every run of a program that is
// linked with it would pay.

/// C (M, N) = op(A)·op(B) + beta·C. A is (M, K), or (K, M) when `transpose_a`; B is (K, N), or (N, K) when
/// `transpose_b`. Only after `blas_prepare` has returned true.
void matrix_product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c, size_t ldc);

/// Makes the BLAS library ready: one thread a call, and kernels that fit this processor even where the library does
/// not know it. False when there is no library. Work is done in the first call only.
bool blas_prepare(void);
/// The library and the kernels it chose, for example "OpenBLAS 0.3.21 Zen"; null when there is no library. Prepares it.
const char *blas_description(void);

/// Denormals are flushed to zero on the calling thread (x86: FTZ and DAZ; arm64: FZ), or as before.
void flush_denormals(bool enabled);
/// The floating-point mode of the calling thread, and the way back to it.
uint64_t floating_point_mode(void);
void set_floating_point_mode(uint64_t mode);

/// The processors the calling thread may run on.
size_t processor_count(void);

/// Tells the processor that the thread is spinning.
static inline void relax_processor(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
