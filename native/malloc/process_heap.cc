#include "malloc/process_heap.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <new>

#include "base/program_order.h"
#include "malloc/recording.h"
#include "runtime/environment_policy.h"

namespace superslab {
namespace {

/// Between two ticks, so that looking at them costs a hundredth of the time at most.
constexpr Nanos kPausePerSuperslab = 10'000;

/// Between two steps of giving back, in times of a step.
constexpr Nanos kRestPerStep = 20;

/// Ticks without an allocation, and learning begins a window anew.
constexpr Nanos kTicksAtRest = 4;

constinit FrontCache no_cache;

enum class State : std::uint8_t { kNone, kBuilding, kReady, kFailed };
constinit std::atomic<State> state{State::kNone};
pthread_key_t end_of_thread;

/// While a thread gets its cache, or gives it up: a signal handler's child leaves it to itself.
class Changing {
 public:
  explicit Changing(bool& flag) : flag_(flag), before_(flag) {
    flag_ = true;
    in_program_order();
  }
  ~Changing() {
    in_program_order();
    flag_ = before_;
  }
  Changing(const Changing&) = delete;
  Changing& operator=(const Changing&) = delete;

 private:
  bool& flag_;
  const bool before_;
};

Policy read_policy(const OsLimits& limits, PolicyError& error) {
  Policy policy = policy_from_environment(system_os_for_malloc(), error);
  fit_to_malloc(policy, limits.memory);
  return policy;
}

}  // namespace

/// In plain storage: no destructor runs at exit under threads that still allocate.
struct ProcessHeapStorage {
  alignas(ProcessHeap) static unsigned char bytes[sizeof(ProcessHeap)];
  static ProcessHeap* heap() { return reinterpret_cast<ProcessHeap*>(bytes); }
};
alignas(ProcessHeap) constinit unsigned char ProcessHeapStorage::bytes[sizeof(ProcessHeap)] = {};

[[gnu::tls_model("initial-exec")]] constinit thread_local FrontCache* ProcessHeap::front_ =
    &no_cache;
[[gnu::tls_model("initial-exec")]] constinit thread_local ThreadCache* ProcessHeap::cache_ =
    nullptr;
[[gnu::tls_model("initial-exec")]] constinit thread_local bool ProcessHeap::has_ended_ = false;
[[gnu::tls_model("initial-exec")]] constinit thread_local bool ProcessHeap::is_builder_ = false;
[[gnu::tls_model("initial-exec")]] constinit thread_local bool ProcessHeap::is_changing_ = false;

ProcessHeap::ProcessHeap()
    : usable_(space_.open(system_os_for_malloc())),
      limits_(read_limits()),
      policy_(read_policy(limits_, environment_error_)),
      heap_(space_, clock_, policy_,
            {.access = Access::kPointers,
             .is_always_charged = false,
             .purges_tables = true,
             .memory = limits_.memory}),
      mapped_(space_) {}

ProcessHeap* ProcessHeap::get() {
  // Acquire: pairs with the end of build().
  const State now = state.load(std::memory_order_acquire);
  if (now == State::kReady) [[likely]]
    return ProcessHeapStorage::heap();
  return now == State::kFailed ? nullptr : build();
}

ProcessHeap* ProcessHeap::build() {
  State before = State::kNone;
  if (!state.compare_exchange_strong(before, State::kBuilding, std::memory_order_acquire)) {
    if (is_builder_) return nullptr;
    while ((before = state.load(std::memory_order_acquire)) == State::kBuilding) sched_yield();
    return before == State::kReady ? ProcessHeapStorage::heap() : nullptr;
  }
  is_builder_ = true;
  auto* heap = new (ProcessHeapStorage::bytes) ProcessHeap;
  heap->begin_recording();
  heap->heap_.account().set_excess_hook([] { ProcessHeapStorage::heap()->give_back_excess(); });
  const bool good = heap->usable_ && pthread_key_create(&end_of_thread, thread_ends) == 0;
  state.store(good ? State::kReady : State::kFailed, std::memory_order_release);
  is_builder_ = false;
  if (!good) return nullptr;
  // After it is ready: this may allocate.
  pthread_atfork(nullptr, nullptr, after_fork_in_child);
  return heap;
}

/// SUPERSLAB_RECORD.
void ProcessHeap::begin_recording() {
  const char* const path = environment_value(kTraceFileVariable);
  if (path == nullptr || *path == '\0') return;
  const char* const wrong = Recording::begin(path, policy_.record_bytes);
  is_recorded_ = wrong == nullptr;
  if (wrong != nullptr && environment_error_.kind == PolicyErrorKind::kNone)
    describe_trace_file(path, wrong, environment_error_);
}

ThreadCache* ProcessHeap::attach() {
  const Changing changing(is_changing_);
  ThreadCache* cache = ThreadCache::attach(heap_);
  if (cache == nullptr) return nullptr;
  cache_ = cache;
  if (!policy_.check && !is_recorded_) front_ = cache;  // the slow paths check and record
  // Once they are set: this may allocate. Other destructors of the thread that run after ours and
  // allocate attach it again, and the system calls ours again for that.
  pthread_setspecific(end_of_thread, cache);
  return cache;
}

void ProcessHeap::thread_ends(void* cache) {
  const Changing changing(is_changing_);
  front_ = &no_cache;
  cache_ = nullptr;
  has_ended_ = true;
  static_cast<ThreadCache*>(cache)->detach();
  if (ProcessHeapStorage::heap()->is_recorded_) Recording::thread_ends();
  ProcessHeapStorage::heap()->heap_.account().after_frees();
}

void ProcessHeap::tick() {
  const Nanos now = clock_.now();
  Nanos due = next_tick_.load(std::memory_order_relaxed);
  if (now < due) return;
  const Nanos delay = heap_.account().purge_delay();
  // A tick looks at every superslab: the more there are, the rarer.
  const Nanos pause =
      delay / 2 + heap_.committed_bytes() / kSuperslabBytes * kPausePerSuperslab + 1;
  // One thread at a time; the others come too late for this one.
  if (!next_tick_.compare_exchange_strong(due, now + pause, std::memory_order_relaxed)) return;
  if (!purging_.try_lock()) return;
  const Nanos start = precise_now();
  const bool is_left = heap_.purger().give_back_unused(now > delay ? now - delay : 0);
  // A step is short, and what is left of the work waits in between, so that it costs little of the
  // time of whoever comes by.
  if (is_left) {
    const Nanos rest = (precise_now() - start) * kRestPerStep;
    next_tick_.store(now + std::min(rest, pause), std::memory_order_relaxed);
  }
  learn(now);
  purging_.unlock();
}

/// A program of one thread keeps one: it learns along with its allocations.
void ProcessHeap::learn(Nanos now) {
  if (!CapacityLearning::is_wanted(policy_)) return;
  if (learning_ == nullptr) {
    learning_ = space_.metadata().make<CapacityLearning>(space_.os(), policy_,
                                                         ThreadCache::kMostBlocks, Nanos{0});
    if (learning_ == nullptr) return;
  }
  // Nobody comes by while nothing is allocated: that is no late tick.
  const Nanos tick = to_nanos(policy_.learn_interval_ms);
  if (now - learned_at_ > kTicksAtRest * tick) learning_->rest();
  learned_at_ = now;
  learning_->step(heap_, 0);
}

void ProcessHeap::give_back_excess() {
  if (!purging_.try_lock()) return;
  heap_.purger().give_back_excess(cache_ == nullptr ? nullptr : &cache_->owner());
  purging_.unlock();
}

ByteCount ProcessHeap::trim() {
  LockGuard guard(purging_);
  if (cache_ != nullptr) cache_->flush();
  return heap_.trim(0) + space_.purge_idle(~Nanos{0});
}

ByteCount ProcessHeap::relieve() {
  heap_.caches().ask_for_flush(nullptr);
  LockGuard guard(purging_);
  return heap_.purger().relieve() + space_.purge_idle(~Nanos{0});
}

// Nothing is done before a fork: fork() waits for locks of the C library, as those of streams,
// whose holders may have to allocate before they let go. So a fork finds the other threads wherever
// they are, and its child, which they are not in, looks after what they were changing.
void ProcessHeap::after_fork_in_child() {
  // A handler might fork again.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  ProcessHeap& heap = *ProcessHeapStorage::heap();
  if (heap.is_recorded_) Recording::survive_fork();
  if (!heap.survive_fork()) ThreadCache::detach_others(heap.heap_, cache_);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

/// Whether this thread stands in the middle of something itself.
bool ProcessHeap::survive_fork() NO_THREAD_SAFETY_ANALYSIS {
  bool is_inside = is_changing_ || (cache_ != nullptr && cache_->is_busy());
  const auto look = [&](Holder holder) { is_inside |= holder == Holder::kMe; };
  look(purging_.survive_fork());
  look(mapped_.survive_fork());
  if (learning_ != nullptr) look(learning_->survive_fork());
  look(space_.survive_fork());
  const Holder last_frees = SlabOwner::survive_last_frees();
  look(last_frees);
  const bool is_suspect = last_frees == Holder::kVanished;
  const SlabOwner* mine = cache_ == nullptr ? nullptr : &cache_->owner();
  for (const std::atomic<ForkHook>& others : fork_hooks_) {
    const ForkHook hook = others.load(std::memory_order_relaxed);
    if (hook != nullptr) is_inside |= hook(mine, is_suspect);
  }
  is_inside |= heap_.survive_fork(mine, is_suspect);
  return is_inside;
}

}  // namespace superslab
