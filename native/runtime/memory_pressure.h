// How scarce memory is for this process: reads what the operating system says when it is time, and
// keeps what follows for every thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/lock.h"
#include "base/types.h"
#include "os/pressure.h"
#include "policy/snapshot.h"
#include "runtime/pressure_controller.h"

namespace superslab {

struct PressureState {
  PressureFinding finding;
  ReliefStep step = ReliefStep::kNothing;  // that is to be done, with those before it
  std::uint64_t reliefs = 0;               // another number whenever there is something to be done
  std::uint64_t rises = 0;                 // how often the level rose
  Nanos changed_at = 0;  // of wall_now(): when the level changed; 0 if it never did
};

class MemoryPressure {
 public:
  /// nullptr is a system that says nothing.
  MemoryPressure(PressureSource* source, const ProcessSnapshot& settings);

  /// What came of the last readings. If it is time, and has been for `late`, reads first, unless
  /// another thread does. `pool_bytes`: what all pools have from the operating system. Any thread.
  PressureState poll(ByteCount pool_bytes, Nanos now, Nanos late = 0);

  /// What came of the last readings. Any thread.
  PressureState state() const;

  /// In the child of a fork, where nobody reads. Whether the caller holds the lock itself.
  bool survive_fork();

  /// Reads from there from now on, at once and with all that was found forgotten. Not while another
  /// thread polls: for tests.
  void read_from(PressureSource* source);

 private:
  void read(ByteCount pool_bytes, Nanos now);

  PressureSource* source_;  // of who reads
  const ProcessSnapshot settings_;
  std::atomic<bool> is_reading_{false};
  std::atomic<Nanos> due_{0};
  mutable Mutex lock_{LockRank::kPressure};
  PressureController controller_ GUARDED_BY(lock_);
  PressureState state_ GUARDED_BY(lock_){};
};

}  // namespace superslab
