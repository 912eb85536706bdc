// What every kernel is made of, on the card and on a CPU.

enum { WHOLE, MASKED, PACKED };  // which rows of steps and sequences are real
constexpr int PIECES = 16;       // of a row, when all threads share an operation over its units
constexpr long FULL = 264;       // blocks that fill a card: two for each multiprocessor of an H100

// Arrays, and how far they are from model to model: 0 where all models read one.
template <int IN, int OUT>
struct ArgumentsOf {
  int steps, sequences, rows, keeps, models, together;
  const void* in[IN + 1];
  long in_stride[IN + 1];
  void* out[OUT + 1];
  long out_stride[OUT + 1];
};
// How many sequences a block takes: as many as may be while the card is full.
template <class Arguments, int N>
static int rows_of(const Arguments& given, const int (&choices)[N], int cluster) {
  if (given.together) return given.together;
  int chosen = choices[0];
  for (int rows : choices) {
    const long blocks = (given.sequences + rows - 1) / rows * (long)given.models * cluster;
    if (blocks >= FULL) chosen = rows;
  }
  return chosen;
}

// The row of a step and a sequence, and whether it is real.
template <int PADDING>
INLINE long row_at(const int32_t* offsets, int t, int sequences, int sequence) {
  return PADDING == PACKED ? offsets[t] + sequence : (long)t * sequences + sequence;
}
template <int PADDING>
INLINE bool is_real(const uint8_t* real, const int32_t* offsets, int t, int sequences,
                    int sequence) {
  if (PADDING == WHOLE) return true;
  if (PADDING == MASKED) return real[(long)t * sequences + sequence];
  return offsets[t + 1] - offsets[t] > sequence;
}
// Of packed sequences, the longest first: how many steps one has.
INLINE int length_of(const int32_t* offsets, int steps, int sequence) {
  int least = 0, most = steps;
  while (least < most) {
    const int middle = (least + most) / 2;
    if (offsets[middle + 1] - offsets[middle] > sequence)
      least = middle + 1;
    else
      most = middle;
  }
  return least;
}

// Rows of `from` times a thread's slice of the weights of its unit.
struct alignas(16) Four {
  float v[4];
};
template <bool ALIGNED>
INLINE Four four(const float* from) {
  if (ALIGNED) return *(const Four*)from;
  return {from[0], from[1], from[2], from[3]};
}
template <bool ALIGNED, int SLICES, int ROWS, int OUT, int PARTS, int MOST>
INLINE void multiply(const float (&weights)[OUT][PARTS][4], const float* from, int stride,
                     int slice, float (&sums)[MOST][ROWS]) {
  UNROLL for (int row = 0; row < ROWS; row++) {
    UNROLL for (int o = 0; o < OUT; o++) sums[o][row] = 0;
    UNROLL for (int part = 0; part < PARTS; part++) {
      const Four x = four<ALIGNED>(from + row * stride + 4 * (slice + SLICES * part));
      UNROLL for (int o = 0; o < OUT; o++) UNROLL for (int k = 0; k < 4; k++)
        sums[o][row] += weights[o][part][k] * x.v[k];
    }
  }
}
// The same with weights in shared memory.
template <bool ALIGNED, int SLICES, int ROWS, int OUT, int PARTS, int THREADS, int MOST>
INLINE void multiply_shared(const Four (&weights)[OUT][PARTS][THREADS], const float* from,
                            int stride, int thread, float (&sums)[MOST][ROWS]) {
  const int slice = thread % SLICES;
  UNROLL for (int o = 0; o < OUT; o++) UNROLL for (int row = 0; row < ROWS; row++) sums[o][row] = 0;
  UNROLL for (int part = 0; part < PARTS; part++) {
    Four x[ROWS];
    UNROLL for (int row = 0; row < ROWS; row++)
      x[row] = four<ALIGNED>(from + row * stride + 4 * (slice + SLICES * part));
    UNROLL for (int o = 0; o < OUT; o++) {
      const Four w = weights[o][part][thread];
      UNROLL for (int row = 0; row < ROWS; row++) UNROLL for (int k = 0; k < 4; k++)
        sums[o][row] += w.v[k] * x[row].v[k];
    }
  }
}
// Add up what the lanes of a unit have.  A lane keeps the row `lane % ROWS`; numbers are added in
// the same order whatever ROWS is.
#define REDUCE(OUT)                                                                   \
  UNROLL for (int bit = 0; 1 << bit < SLICES; bit++)                                  \
    UNROLL for (int o = 0; o < (OUT); o++)                                            \
      UNROLL for (int i = 0; i < (ROWS >> (bit + 1) ? ROWS >> (bit + 1) : 1); i++) {  \
        PHASE { divide<ROWS>(my.sums[o], bit, i, my.slice, my.kept, my.sent); }       \
        PHASE { my.sums[o][i] = my.kept + RECEIVED(sent, 1 << bit); }                 \
      }
template <int ROWS>
INLINE void divide(const float (&sums)[ROWS], int bit, int i, int slice, float& kept,
                   float& sent) {
  if (ROWS >> bit > 1) {  // half of the rows go to the other lane
    const bool odd = slice >> bit & 1;
    const float even_row = sums[(2 * i) % ROWS], odd_row = sums[(2 * i + 1) % ROWS];
    kept = odd ? odd_row : even_row;
    sent = odd ? even_row : odd_row;
  } else {
    kept = sent = sums[0];
  }
}

// -- over the units of a row, or of each of its groups, in pieces

struct Span {
  int first, last;
};
INLINE Span piece_of(int size, int piece) {
  const int length = (size + PIECES - 1) / PIECES, first = piece * length;
  return {first < size ? first : size, first + length < size ? first + length : size};
}
INLINE float largest_in(const float* a, Span span) {
  float most = -INFINITY;
  for (int i = span.first; i < span.last; i++) most = largest(a[i], most);
  return most;
}
INLINE float sum_in(const float* a, Span span) {
  float total = 0;
  for (int i = span.first; i < span.last; i++) total += a[i];
  return total;
}
struct sums {
  INLINE_MEMBER float first(const float* a, Span span) { return sum_in(a, span); }
  INLINE_MEMBER float second(const float*, Span, const float*) { return 0; }
  INLINE_MEMBER float result(const float*, int, int, const float* ahead, const float*) {
    return sum_in(ahead, {0, PIECES});
  }
};
struct maxima {
  INLINE_MEMBER float first(const float* a, Span span) { return largest_in(a, span); }
  INLINE_MEMBER float second(const float*, Span, const float*) { return 0; }
  INLINE_MEMBER float result(const float*, int, int, const float* ahead, const float*) {
    return largest_in(ahead, {0, PIECES});
  }
};
struct softmax {
  INLINE_MEMBER float first(const float* a, Span span) { return largest_in(a, span); }
  INLINE_MEMBER float second(const float* a, Span span, const float* ahead) {
    const float most = largest_in(ahead, {0, PIECES});
    float total = 0;
    for (int i = span.first; i < span.last; i++) total += exponential(a[i] - most);
    return total;
  }
  INLINE_MEMBER float result(const float* a, int, int i, const float* ahead, const float* behind) {
    return exponential(a[i] - largest_in(ahead, {0, PIECES})) / sum_in(behind, {0, PIECES});
  }
};
struct shares_of_peaks {
  INLINE_MEMBER float first(const float* a, Span span) { return largest_in(a, span); }
  INLINE_MEMBER float second(const float* a, Span span, const float* ahead) {
    const float most = largest_in(ahead, {0, PIECES});
    float hits = 0;
    for (int i = span.first; i < span.last; i++) hits += a[i] == most;
    return hits;
  }
  INLINE_MEMBER float result(const float* a, int, int i, const float* ahead, const float* behind) {
    const float most = largest_in(ahead, {0, PIECES});
    if (most != most) return most;
    return a[i] == most ? 1 / sum_in(behind, {0, PIECES}) : 0;
  }
};
struct running_sums {
  INLINE_MEMBER float first(const float* a, Span span) { return sum_in(a, span); }
  INLINE_MEMBER float second(const float*, Span, const float*) { return 0; }
  INLINE_MEMBER float result(const float* a, int size, int i, const float* ahead, const float*) {
    const int piece = i / ((size + PIECES - 1) / PIECES);
    return sum_in(ahead, {0, piece}) + sum_in(a, {piece_of(size, piece).first, i + 1});
  }
};
struct running_sums_back {
  INLINE_MEMBER float first(const float* a, Span span) { return sum_in(a, span); }
  INLINE_MEMBER float second(const float*, Span, const float*) { return 0; }
  INLINE_MEMBER float result(const float* a, int size, int i, const float* ahead, const float*) {
    const int piece = i / ((size + PIECES - 1) / PIECES);
    return sum_in(a, {i, piece_of(size, piece).last}) + sum_in(ahead, {piece + 1, PIECES});
  }
};

// -- one entry of what matrices yield that a step computes: `count` heads of rows x columns

struct Heads {
  int count, rows, columns;
};
INLINE float outer(Heads heads, const float* a, const float* b, int e) {
  const int size = heads.rows * heads.columns, head = e / size, entry = e % size;
  return a[head * heads.rows + entry / heads.columns] *
         b[head * heads.columns + entry % heads.columns];
}
INLINE float times(Heads heads, const float* matrix, const float* b, int e) {
  const float* row = matrix + e * heads.columns;
  const float* column = b + e / heads.rows * heads.columns;
  float total = 0;
  for (int j = 0; j < heads.columns; j++) total += row[j] * column[j];
  return total;
}
INLINE float times_turned(Heads heads, const float* matrix, const float* b, int e) {
  const int head = e / heads.columns;
  const float* column = matrix + head * heads.rows * heads.columns + e % heads.columns;
  float total = 0;
  for (int i = 0; i < heads.rows; i++) total += column[i * heads.columns] * b[head * heads.rows + i];
  return total;
}

// -- names that a kernel has for where it is

#define SEQUENCE(row) \
  (tile * ROWS + (row) < given.sequences ? tile * ROWS + (row) : given.sequences - 1)
#define IS_OWN(row) (tile * ROWS + (row) < given.sequences)
#define AT(t, sequence) row_at<PADDING>(offsets, t, given.sequences, sequence)
#define LIVE(t, sequence) is_real<PADDING>(real, offsets, t, given.sequences, sequence)
