#include "binding/own_windows.h"

#include "binding/external.h"

namespace superslab {
namespace {

/// What the finalizer of one ArrayBuffer is told.
struct Window {
  std::shared_ptr<OwnWindows> windows;
  WindowKey key;
};

}  // namespace

Napi::Value OwnWindows::make(const std::shared_ptr<OwnWindows>& windows, Napi::Env env, void* data,
                             ByteCount bytes, BlockNumber block, WindowKey key) {
  if (windows->shown_.count(key) != 0) return env.Undefined();
  auto window = std::make_unique<Window>(Window{windows, key});
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, data, bytes,
      [](node_api_basic_env, void*, void* hint) {
        const std::unique_ptr<Window> own(static_cast<Window*>(hint));
        own->windows->freed(own->key);
      },
      window.get(), &buffer);
  if (will_finalize(status)) static_cast<void>(window.release());
  if (status != napi_ok) return env.Undefined();
  windows->shown_.emplace(key, Shown{block});
  return Napi::Value(env, buffer);
}

bool OwnWindows::await(WindowKey key, bool is_parked) {
  const auto at = shown_.find(key);
  if (at == shown_.end()) return false;
  at->second.is_awaited = true;
  at->second.is_parked = is_parked;
  return true;
}

std::vector<WindowKey> OwnWindows::take_unseen(EvaluationId evaluation) {
  std::vector<WindowKey> taken;
  std::erase_if(unseen_, [&](WindowKey key) {
    if (evaluation_of(key) != evaluation) return false;
    shown_.erase(key);
    taken.push_back(key);
    return true;
  });
  return taken;
}

void OwnWindows::forget(EvaluationId evaluation) {
  const auto is_its = [=](WindowKey key) { return evaluation_of(key) == evaluation; };
  std::erase_if(unseen_, is_its);
  std::erase_if(shown_, [=](const auto& shown) { return is_its(shown.first); });
}

void OwnWindows::freed(WindowKey key) {
  const auto at = shown_.find(key);
  if (at == shown_.end()) return;
  if (!at->second.is_awaited || wake_ == nullptr) {
    shown_.erase(at);
    return;
  }
  unseen_.push_back(key);
  wake_(context_);
}

}  // namespace superslab
