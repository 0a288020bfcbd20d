#include "binding/environment.h"

#include <algorithm>
#include <utility>

#include "addon/leak_sites.h"

namespace superslab {

namespace {

/// On the environment's thread. A call that was under way when the environment began to stop finds
/// no JavaScript to run in; end() does what it was about.
void call_signal(napi_env env, napi_value on_signal, void*, void*) {
  if (env == nullptr) return;
  napi_value undefined;
  if (napi_get_undefined(env, &undefined) != napi_ok) return;
  napi_call_function(env, undefined, on_signal, 0, nullptr, nullptr);
}

}  // namespace

Environment::Environment(Napi::Env env, Runtime& runtime, Napi::Function on_signal)
    : runtime_(runtime) {
  const napi_status status = napi_create_threadsafe_function(
      env, on_signal, nullptr, Napi::String::New(env, "superslab"),
      1,  // one call in the queue: it looks at everything that was asked for
      1, nullptr, nullptr, nullptr, call_signal, &signal_);
  if (status == napi_ok) {
    napi_unref_threadsafe_function(env, signal_);  // it must not keep the process alive
  } else {
    signal_ = nullptr;  // the thread is told to stop, and hears of nobody any more
  }
  // Hooks run last in, first out: this one before that of the signal, which then still exists.
  napi_add_env_cleanup_hook(env, on_cleanup, this);
}

void Environment::wake(void* environment) {
  // Full queue: a call is on its way. Closing: the environment ends, and end() does what was asked.
  napi_threadsafe_function signal = static_cast<Environment*>(environment)->signal_;
  if (signal != nullptr) napi_call_threadsafe_function(signal, nullptr, napi_tsfn_nonblocking);
}

bool Environment::open_pool(const Snapshot* policy, std::string_view name, PoolId& out) {
  if (pools_.size() >= kNoPool) return false;
  Heap* own = policy == nullptr ? nullptr : runtime_.make_heap(*policy, name);
  if (policy != nullptr && own == nullptr) return false;
  Heap& heap = own == nullptr ? runtime_.default_heap() : *own;
  LeaseCache* cache = LeaseCache::attach(heap, wake, this);
  if (cache == nullptr) {
    if (own != nullptr) runtime_.retire_heap(own);
    return false;
  }
  out = static_cast<PoolId>(pools_.size());
  pools_.push_back({cache, own, false, runtime_.id_of(heap), {}});
  return true;
}

void Environment::fold() {
  for (const Pool& pool : pools_) {
    if (pool.cache != nullptr) pool.cache->fold();
  }
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
  if (pool.own_heap == nullptr) {
    detach(pool);  // the default heap goes on without this thread's caches
    return;
  }
  runtime_.note_closed(pool.own_heap);
  pool.cache->close();
  pool.cache->heap().trim(0);
  settle_closed();
}

bool Environment::settle_closed() {
  for (Pool& pool : pools_) {
    // Only pools with a heap of their own are closed, so the budget is theirs alone.
    if (pool.closed && pool.cache != nullptr && pool.own_heap->budget().charged() == 0)
      detach(pool);
  }
  return runtime_.sweep();
}

void Environment::watch_pool(PoolId id, std::string name) {
  pools_[id].watched_name = std::move(name);
}

void Environment::note_end_leak(PoolId id, ByteCount bytes) {
  ++pools_[id].noted_at_end.blocks;
  pools_[id].noted_at_end.bytes += bytes;
}

void Environment::note_leaks(const Pool& pool, const Reclaimed& leaked) {
  if (pool.watched_name.empty() || leaked.blocks <= pool.noted_at_end.blocks) return;
  const std::uint64_t blocks = leaked.blocks - pool.noted_at_end.blocks;
  const ByteCount bytes = leaked.bytes - std::min(leaked.bytes, pool.noted_at_end.bytes);
  LeakSites::of_process().note(
      {pool.heap_id, LeakReason::kThreadEnded, "", ""},
      {pool.watched_name, blocks, static_cast<double>(blocks), bytes, 0, 0});
}

void Environment::note_window(SuperslabIndex index) {
  if (windows_.size() <= index) windows_.resize(index + 1);
  windows_[index] = true;
}

void Environment::on_cleanup(void* environment) { static_cast<Environment*>(environment)->end(); }

void Environment::end() {
  std::vector<Reclaimed> leaked(pools_.size());
  std::vector<BlockNumber> withheld;
  std::vector<BlockNumber> strays;
  own_windows_->end([&](BlockNumber block, bool is_parked) {
    withheld.push_back(block);
    if (is_parked) strays.push_back(block);
  });
  std::sort(strays.begin(), strays.end());
  const auto is_stray = [&](BlockNumber block) {
    return std::binary_search(strays.begin(), strays.end(), block);
  };
  runtime_.leases().bury(this, withheld, [&](auto is_shared) {
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      if (pools_[i].cache != nullptr) leaked[i] = pools_[i].cache->reclaim(is_shared, is_stray);
    }
  });
  for (std::size_t i = 0; i < pools_.size(); ++i) note_leaks(pools_[i], leaked[i]);
  for (Pool& pool : pools_) {
    if (pool.cache != nullptr) detach(pool);
  }
  // No cache is left, so nobody can call wake() any more. The signal is Node's to close: releasing
  // it from a cleanup hook aborts Node 24 and 26.
  delete this;
}

}  // namespace superslab
