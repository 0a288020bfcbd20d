#include "binding/environment.h"

namespace superslab {

Environment::Environment(Napi::Env env, Runtime& runtime, Napi::Function on_signal)
    : runtime_(runtime),
      env_(env),
      // One call in the queue is enough: it looks at everything that was asked for.
      signal_(Napi::ThreadSafeFunction::New(env, on_signal, "superslab signal", 1, 1)) {
  // It must not keep the process alive.
  signal_.Unref(env);
  // Hooks run last in, first out: this one before that of the signal, which then still exists.
  napi_add_env_cleanup_hook(env, on_cleanup, this);
}

void Environment::wake(void* environment) {
  // Full queue: a call is on its way. Closing: the environment ends and its cleanup hook will do
  // what was asked for.
  static_cast<Environment*>(environment)->signal_.NonBlockingCall();
}

bool Environment::open_pool(const Snapshot* policy, PoolId& out) {
  Heap* own = policy == nullptr ? nullptr : runtime_.make_heap(*policy);
  if (policy != nullptr && own == nullptr) return false;
  Heap& heap = own == nullptr ? runtime_.default_heap() : *own;
  LeaseCache* cache = LeaseCache::attach(heap, wake, this);
  if (cache == nullptr) {
    if (own != nullptr) runtime_.retire_heap(own);
    return false;
  }
  out = static_cast<PoolId>(pools_.size());
  pools_.push_back({cache, own, false});
  return true;
}

void Environment::detach(Pool& pool) {
  pool.cache->detach();
  pool.cache = nullptr;
  if (pool.own_heap != nullptr) runtime_.retire_heap(pool.own_heap);
}

void Environment::close_pool(PoolId id) {
  Pool& pool = pools_[id];
  if (pool.cache == nullptr || pool.closed) return;
  pool.closed = true;
  pool.cache->close();
  pool.cache->heap().trim(0);
  settle_closed();
}

void Environment::settle_closed() {
  for (Pool& pool : pools_) {
    // Only pools with a heap of their own are closed, so the budget is theirs alone.
    if (pool.closed && pool.cache != nullptr && pool.own_heap->budget().charged() == 0)
      detach(pool);
  }
  runtime_.sweep();
}

void Environment::note_window(SuperslabIndex index) {
  if (windows_.size() <= index) windows_.resize(index + 1);
  windows_[index] = true;
}

void Environment::on_cleanup(void* environment) { static_cast<Environment*>(environment)->end(); }

void Environment::end() {
  runtime_.leases().bury(this, [this](auto is_shared) {
    for (Pool& pool : pools_) {
      if (pool.cache != nullptr) pool.cache->reclaim(is_shared);
    }
  });
  for (Pool& pool : pools_) {
    if (pool.cache != nullptr) detach(pool);
  }
  // No cache is left, so nobody can call wake() any more.
  signal_.Abort();
  delete this;
}

}  // namespace superslab
