#include "runtime/memory_pressure.h"

namespace superslab {

MemoryPressure::MemoryPressure(PressureSource* source, const ProcessSnapshot& settings)
    : source_(source), settings_(settings), controller_(settings) {}

PressureState MemoryPressure::state() const {
  LockGuard guard(lock_);
  return state_;
}

// The files are read with no lock held: under pressure that may take long.
void MemoryPressure::read(ByteCount pool_bytes, Nanos now) {
  PressureInput input;
  if (source_ != nullptr) input.system = source_->read();
  input.pool_bytes = pool_bytes;
  input.now = now;
  LockGuard guard(lock_);
  const PressureLevel before = controller_.level();
  if (controller_.read(input)) ++state_.reliefs;
  state_.finding = controller_.finding();
  state_.step = controller_.step();
  state_.rises = controller_.rises();
  if (controller_.level() != before) state_.changed_at = wall_now();
}

PressureState MemoryPressure::poll(ByteCount pool_bytes, Nanos now, Nanos late) {
  const bool is_due = settings_.pressure && now >= due_.load(std::memory_order_relaxed) + late;
  // Acquire and release: who reads next sees what the source has kept.
  if (is_due && !is_reading_.exchange(true, std::memory_order_acquire)) {
    due_.store(now + to_nanos(settings_.pressure_interval_ms), std::memory_order_relaxed);
    read(pool_bytes, now);
    is_reading_.store(false, std::memory_order_release);
  }
  return state();
}

bool MemoryPressure::survive_fork() NO_THREAD_SAFETY_ANALYSIS {
  const Holder holder = lock_.survive_fork();
  // What it was changing follows anew from the readings to come.
  if (holder == Holder::kVanished) controller_ = PressureController(settings_);
  is_reading_.store(false, std::memory_order_relaxed);
  return holder == Holder::kMe;
}

void MemoryPressure::read_from(PressureSource* source) {
  while (is_reading_.exchange(true, std::memory_order_acquire)) {
  }
  source_ = source;
  due_.store(0, std::memory_order_relaxed);
  {
    LockGuard guard(lock_);
    controller_ = PressureController(settings_);
    // What was told stays told: threads compare these.
    const std::uint64_t reliefs = state_.reliefs;
    state_ = {};
    state_.reliefs = reliefs;
  }
  is_reading_.store(false, std::memory_order_release);
}

}  // namespace superslab
