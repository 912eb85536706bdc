// What every generated loop is made of, behind `scalars.h`: rows of floats in lanes, functions of
// lanes, products of rows with packed weights.  NaN and infinity go through everything, so that a training that
// diverges is seen.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#define ROWS 12  // of a block of a product, whose sums stay in registers
#elif defined(__AVX__)
#define LANES 8
#define ROWS 6
#else
#define LANES 4
#define ROWS 6
#endif
#define PANEL (2 * LANES)  // columns of weights that are multiplied together
#define TILE 64            // sequences that go through all steps together
#define LOCAL static __attribute__((unused))
#define UNROLL _Pragma("GCC unroll 16")

typedef float V __attribute__((vector_size(4 * LANES)));
typedef float Loose __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t I __attribute__((vector_size(4 * LANES)));

INLINE V load(const float* from) { return *(const Loose*)from; }
INLINE void store(float* to, V a) { *(Loose*)to = a; }
INLINE V all(float a) { return a - V{}; }

// -- functions of lanes.  A comparison with NaN is false, so NaN is the branch that is not chosen.

template <class F>
INLINE V each(F function, V a) {
  V y;
  for (int i = 0; i < LANES; i++) y[i] = function(a[i]);
  return y;
}
INLINE V truth(I a) { return (V)(a & (I)all(1.0f)); }
INLINE V least(V a, V b) { return a < b || a != a ? a : b; }
INLINE V largest(V a, V b) { return a > b || a != a ? a : b; }
INLINE V absolute(V a) { return (V)((I)a & 0x7fffffff); }

// exp(a) = (q + 1) scale, with q = expm1 of what is left of a beside a whole number of log(2):
// minimax polynomial, relative error 1.4e-8.  The whole number lies from -126 to 127.
INLINE V expm1_beside(V a, I* power) {
  const V magic = all(12582912.0f);  // 1.5 * 2^23: a sum with it is rounded to a whole number
  V shifted = a * 1.44269504f + magic;
  V whole = shifted - magic;
  V r = a - whole * 0.693359375f + whole * 2.12194440e-4f;
  V p = all(0.001388251022527896f);
  p = p * r + 0.00836658041163092f;
  p = p * r + 0.04166720178049929f;
  p = p * r + 0.1666654317748525f;
  p = p * r + 0.4999999814405987f;
  *power = (I)shifted - (I)magic;
  return r + r * r * p;
}
INLINE V two_to(I power) { return (V)((power + 127) << 23); }
INLINE V exponential(V a) {
  V x = a > 90.0f ? all(90.0f) : a;
  x = x < -105.0f ? all(-105.0f) : x;
  I power;
  V q = expm1_beside(x, &power);
  I half = power >> 1;  // in two steps, which reach infinity and 0
  V scale = two_to(half);
  return (q * scale + scale) * two_to(power - half);
}
INLINE V sigmoid(V a) {
  V x = a > 87.0f ? all(87.0f) : a;
  x = x < -87.0f ? all(-87.0f) : x;
  I power;
  V q = expm1_beside(-x, &power), scale = two_to(power);
  return 1.0f / (1.0f + (q * scale + scale));
}
INLINE V hyperbolic_tangent(V a) {
  V x = a > 10.0f ? all(10.0f) : a;
  x = x < -10.0f ? all(-10.0f) : x;
  I power;
  V q = expm1_beside(x + x, &power), scale = two_to(power);
  V e = q * scale + (scale - 1.0f);  // expm1(2 x), exact near 0
  return e / (e + 2.0f);
}
INLINE V expm1_below_0(V a) {
  V x = a < -87.0f ? all(-87.0f) : a;
  I power;
  V q = expm1_beside(x, &power), scale = two_to(power);
  return q * scale + (scale - 1.0f);
}
// log(a) = power log(2) + 2 atanh((m - 1) / (m + 1)), with m from sqrt(1/2) to sqrt(2)
INLINE V logarithm(V a) {
  I bits = (I)a, power = ((bits - 0x3f3504f3) >> 23);
  V m = (V)(bits - (power << 23)), k = __builtin_convertvector(power, V);
  V s = (m - 1.0f) / (m + 1.0f), z = s * s;
  V p = all(0.22222222f);
  p = p * z + 0.28571429f;
  p = p * z + 0.4f;
  p = p * z + 0.66666667f;
  V y = k * 0.693359375f + (2.0f * s + (s * z * p - k * 2.12194440e-4f));
  I odd = (a < 1.17549435e-38f) | (a > 3.40282347e38f) | (a != a);
  int any = 0;
  for (int i = 0; i < LANES; i++) any |= odd[i];
  return any ? each(logf, a) : y;  // denormal, 0, negative, infinite, no number
}
INLINE V log1p_of(V a) {  // of a from 0 to 1
  V u = 1.0f + a;
  return logarithm(u) + (a - (u - 1.0f)) / u;
}
INLINE V softplus(V a) {
  return largest(a, all(0.0f)) + log1p_of(exponential(-absolute(a)));
}
INLINE V relu(V a) { return a < 0.0f ? all(0.0f) : a; }
INLINE V elu(V a) { return a > 0.0f ? a : expm1_below_0(a > 0.0f ? all(0.0f) : a); }
INLINE V clip(V a, V low, V high) { return least(largest(a, low), high); }
INLINE V sign(V a) { return a != a ? a : truth(a > 0.0f) - truth(a < 0.0f); }
INLINE V choose(V condition, V a, V b) { return condition != 0.0f ? a : b; }
INLINE V leaky_relu(V a, double leak) { return largest(a, a * (float)leak); }
INLINE V hard_sigmoid(V a) { return clip(a / 6.0f + 0.5f, all(0.0f), all(1.0f)); }
INLINE V gelu(V a) { return a * 0.5f * (1.0f + each(erff, a * 0.70710678f)); }
INLINE V remainder_of(V a, V b) {
  V y;
  for (int i = 0; i < LANES; i++) {
    float rest = fmodf(a[i], b[i]);
    y[i] = rest != 0 && (rest < 0) != (b[i] < 0) ? rest + b[i] : rest;
  }
  return y;
}
INLINE V power_of(V a, V b) {
  V y;
  for (int i = 0; i < LANES; i++) y[i] = powf(a[i], b[i]);
  return y;
}

#define EACH(name, of_float) \
  INLINE V name(V a) { return each(of_float, a); }
EACH(root, sqrtf)
EACH(sine, sinf)
EACH(cosine, cosf)
EACH(whole_below, floorf)
EACH(error_function, erff)
#undef EACH

// Numbers that are too small to have all digits are 0 while one of these is there: adjoints that
// fade over many steps would take a hundred times as long.
struct Flushing {
#if defined(__SSE__)
  const unsigned before = __builtin_ia32_stmxcsr();
  Flushing() { __builtin_ia32_ldmxcsr(before | 0x8040); }
  ~Flushing() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
  uint64_t before;
  Flushing() {
    asm volatile("mrs %0, fpcr" : "=r"(before));
    asm volatile("msr fpcr, %0" : : "r"(before | (1ull << 24)));
  }
  ~Flushing() { asm volatile("msr fpcr, %0" : : "r"(before)); }
#endif
};

// -- memory of a call, which a thread keeps for the next one

struct Room {
  float* start = nullptr;
  size_t size = 0;
  float* of(size_t floats) {
    if (floats > size) {
      free(start);
      size_t bytes = (floats * sizeof(float) + 63) / 64 * 64;
      start = (float*)aligned_alloc(64, bytes);
      size = start ? floats : 0;
      if (start) memset(start, 0, bytes);
    }
    return start;
  }
  ~Room() { free(start); }
};
INLINE long up(long n) { return (n + PANEL - 1) / PANEL * PANEL; }

// -- groups of elementwise operations: rows of several vectors in, rows of several out

struct In {
  const float* row;
  long stride;
};
struct Out {
  float* row;
  long stride;
};
typedef void Group(const float* const*, const float* const*, float* const*, long, const float*,
                   float);

// Apply a group to all rows that are live; `ones` are numbers, one a row.
template <Group group, int IN, int ONES, int OUT>
LOCAL void apply(const In* in, const In* ones, const Out* out, long n, long rows,
                 const uint8_t* live, const float* numbers, float t) {
  const long whole = n / LANES * LANES;
  for (long r = 0; r < rows; r++) {
    if (live && !live[r]) continue;
    const float *from[IN + 1], *number[ONES + 1];
    float* to[OUT + 1];
    for (int i = 0; i < IN; i++) from[i] = in[i].row + r * in[i].stride;
    for (int i = 0; i < ONES; i++) number[i] = ones[i].row + r * ones[i].stride;
    for (int i = 0; i < OUT; i++) to[i] = out[i].row + r * out[i].stride;
    if (whole) group(from, number, to, whole, numbers, t);
    if (whole == n) continue;
    // what is left, in rows of its own that are as long as the lanes
    const size_t rest = (n - whole) * sizeof(float);
    float read[IN + 1][LANES], written[OUT + 1][LANES];
    const float* from_rest[IN + 1];
    float* to_rest[OUT + 1];
    for (int i = 0; i < IN; i++) {
      store(read[i], V{});
      memcpy(read[i], from[i] + whole, rest);
      from_rest[i] = read[i];
    }
    for (int i = 0; i < OUT; i++) to_rest[i] = written[i];
    group(from_rest, number, to_rest, LANES, numbers, t);
    for (int i = 0; i < OUT; i++) memcpy(to[i] + whole, written[i], rest);
  }
}
LOCAL long count_live(const uint8_t* live, long rows) {
  long count = 0;
  for (long r = 0; r < rows; r++) count += live[r] != 0;
  return count;
}
// Rows that are not live: a copy of other rows, or 0.
LOCAL void fill(Out to, In from, long n, long rows, const uint8_t* live) {
  for (long r = 0; r < rows; r++) {
    if (live[r]) continue;
    if (from.row)
      memcpy(to.row + r * to.stride, from.row + r * from.stride, n * sizeof(float));
    else
      memset(to.row + r * to.stride, 0, n * sizeof(float));
  }
}
// Rows that are not live: other rows added.
LOCAL void add(Out to, In from, long n, long rows, const uint8_t* live) {
  for (long r = 0; r < rows; r++)
    for (long i = 0; i < n && !live[r]; i++) to.row[r * to.stride + i] += from.row[r * from.stride + i];
}
LOCAL void copy(Out to, In from, long n, long rows) {
  for (long r = 0; r < rows; r++)
    memcpy(to.row + r * to.stride, from.row + r * from.stride, n * sizeof(float));
}

// -- products.  Weights are packed in panels of columns; of a panel, one row after the other.

LOCAL void pack(const float* weights, long inner, long n, long inner_stride, long stride,
                float* to) {
  for (long first = 0; first < n; first += PANEL)
    for (long k = 0; k < inner; k++, to += PANEL)
      for (long j = 0; j < PANEL; j++)
        to[j] = first + j < n ? weights[k * inner_stride + (first + j) * stride] : 0.0f;
}
template <int M, int P>
LOCAL void block(const float* __restrict x, long x_stride, const float* __restrict w, long inner,
                 float* __restrict y, long y_stride) {
  V sum[M][2 * P];
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int j = 0; j < 2 * P; j++) sum[m][j] = V{};
  for (long k = 0; k < inner; k++) {
    V b[2 * P];
    UNROLL for (int j = 0; j < 2 * P; j++)
      b[j] = load(w + (j / 2) * inner * PANEL + k * PANEL + (j % 2) * LANES);
    UNROLL for (int m = 0; m < M; m++) UNROLL for (int j = 0; j < 2 * P; j++)
      sum[m][j] += x[m * x_stride + k] * b[j];
  }
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int j = 0; j < 2 * P; j++)
    store(y + m * y_stride + j * LANES, sum[m][j]);
}
// Rows of x times packed weights (inner, n); rows of y are as long as n rounded up to panels.
LOCAL void product(In x, long rows, const float* w, long inner, long n, Out y) {
  const long panels = up(n) / PANEL, size = inner * PANEL;
  if (rows < 4) {  // few rows: several panels at once, so that sums need not wait for each other
    for (long m = 0; m < rows; m++) {
      const float* row = x.row + m * x.stride;
      float* to = y.row + m * y.stride;
      long p = 0;
      for (; p + 4 <= panels; p += 4) block<1, 4>(row, 0, w + p * size, inner, to + p * PANEL, 0);
      for (; p + 2 <= panels; p += 2) block<1, 2>(row, 0, w + p * size, inner, to + p * PANEL, 0);
      for (; p < panels; p++) block<1, 1>(row, 0, w + p * size, inner, to + p * PANEL, 0);
    }
    return;
  }
  for (long p = 0; p < panels; p++, w += size) {
    const float* row = x.row;
    float* to = y.row + p * PANEL;
    long left = rows;
#define BLOCKS(M)                                                             \
  for (; left >= M; left -= M, row += M * x.stride, to += M * y.stride)       \
    block<M, 1>(row, x.stride, w, inner, to, y.stride);
    BLOCKS(ROWS)
    BLOCKS(4)
    BLOCKS(1)
#undef BLOCKS
  }
}

// -- matrices that a step computes: entries row by row, those of each head after the other

struct Heads {
  long count, rows, columns;  // of one of them
};
typedef void OfMatrix(const float* a, const float* b, float* y, long rows, long columns);

LOCAL void outer(const float* a, const float* b, float* y, long rows, long columns) {
  for (long i = 0; i < rows; i++, y += columns)
    for (long j = 0; j < columns; j++) y[j] = a[i] * b[j];
}
LOCAL void times(const float* matrix, const float* b, float* y, long rows, long columns) {
  for (long i = 0; i < rows; i++, matrix += columns) {
    V sums = V{};
    long j = 0;
    for (; j + LANES <= columns; j += LANES) sums += load(matrix + j) * load(b + j);
    float total = 0;
    for (int k = 0; k < LANES; k++) total += sums[k];
    for (; j < columns; j++) total += matrix[j] * b[j];
    y[i] = total;
  }
}
LOCAL void times_turned(const float* matrix, const float* b, float* y, long rows, long columns) {
  memset(y, 0, columns * sizeof(float));
  for (long i = 0; i < rows; i++, matrix += columns)
    for (long j = 0; j < columns; j++) y[j] += matrix[j] * b[i];
}
// `a`, `b` and `y` advance by these many floats from head to head.
template <OfMatrix function>
LOCAL void of_matrices(In a, In b, Out y, Heads heads, long of_a, long of_b, long of_y, long rows,
                       const uint8_t* live) {
  for (long r = 0; r < rows; r++) {
    if (live && !live[r]) continue;
    for (long h = 0; h < heads.count; h++)
      function(a.row + r * a.stride + h * of_a, b.row + r * b.stride + h * of_b,
               y.row + r * y.stride + h * of_y, heads.rows, heads.columns);
  }
}

// -- over the units of a row, or of each of its groups; 0 groups: all units, and where one number
// is the result, it stands alone

typedef void OverUnits(const float* a, float* y, long n);

LOCAL float sum_of(const float* a, long n) {
  V sums = V{};
  long i = 0;
  for (; i + LANES <= n; i += LANES) sums += load(a + i);
  float total = 0;
  for (int j = 0; j < LANES; j++) total += sums[j];
  for (; i < n; i++) total += a[i];
  return total;
}
LOCAL float largest_of(const float* a, long n) {
  float most = a[0];
  for (long i = 1; i < n; i++) most = a[i] > most || a[i] != a[i] ? a[i] : most;
  return most;
}
LOCAL void sums(const float* a, float* y, long n) { y[0] = sum_of(a, n); }
LOCAL void maxima(const float* a, float* y, long n) { y[0] = largest_of(a, n); }
LOCAL void softmax(const float* a, float* y, long n) {
  const float most = largest_of(a, n);
  for (long i = 0; i < n; i += LANES) {
    float rest[LANES] = {};
    const size_t bytes = (n - i < LANES ? n - i : LANES) * sizeof(float);
    memcpy(rest, a + i, bytes);
    store(rest, exponential(load(rest) - most));
    memcpy(y + i, rest, bytes);
  }
  const float total = sum_of(y, n);
  for (long i = 0; i < n; i++) y[i] /= total;
}
LOCAL void running_sums(const float* a, float* y, long n) {
  float total = 0;
  for (long i = 0; i < n; i++) y[i] = total += a[i];
}
LOCAL void running_sums_back(const float* a, float* y, long n) {
  float total = 0;
  for (long i = n; i-- > 0;) y[i] = total += a[i];
}
LOCAL void shares_of_peaks(const float* a, float* y, long n) {
  const float most = largest_of(a, n);
  long hits = 0;
  for (long i = 0; i < n; i++) hits += a[i] == most;
  for (long i = 0; i < n; i++) y[i] = a[i] == most ? 1.0f / hits : most != most ? most : 0.0f;
}
template <OverUnits function, bool NUMBER>
LOCAL void over_units(In a, Out y, long n, long groups, long rows, const uint8_t* live) {
  const long size = groups ? n / groups : n;
  for (long r = 0; r < rows; r++) {
    if (live && !live[r]) continue;
    const float* from = a.row + r * a.stride;
    float* to = y.row + r * y.stride;
    for (long first = 0; first < n; first += size) {
      function(from + first, to + first, size);
      if (NUMBER && groups)
        for (long i = 1; i < size; i++) to[first + i] = to[first];
    }
  }
}
