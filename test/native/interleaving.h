// All orders of the atomic operations of a few threads, one by one.
//
// A test compiles the real source a second time, in a namespace of its own and with the atomics
// and locks from here, which hand control to a scheduler before each operation:
//
//   #include "interleaving_begin.h"
//   #include "heap/slab_bits.h"
//   #include "interleaving_end.h"
//
// What that source includes of the standard library is included here, before std has another
// meaning. The scheduler runs the threads as fibres of one thread. Memory is sequentially
// consistent here; that the weaker orders suffice is argued in the source and watched by
// ThreadSanitizer in other tests.
#pragma once

#if !defined(__SANITIZE_THREAD__)  // it does not follow fibres
#define SUPERSLAB_HAS_INTERLEAVING 1

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "check.h"

namespace stepped {

/// All interleavings of a few fibres, depth first: each run replays the choices of the last one up
/// to the deepest that can still be increased.
class Explorer {
 public:
  using Body = std::function<void()>;
  static constexpr unsigned kEveryOrder = ~0u;

  /// Called after the switch, right before an operation on `where`.
  std::function<void(const void* where)> observe;
  /// Whether operations on `where` are steps; empty: all are.
  std::function<bool(const void* where)> is_step;
  /// Whether another fibre may also come between an operation and what follows it: for what other
  /// fibres see of plain writes.
  bool steps_after = false;
  /// Whether a fibre that has a lock may be interrupted, too: where no two want the same lock.
  bool steps_under_locks = false;

  /// Runs bodies[0..] in every order of their steps, or in those in which at most `preemptions`
  /// fibres were interrupted that could have gone on: few errors need more than two (Musuvathi and
  /// Qadeer, "Iterative context bounding", 2007). Before each run `reset`, after it `verify`.
  /// Returns the number of runs; stops at the first failed check.
  std::uint64_t explore(const std::vector<Body>& bodies, const Body& reset, const Body& verify,
                        unsigned preemptions = kEveryOrder) {
    choices_.clear();
    std::uint64_t runs = 0;
    do {
      reset();
      run(bodies, preemptions);
      verify();
      ++runs;
    } while (!superslab_test::has_failed() && next_choices());
    return runs;
  }

  void before(const void* where) {
    if (!counts(where)) return;
    yield();
    if (observe) observe(where);
  }
  void after(const void* where) {
    if (steps_after && counts(where)) yield();
  }

  // Taking a lock is a step. A fibre with a lock is not interrupted unless the test says so:
  // whoever wants what it guards would only wait.
  void lock_taken() {
    if (current_ != kScheduler && locks_held_ == 0) yield();
    ++locks_held_;
  }
  void lock_released() { --locks_held_; }

 private:
  static constexpr std::size_t kStack = 128 * 1024;
  static constexpr std::size_t kScheduler = ~std::size_t{0};
  static constexpr std::size_t kMaxFibres = 8;
  struct Fibre {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    const Body* body;
    bool done;
  };
  struct Choice {
    std::size_t taken;
    std::size_t of;
  };

  bool counts(const void* where) const {
    return current_ != kScheduler && (locks_held_ == 0 || steps_under_locks) &&
           (!is_step || is_step(where));
  }

  void yield() {
    const std::size_t self = current_;
    swapcontext(&fibres_[self].context, &scheduler_);
  }

  static void enter(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<Explorer*>(std::uintptr_t{high} << 32 | low);
    Fibre& fibre = self->fibres_[self->current_];
    (*fibre.body)();
    fibre.done = true;
  }

  void start(Fibre& f, const Body& body) {
    if (f.stack == nullptr) f.stack = std::make_unique<char[]>(kStack);
    f.body = &body;
    f.done = false;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.get();
    f.context.uc_stack.ss_size = kStack;
    f.context.uc_link = &scheduler_;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&f.context, reinterpret_cast<void (*)()>(enter), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  }

  void run(const std::vector<Body>& bodies, unsigned preemptions) {
    fibres_.resize(bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i) start(fibres_[i], bodies[i]);
    std::size_t last = kScheduler;
    unsigned interrupted = 0;
    for (std::size_t depth = 0;; ++depth) {
      std::size_t runnable[kMaxFibres];
      std::size_t count = 0;
      const bool goes_on = last != kScheduler && !fibres_[last].done;
      if (goes_on) runnable[count++] = last;
      for (std::size_t i = 0; i < fibres_.size(); ++i) {
        if (!fibres_[i].done && i != last) runnable[count++] = i;
      }
      if (count == 0) return;
      if (goes_on && interrupted == preemptions) count = 1;
      if (depth == choices_.size()) choices_.push_back({0, count});
      if (choices_[depth].of != count) {
        // A test that does not begin each run in the same state.
        superslab_test::report_failure(__FILE__, __LINE__, "the same choices led elsewhere");
        choices_.resize(depth + 1);
        choices_[depth] = {0, count};
      }
      current_ = runnable[choices_[depth].taken];
      if (goes_on && current_ != last) ++interrupted;
      last = current_;
      swapcontext(&scheduler_, &fibres_[current_].context);
      current_ = kScheduler;
    }
  }

  bool next_choices() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().of)
      choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  ucontext_t scheduler_;
  std::vector<Fibre> fibres_;
  std::vector<Choice> choices_;
  std::size_t current_ = kScheduler;
  unsigned locks_held_ = 0;
};

/// Set by the test that runs.
inline Explorer* explorer = nullptr;

/// Makes an explorer the one whose fibres step.
class Exploration : public Explorer {
 public:
  Exploration() { explorer = this; }
  ~Exploration() { explorer = nullptr; }
  Exploration(const Exploration&) = delete;
  Exploration& operator=(const Exploration&) = delete;
};

/// Lets another fibre run; called before each atomic operation.
inline void step(const void* where) {
  if (explorer != nullptr) explorer->before(where);
}
inline void stepped(const void* where) {
  if (explorer != nullptr) explorer->after(where);
}

}  // namespace stepped

// What the source finds as std: everything of it, but for atomics.
namespace stepped_std {
using namespace std;

template <class T>
class atomic_ref {
 public:
  explicit atomic_ref(T& at) : at_(at) {}
  T load(memory_order = memory_order_seq_cst) const {
    return change([](T now) { return now; });
  }
  void store(T v, memory_order = memory_order_seq_cst) const {
    change([&](T) { return v; });
  }
  T exchange(T v, memory_order = memory_order_seq_cst) const {
    return change([&](T) { return v; });
  }
  T fetch_add(T v, memory_order = memory_order_seq_cst) const {
    return change([&](T now) { return static_cast<T>(now + v); });
  }
  T fetch_sub(T v, memory_order = memory_order_seq_cst) const {
    return change([&](T now) { return static_cast<T>(now - v); });
  }
  T fetch_or(T v, memory_order = memory_order_seq_cst) const {
    return change([&](T now) { return static_cast<T>(now | v); });
  }
  /// Never fails without a cause.
  bool compare_exchange_weak(T& expected, T v, memory_order = memory_order_seq_cst,
                             memory_order = memory_order_seq_cst) const {
    const T wanted = expected;
    expected = change([&](T now) { return now == wanted ? v : now; });
    return expected == wanted;
  }

 private:
  /// One operation: what was there before.
  template <class To>
  T change(To to) const {
    stepped::step(&at_);
    const T before = at_;
    at_ = to(before);
    stepped::stepped(&at_);
    return before;
  }

  T& at_;
};

template <class T>
class atomic {
 public:
  constexpr atomic() = default;
  constexpr atomic(T v) : value_(v) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(memory_order = memory_order_seq_cst) const { return here().load(); }
  void store(T v, memory_order = memory_order_seq_cst) { here().store(v); }
  T exchange(T v, memory_order = memory_order_seq_cst) { return here().exchange(v); }
  T fetch_add(T v, memory_order = memory_order_seq_cst) { return here().fetch_add(v); }
  T fetch_sub(T v, memory_order = memory_order_seq_cst) { return here().fetch_sub(v); }
  T fetch_or(T v, memory_order = memory_order_seq_cst) { return here().fetch_or(v); }
  bool compare_exchange_weak(T& expected, T v, memory_order = memory_order_seq_cst,
                             memory_order = memory_order_seq_cst) {
    return here().compare_exchange_weak(expected, v);
  }
  bool compare_exchange_strong(T& expected, T v, memory_order = memory_order_seq_cst,
                               memory_order = memory_order_seq_cst) {
    return here().compare_exchange_weak(expected, v);
  }

 private:
  atomic_ref<T> here() const { return atomic_ref<T>(value_); }

  mutable T value_{};
};

}  // namespace stepped_std

// Locks, in place of those of base/lock.h. No fibre is interrupted while it holds one, so none ever
// waits.
namespace stepped {

class Mutex {
 public:
  template <class Rank>
  explicit constexpr Mutex(Rank) {}
  void lock() { lock_unchecked(); }
  void unlock() { unlock_unchecked(); }
  bool try_lock() {
    lock_unchecked();
    return true;
  }
  void lock_unchecked() {
    if (explorer != nullptr) explorer->lock_taken();
  }
  bool try_lock_unchecked() { return try_lock(); }
  void unlock_unchecked() {
    if (explorer != nullptr) explorer->lock_released();
  }
  bool is_mine() const { return true; }  // whoever asks holds it: see above
};

class LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

struct Condition {
  void notify_all() {}
  template <class... Args>
  void wait_for(Args&&...) {}
};

}  // namespace stepped

#endif
