// Behind functions of ours: what XLA calls, which hands them their arrays as pointers.
#include <alloca.h>

#include "xla/ffi/api/c_api.h"

typedef void Function(void* const*, void* const*);

static XLA_FFI_Error* called(XLA_FFI_CallFrame* frame, Function* function) {
  auto* extension = frame->extension_start;  // whose type JAX 0.11.1 renamed
  if (extension && extension->type == XLA_FFI_Extension_Metadata) {
    XLA_FFI_Metadata* metadata = ((XLA_FFI_Metadata_Extension*)extension)->metadata;
    metadata->api_version.major_version = XLA_FFI_API_MAJOR;
    metadata->api_version.minor_version = XLA_FFI_API_MINOR;
    return nullptr;
  }
  void** in = (void**)alloca(frame->args.size * sizeof(void*));
  void** out = (void**)alloca(frame->rets.size * sizeof(void*));
  for (int64_t i = 0; i < frame->args.size; i++)
    in[i] = ((XLA_FFI_Buffer*)frame->args.args[i])->data;
  for (int64_t i = 0; i < frame->rets.size; i++)
    out[i] = ((XLA_FFI_Buffer*)frame->rets.rets[i])->data;
  function(in, out);
  return nullptr;
}
#define CALLED(name) \
  extern "C" XLA_FFI_Error* call_##name(XLA_FFI_CallFrame* frame) { return called(frame, name); }
