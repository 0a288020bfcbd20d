// Pools of secrets: what the operating system did not do for them.
#include "binding/calls.h"
#include "heap/heap.h"

namespace superslab {
namespace {

/// `refusedSecrecy(pool)`: what was refused so far, a set of Secrecy.
Value refused_secrecy(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const Secrecy refused = cache == nullptr ? Secrecy::kNone : cache->pool().refused_secrecy();
  return Napi::Number::New(info.Env(), static_cast<double>(refused));
}

}  // namespace

void export_secret_calls(Napi::Object& exports) {
  export_function<refused_secrecy>(exports, "refusedSecrecy");
}

}  // namespace superslab
