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
#include <unordered_map>
#include <vector>

#include "addon/process_pools.h"
#include "binding/loop_timer.h"
#include "binding/own_windows.h"
#include "pools/buffer/buffer_thread_cache.h"
#include "pools/buffer/shown_windows.h"

namespace superslab {

/// Names a pool within its environment.
using PoolId = std::uint32_t;

/// JavaScript keeps a pool's number beside a tag of 8 bits (lib/pool/magazines.ts).
constexpr PoolId kNoPool = (PoolId{1} << 24) - 1;

/// Names an evaluation of the package within its environment. Test runners evaluate modules anew
/// for each file of tests, in one environment: each evaluation has its pools and windows, and when
/// it can be reached no more, what it had is given back.
using EvaluationId = std::uint32_t;
constexpr EvaluationId kNoEvaluation = 0;
/// JavaScript makes window keys of it: 53 bits less 32.
constexpr EvaluationId kMaxEvaluations = (EvaluationId{1} << 21) - 1;

class Environment {
 public:
  /// Makes the environment's instance.
  Environment(Napi::Env env, ProcessPools& process);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  ProcessPools& process() const { return process_; }

  /// `on_signal` is called on this thread after another thread has asked for something, and when
  /// the timer rings, for as long as JavaScript holds it; with it the evaluation ends.
  /// kNoEvaluation when Node.js or the ids do not allow another one.
  EvaluationId begin_evaluation(napi_value on_signal);
  bool has_evaluation(EvaluationId id) const { return evaluations_.count(id) != 0; }

  /// Has every evaluation's on_signal called within `ms`.
  void ring_within(std::uint64_t ms) {
    if (timer_ != nullptr) timer_->ring_within(ms);
  }

  /// Attaches to the default heap, or makes a heap with `policy`. False without memory.
  bool open_pool(EvaluationId evaluation, const Policy* policy, std::string_view name, PoolId& out);

  /// Brings the counters of this thread up to date, in all pools.
  void fold();

  bool has_pool(PoolId id) const { return id < pools_.size(); }

  /// nullptr once the pool is closed and everything of it is home.
  BufferThreadCache* cache(PoolId id) const { return pools_[id].cache; }

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

  /// How many blocks that start in the slice are neither free nor cached by this thread.
  std::uint32_t leased_in(SliceIndex slice) const;

  /// The windows that an evaluation has; nullptr once it has ended.
  ShownWindows* windows(EvaluationId evaluation);
  /// Those of the evaluation that opened the pool.
  ShownWindows* windows_of_pool(PoolId id) { return windows(pools_[id].evaluation); }

 private:
  struct Pool {
    BufferThreadCache* cache;
    BufferPool* own;  // nullptr for the default pool
    bool closed;
    EvaluationId evaluation;
    HeapId heap_id;
    std::string watched_name;  // empty: nobody asks for its leaks
    Reclaimed noted_at_end{};
  };

  struct Evaluation {
    napi_ref on_signal;  // weak
    ShownWindows windows;
  };
  /// What the finalizer of an evaluation is told; it may run when the environment has ended.
  struct Link {
    std::shared_ptr<Environment*> environment;
    EvaluationId evaluation;
  };

  static void wake(void* environment);
  static void on_cleanup(void* environment);
  static void call_signal(napi_env env, napi_value, void* environment, void*);
  void tell_evaluations();
  void end_evaluation(EvaluationId id);
  void end();
  void detach(Pool& pool);
  void note_leaks(const Pool& pool, const Reclaimed& leaked);

  const napi_env env_;
  ProcessPools& process_;
  napi_threadsafe_function signal_ = nullptr;
  LoopTimer* timer_;
  std::vector<Pool> pools_;
  std::unordered_map<EvaluationId, Evaluation> evaluations_;
  EvaluationId last_evaluation_ = kNoEvaluation;
  /// Points nowhere once the environment has ended.
  std::shared_ptr<Environment*> self_ = std::make_shared<Environment*>(this);
  std::shared_ptr<OwnWindows> own_windows_ = std::make_shared<OwnWindows>(wake, this);
};

}  // namespace superslab
