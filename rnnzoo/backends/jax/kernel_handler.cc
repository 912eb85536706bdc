// Behind kernels of ours: what XLA calls, which hands them their arrays as pointers, and says how
// far each is from model to model.  Under `vmap` arrays have axes ahead of their own, of length 1
// where all models read the same.
#include "xla/ffi/api/c_api.h"

#include <string.h>

typedef const char* Kernel(const int*, void* const*, const long*, void* const*, const long*,
                           Stream);
enum { MOST = 256 };  // arrays of a kernel

static XLA_FFI_Error* failed(XLA_FFI_CallFrame* frame, const char* message) {
  XLA_FFI_Error_Create_Args args = {};
  args.struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE;
  args.message = message;
  args.errc = XLA_FFI_Error_Code_INTERNAL;
  return frame->api->XLA_FFI_Error_Create(&args);
}
static const int32_t* numbers(XLA_FFI_CallFrame* frame, const char* name) {
  for (int64_t i = 0; i < frame->attrs.size; i++) {
    const XLA_FFI_ByteSpan* span = frame->attrs.names[i];
    if (span->len == strlen(name) && !memcmp(span->ptr, name, span->len))
      return (const int32_t*)((XLA_FFI_Array*)frame->attrs.attrs[i])->data;
  }
  return nullptr;
}
static long product(const int64_t* dims, int64_t first, int64_t last) {
  long total = 1;
  for (int64_t i = first; i < last; i++) total *= dims[i];
  return total;
}
// An array and its stride; whether models can be counted through it.
static bool laid(const XLA_FFI_Buffer* buffer, int rank, long models, void** data, long* stride) {
  const long ahead = product(buffer->dims, 0, buffer->rank - rank);
  *data = buffer->data;
  *stride = ahead == 1 ? 0 : product(buffer->dims, buffer->rank - rank, buffer->rank);
  return ahead == 1 || ahead == models;
}
static XLA_FFI_Error* called(XLA_FFI_CallFrame* frame, Kernel* kernel) {
  auto* extension = frame->extension_start;  // whose type JAX 0.11.1 renamed
  if (extension && extension->type == XLA_FFI_Extension_Metadata) {
    XLA_FFI_Metadata* metadata = ((XLA_FFI_Metadata_Extension*)extension)->metadata;
    metadata->api_version.major_version = XLA_FFI_API_MAJOR;
    metadata->api_version.minor_version = XLA_FFI_API_MINOR;
#ifdef __CUDACC__
    metadata->traits = XLA_FFI_HANDLER_TRAITS_COMMAND_BUFFER_COMPATIBLE;
#endif
    return nullptr;
  }
  Stream stream = nullptr;
#ifdef __CUDACC__
  XLA_FFI_Stream_Get_Args asked = {};
  asked.struct_size = XLA_FFI_Stream_Get_Args_STRUCT_SIZE;
  asked.ctx = frame->ctx;
  if (XLA_FFI_Error* error = frame->api->XLA_FFI_Stream_Get(&asked)) return error;
  stream = (Stream)asked.stream;
#endif
  const int32_t *given = numbers(frame, "counts"), *ranks = numbers(frame, "ranks");
  if (!given || !ranks || frame->args.size > MOST || frame->rets.size > MOST)
    return failed(frame, "a kernel was called with other arguments than it has");
  const XLA_FFI_Buffer* result = (XLA_FFI_Buffer*)frame->rets.rets[0];
  const long models = product(result->dims, 0, result->rank - ranks[frame->args.size]);
  const int counts[] = {given[0], given[1], given[2], given[3], (int)models, 0};
  void *in[MOST], *out[MOST];
  long in_strides[MOST], out_strides[MOST];
  bool is_laid = true;
  for (int64_t i = 0; i < frame->args.size; i++)
    is_laid &= laid((XLA_FFI_Buffer*)frame->args.args[i], *ranks++, models, in + i, in_strides + i);
  for (int64_t i = 0; i < frame->rets.size; i++)
    is_laid &=
        laid((XLA_FFI_Buffer*)frame->rets.rets[i], *ranks++, models, out + i, out_strides + i);
  if (!is_laid) return failed(frame, "arrays of several models are mapped over different axes");
  const char* problem = kernel(counts, in, in_strides, out, out_strides, stream);
  return problem ? failed(frame, problem) : nullptr;
}
#define CALLED(name) \
  extern "C" XLA_FFI_Error* call_##name(XLA_FFI_CallFrame* frame) { return called(frame, name); }
