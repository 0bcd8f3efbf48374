// Every kernel for one instruction set. The including file defines
//   LANES       floats in a vector
//   FUSED       1 where a·b + c is one instruction
//   TILE_ROWS   rows of C that a matrix product keeps in registers
//   KERNEL_SET, KERNEL_SET_NAME
// and, around this text, the target attribute of every function.
#include <math.h>
#include <string.h>

#include "sets.h"

#include "lanes.inc.h"

#include "functions.inc.h"

#include "elementwise.inc.h"

#include "layernorm.inc.h"

#include "softmax.inc.h"

#include "optimiser.inc.h"

#include "conversion.inc.h"

#include "product.inc.h"

#include "packed.inc.h"

#include "dot.inc.h"

#include "quantised.inc.h"

const kernel_set KERNEL_SET = {
  .name = KERNEL_SET_NAME,
  .exp = exp_all,
  .erf = erf_all,
  .tanh = tanh_all,
  .tanh_backward = tanh_backward,
  .add = add,
  .dropout = dropout,
  .add_bias = add_bias,
  .bias_activation = bias_activation,
  .activation_backward = activation_backward,
  .bias_dropout_residual_layernorm = bias_dropout_residual_layernorm,
  .layernorm_backward = layernorm_backward,
  .layernorm_backward_parameters = layernorm_backward_parameters,
  .column_sums = column_sums,
  .softmax = softmax,
  .softmax_backward = softmax_backward,
  .cross_entropy = cross_entropy,
  .embed = embed,
  .sum_of_squares = sum_of_squares,
  .adamw = adamw,
  .scale = scale_all,
  .float_from_half = float_from_half,
  .float_from_bfloat16 = float_from_bfloat16,
  .float_from_double = float_from_double,
  .half_from_float = half_from_float,
  .bfloat16_from_float = bfloat16_from_float,
  .product = product,
  .panel = PANEL,
  .pack_floats = pack_floats,
  .pack_halves = pack_halves,
  .pack_bytes = pack_bytes,
  .byte_panel_size = byte_panel_size,
  .linear_floats = linear_floats,
  .linear_halves = linear_halves,
  .most_dot_rows = MOST_DOT_ROWS,
  .linear_dot = linear_dot,
  .quantise_rows = quantise_rows,
  .linear_bytes = linear_bytes,
};
