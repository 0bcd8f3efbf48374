// No conversion instructions: every set gives the same bits, and subnormal halves survive on a thread that flushes
// subnormals, because no operand or result below is a subnormal float.

typedef uint32_t words __attribute__((ext_vector_type(LANES)));

INLINE shorts load_shorts(const uint16_t *p, size_t n) {
  if (n >= LANES) return *(const shorts *)p;
  shorts x = 0;
  for (size_t i = 0; i < n; i++) x[i] = p[i];
  return x;
}

INLINE void store_shorts(uint16_t *p, words x, size_t n) {
  shorts narrow = __builtin_convertvector(x, shorts);
  if (n >= LANES) {
    *(shorts *)p = narrow;
  } else {
    for (size_t i = 0; i < n; i++) p[i] = narrow[i];
  }
}

static void float_from_half(const uint16_t *x, float *y, size_t count) {
  FOR_VECTORS(i, n, count) {
    words half = __builtin_convertvector(load_shorts(x + i, n), words);
    words sign = (half & 0x8000) << 16, magnitude = half & 0x7fff;
    words normal = (magnitude << 13) + ((127u - 15) << 23);
    words special = (magnitude << 13) | 0x7f800000 | (magnitude > 0x7c00 ? (words)0x400000 : (words)0);
    // A subnormal is an integer of 2^-24; both operands of the difference are normal numbers.
    floats subnormal = __builtin_bit_cast(floats, (magnitude << 13) + (113u << 23)) - 0x1p-14f;
    words bits = magnitude < 0x400 ? __builtin_bit_cast(words, subnormal) : normal;
    bits = magnitude >= 0x7c00 ? special : bits;
    store(y + i, __builtin_bit_cast(floats, bits | sign), n);
  }
}

static void half_from_float(const float *x, uint16_t *y, size_t count) {
  FOR_VECTORS(i, n, count) {
    words bits = __builtin_bit_cast(words, load(x + i, n));
    words sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
    // Half the last kept bit less one, plus that bit: ties go to even, carries into the exponent are right.
    words normal = (magnitude - ((127u - 15) << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    // Adding 0.5 leaves units of 2^-24, rounded by the adder.
    words shifted = __builtin_bit_cast(words, __builtin_bit_cast(floats, magnitude) + 0.5f);
    words half = magnitude < (113u << 23) ? shifted - 0x3f000000 : normal;
    half = magnitude >= 0x47800000 ? (words)0x7c00 : half;  // from 65536; 65520 and up round to it
    half = magnitude > 0x7f800000 ? 0x7e00 | ((magnitude >> 13) & 0x3ff) : half;
    store_shorts(y + i, half | sign, n);
  }
}

static void float_from_bfloat16(const uint16_t *x, float *y, size_t count) {
  FOR_VECTORS(i, n, count) {
    words bits = __builtin_convertvector(load_shorts(x + i, n), words) << 16;
    store(y + i, __builtin_bit_cast(floats, bits), n);
  }
}

static void bfloat16_from_float(const float *x, uint16_t *y, size_t count) {
  FOR_VECTORS(i, n, count) {
    words bits = __builtin_bit_cast(words, load(x + i, n));
    words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    words nan = (bits >> 16) | 0x40;
    store_shorts(y + i, (bits & 0x7fffffff) > 0x7f800000 ? nan : rounded, n);
  }
}

static void float_from_double(const double *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = (float)x[i];
}
