// Arrays of float32 side by side, and cut: copies, for each of which XLA would compile a kernel.
// `in[0]` are sizes: rows, columns of the whole, the first column, how many pieces, their columns.
#include <stdint.h>
#include <string.h>

static void join(void* const* in, void* const* out) {
  const int32_t* sizes = (const int32_t*)in[0];
  float* whole = (float*)out[0];
  for (int64_t row = 0; row < sizes[0]; row++)
    for (int64_t piece = 0; piece < sizes[3]; piece++) {
      const int64_t columns = sizes[4 + piece];
      memcpy(whole, (const float*)in[1 + piece] + row * columns, columns * sizeof(float));
      whole += columns;
    }
}

static void cut(void* const* in, void* const* out) {
  const int32_t* sizes = (const int32_t*)in[0];
  for (int64_t row = 0; row < sizes[0]; row++) {
    const float* whole = (const float*)in[1] + row * sizes[1] + sizes[2];
    for (int64_t piece = 0; piece < sizes[3]; piece++) {
      const int64_t columns = sizes[4 + piece];
      memcpy((float*)out[piece] + row * columns, whole, columns * sizeof(float));
      whole += columns;
    }
  }
}
