// Behind generated loops: what XLA calls, which hands a loop its arrays as pointers.
#include "xla/ffi/api/c_api.h"

typedef void Loop(void* const*, void* const*);

static XLA_FFI_Error* called(XLA_FFI_CallFrame* frame, Loop* loop) {
  XLA_FFI_Extension_Base* extension = frame->extension_start;
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
  loop(in, out);
  return nullptr;
}
extern "C" XLA_FFI_Error* call_forward(XLA_FFI_CallFrame* frame) { return called(frame, forward); }
extern "C" XLA_FFI_Error* call_backward(XLA_FFI_CallFrame* frame) {
  return called(frame, backward);
}
