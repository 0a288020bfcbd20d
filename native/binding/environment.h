// What one JavaScript environment (the main thread or a worker) has of superslab: its lease caches,
// one for each pool, and the signal by which other threads reach it.
//
// It ends in a cleanup hook, which Node runs when the environment stops, by whatever way. By then
// no JavaScript of this environment will run again and its file and socket requests are finished,
// so what its code still had leased is reclaimed at once.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "binding/own_windows.h"
#include "heap/lease_cache.h"
#include "runtime/runtime.h"

namespace superslab {

/// Names a pool within its environment.
using PoolId = std::uint32_t;

/// JavaScript keeps a pool's number beside a tag of 8 bits (lib/pool/magazines.ts).
constexpr PoolId kNoPool = (PoolId{1} << 24) - 1;

class Environment {
 public:
  /// Makes the environment's instance. `on_signal` is called on this thread after another thread
  /// has asked for something.
  Environment(Napi::Env env, Runtime& runtime, Napi::Function on_signal);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  Runtime& runtime() const { return runtime_; }

  /// Attaches to the default heap, or makes a heap with `policy`. False without memory.
  bool open_pool(const Snapshot* policy, std::string_view name, PoolId& out);

  /// Brings the counters of this thread up to date, in all pools.
  void fold();

  bool has_pool(PoolId id) const { return id < pools_.size(); }

  /// nullptr once the pool is closed and everything of it is home.
  LeaseCache* cache(PoolId id) const { return pools_[id].cache; }

  /// Nothing is cached from now on. What is leased may still be released.
  void close_pool(PoolId id);

  /// Drops closed pools of which nothing is leased any more.
  /// True while some are left, of any environment.
  bool settle_closed();

  /// What this thread has leased of the pool when it ends is noted as leaked, under this name.
  void watch_pool(PoolId id, std::string name);
  std::string_view watched_name(PoolId id) const { return pools_[id].watched_name; }
  /// JavaScript has noted one such lease itself, with more than we know.
  void note_end_leak(PoolId id, ByteCount bytes);
  HeapId heap_id(PoolId id) const { return pools_[id].heap_id; }

  /// ArrayBuffers over single blocks. await()ed ones are told of by the environment's signal.
  const std::shared_ptr<OwnWindows>& own_windows() const { return own_windows_; }

  /// Remembers that JavaScript has a window of `index`.
  void note_window(SuperslabIndex index);

  /// Calls drop(index) for each window that JavaScript has of a superslab that is in no pool any
  /// more, and forgets it.
  template <class Drop>
  void drop_stale_windows(Drop drop);

 private:
  struct Pool {
    LeaseCache* cache;
    Heap* own_heap;  // nullptr for the default heap
    bool closed;
    HeapId heap_id;
    std::string watched_name;  // empty: nobody asks for its leaks
    Reclaimed noted_at_end{};
  };

  static void wake(void* environment);
  static void on_cleanup(void* environment);
  void end();
  void detach(Pool& pool);
  void note_leaks(const Pool& pool, const Reclaimed& leaked);

  Runtime& runtime_;
  napi_threadsafe_function signal_ = nullptr;
  std::vector<Pool> pools_;
  std::vector<bool> windows_;
  std::shared_ptr<OwnWindows> own_windows_ = std::make_shared<OwnWindows>(wake, this);
};

template <class Drop>
void Environment::drop_stale_windows(Drop drop) {
  for (SuperslabIndex i = 0; i < windows_.size(); ++i) {
    if (!windows_[i] ||
        runtime_.space().superslab(i).use.load(std::memory_order_relaxed) == SuperslabUse::kSlabs) {
      continue;
    }
    windows_[i] = false;
    drop(i);
  }
}

}  // namespace superslab
