// What one JavaScript environment (the main thread or a worker) has of superslab: its lease caches,
// one for each pool, and the signal by which other threads reach it.
//
// It ends in a cleanup hook, which Node runs when the environment stops, by whatever way. By then
// no JavaScript of this environment will run again and its file and socket requests are finished,
// so what its code still had leased is reclaimed at once.
#pragma once

#include <napi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "addon/cached_pages.h"
#include "addon/compressed_values.h"
#include "addon/end_ledger.h"
#include "addon/process_pools.h"
#include "addon/record_books.h"
#include "binding/ids.h"
#include "binding/loop_timer.h"
#include "binding/own_windows.h"
#include "pools/buffer/buffer_thread_cache.h"
#include "pools/buffer/shown_windows.h"

namespace superslab {

class Environment;

/// An evaluation of the package, for which JavaScript has the environment object. It stays for as
/// long as the environment: the object may outlive the evaluation, which ends with its on_signal.
struct Evaluation {
  Environment& environment;
  EvaluationId id;
  napi_ref on_signal;                         // weak
  std::optional<ShownWindows> shown_windows;  // nothing once it has ended

  bool has_ended() const { return !shown_windows; }
  /// nullptr once it has ended.
  ShownWindows* windows() { return shown_windows ? &*shown_windows : nullptr; }
  ProcessPools& process() const;
  Space& space() const { return process().space(); }
};

/// A pool in one environment, for which JavaScript has an object. It stays for as long as the
/// environment: the object may outlive the pool.
struct EnvironmentPool {
  static constexpr napi_type_tag kTypeTag = {0x6d0f4c1e8ab34d59, 0xa1c7f2935e0b86d2};

  Environment& environment;
  PoolId id;
  Evaluation& evaluation;  // that opened it
  BufferPool* own;         // nullptr for the default pool; one for all shares of a pool with nodes
  PoolAccount account;
  bool has_shares = false;  // there is one for each memory node
  bool is_closed = false;
  std::shared_ptr<RecordBook> records{};       // of a pool of records, until it has everything back
  std::unique_ptr<CompressedValues> values{};  // of a pool of compressed values, likewise
  std::shared_ptr<CachedPages> pages{};        // of a page cache; those who read and write share it

  /// nullptr once the pool is closed and everything of it is home.
  BufferThreadCache* cache() const { return account.cache; }
};

class Environment {
 public:
  Environment(Napi::Env env, ProcessPools& process);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  ProcessPools& process() const { return process_; }
  Space& space() const { return process_.space(); }

  /// `on_signal` is called on this thread after another thread has asked for something, and when
  /// the timer rings, for as long as JavaScript holds it; with it the evaluation ends.
  /// nullptr when Node.js or the ids do not allow another one.
  Evaluation* begin_evaluation(napi_value on_signal);
  /// The evaluation of that id; nullptr when it has ended, or never was.
  Evaluation* evaluation(EvaluationId id);

  /// Has every evaluation's on_signal called within `ms`.
  void ring_within(std::uint64_t ms) {
    if (timer_ != nullptr) timer_->ring_within(ms);
  }

  /// Has every evaluation's on_signal called. Any thread.
  void signal() { wake(this); }

  /// Attaches to the default heap, or makes a heap with `policy`. nullptr without memory.
  /// With `has_nodes` a share of it for each memory node: it is the one of node 0, for_each_share()
  /// finds the others. `has_colours`: see HeapShape.
  EnvironmentPool* open_pool(Evaluation& evaluation, const Policy* policy, std::string_view name,
                             bool has_colours, bool has_nodes);

  /// Calls visit(EnvironmentPool&) for each other share of the same pool that has a cache.
  template <class Visit>
  void for_each_share(const EnvironmentPool& pool, Visit visit) {
    if (pool.own == nullptr || !pool.has_shares) return;
    for (EnvironmentPool& other : pools_)
      if (&other != &pool && other.own == pool.own && other.cache() != nullptr) visit(other);
  }

  /// Brings the counters of this thread up to date, in all pools.
  void fold();

  /// Nothing is cached from now on, in none of its shares. What is leased may still be released.
  void close_pool(EnvironmentPool& pool);

  /// Drops closed pools of which nothing is leased any more.
  /// True while some are left, of any environment.
  bool settle_closed();

  /// ArrayBuffers over single blocks. await()ed ones are told of by the environment's signal.
  const std::shared_ptr<OwnWindows>& own_windows() const { return own_windows_; }

  /// How many blocks that start in the slice are neither free nor cached by this thread.
  std::uint32_t leased_in(SliceIndex slice) const;

 private:
  /// What the finalizer of an evaluation is told; it may run when the environment has ended.
  struct Link {
    std::shared_ptr<Environment*> environment;
    Evaluation& evaluation;
  };

  static void wake(void* environment);
  static void on_cleanup(void* environment);
  static void call_signal(napi_env env, napi_value, void* environment, void*);
  void tell_evaluations();
  void end_evaluation(Evaluation& evaluation);
  void end();
  EnvironmentPool* attach(Evaluation& evaluation, BufferPool* own, NodeOrdinal node);
  void detach(EnvironmentPool& pool);
  void end_others();

  const napi_env env_;
  ProcessPools& process_;
  napi_threadsafe_function signal_ = nullptr;
  LoopTimer* timer_;
  std::deque<EnvironmentPool> pools_;   // from oldest to youngest; they stay where they are
  std::deque<Evaluation> evaluations_;  // likewise; their ids count from 1
  /// Points nowhere once the environment has ended.
  std::shared_ptr<Environment*> self_ = std::make_shared<Environment*>(this);
  std::shared_ptr<OwnWindows> own_windows_ = std::make_shared<OwnWindows>(wake, this);
};

inline ProcessPools& Evaluation::process() const { return environment.process(); }

}  // namespace superslab
