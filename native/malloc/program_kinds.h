// The pools of a program that are of other kinds than fixed: what their registry knows of them.
//
// A pool that is closed while something of it is out ends with the last of that: whoever gives it
// back has the pool pinned.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/lock.h"
#include "malloc/process_heap.h"
#include "policy/relief_step.h"

namespace superslab {

class ProgramKind {
 public:
  enum class Kind : std::uint8_t { kPackets, kGenerational, kCompressed, kPageCache };

  ProgramKind(const ProgramKind&) = delete;
  ProgramKind& operator=(const ProgramKind&) = delete;

  Kind kind() const { return kind_; }

  /// Keeps it from ending. Any thread, while it cannot end otherwise.
  void pin() { pins_.fetch_add(1, std::memory_order_relaxed); }
  /// It may be gone afterwards.
  void unpin();

  // All of them -------------------------------------------------------------------------------

  /// With SUPERSLAB_CHECK: ends the process unless `pool` is one of that kind. `function` is what
  /// was called with it.
  static void check(const char* function, const void* pool, Kind kind) {
    if (is_checked()) [[unlikely]]
      check_now(function, pool, kind);
  }
  /// Whether SUPERSLAB_CHECK is set. False before there is a pool.
  static bool is_checked() { return is_checked_.load(std::memory_order_relaxed); }

  /// Calls visit(ProgramKind&) for each, with no lock held; none of those ends meanwhile.
  template <class Visit>
  static void for_each(Visit visit) {
    for (ProgramKind* pool = pin_after(nullptr); pool != nullptr;) {
      visit(*pool);
      ProgramKind* const next = pin_after(pool);
      pool->unpin();
      pool = next;
    }
  }

  /// Gives what is idle back, and what is idle for long enough. Those that are parts of a fixed
  /// pool do nothing here.
  static ByteCount trim_all();
  static void tick_all();
  /// Pool::relieve() of each.
  static ByteCount relieve_all(ReliefStep step);

 protected:
  explicit ProgramKind(Kind kind) : kind_(kind) {}
  ~ProgramKind() = default;

  /// Makes it known, when it is whole.
  void enter(ProcessHeap& process);

  /// Whether it is closed and nobody has anything of it. With the registry's lock.
  virtual bool is_done() const = 0;
  /// Destroys it. Nobody knows it any more.
  virtual void end() = 0;

  virtual ByteCount trim_idle() { return 0; }
  virtual void tick() {}
  /// While memory is scarce, on a thread that uses no pool: as Pool::relieve().
  virtual ByteCount relieve(ReliefStep) { return 0; }
  /// In the child of a fork: as Heap::survive_fork().
  virtual bool survive_fork(const SlabOwner*, bool) { return false; }

 private:
  class Registry;
  static Registry registry;

  static constinit std::atomic<bool> is_checked_;

  static void check_now(const char* function, const void* pool, Kind kind);
  static ProgramKind* pin_after(const ProgramKind* before);

  ProgramKind* next_ = nullptr;  // under the registry's lock
  std::atomic<std::uint32_t> pins_{0};
  const Kind kind_;
};

}  // namespace superslab
