#include "malloc/program_pressure.h"

#include <atomic>

#include "base/counter.h"
#include "malloc/first_class_heap.h"
#include "malloc/program_kinds.h"
#include "malloc/program_pools.h"
#include "os/pressure_linux.h"
#include "runtime/control_loop.h"

namespace superslab {

class ProgramPressure::Watch final : public BackgroundTask {
 public:
  explicit Watch(ProcessHeap& process)
      : process_(process), pressure_(system_source(), process.policy()) {}

  bool begin() {
    LockGuard guard(lock_);
    ++watchers_;
    return !process_.policy().pressure || control_loop().wake(*this);
  }
  void end() {
    LockGuard guard(lock_);
    if (watchers_ != 0 && --watchers_ == 0) control_loop().leave(*this);
  }

  Rest step(Nanos now) override {
    const ByteCount bytes = process_.space().resident_bytes() + process_.space().idle_bytes();
    const PressureState state = pressure_.poll(bytes, now);
    if (state.reliefs != seen_) relieve(state.step);
    seen_ = state.reliefs;
    return {to_nanos(process_.policy().pressure_interval_ms), false};
  }

  Figures figures() const { return {pressure_.state(), reliefs_.get(), relieved_.get()}; }
  void read_from(PressureSource* source) { pressure_.read_from(source); }
  /// In the child of a fork: as Heap::survive_fork().
  bool survive_fork() {
    const bool is_inside = lock_.survive_fork() == Holder::kMe;
    return pressure_.survive_fork() || is_inside;
  }

 private:
  PressureSource* system_source() {
#if defined(__linux__)
    return &system_;
#else
    return nullptr;
#endif
  }

  void relieve(ReliefStep last) {
    ByteCount bytes = 0;
    for (const ReliefStep step : {ReliefStep::kCaches, ReliefStep::kCold, ReliefStep::kIdle}) {
      if (step > last) break;
      // The others first: what they give back idles in the space then.
      bytes += ProgramPool::relieve_all(step) + ProgramKind::relieve_all(step);
      if (step == ReliefStep::kCaches) bytes += FirstClassHeap::trim_all() + process_.relieve();
    }
    reliefs_.add(1);
    relieved_.add(bytes);
  }

  ProcessHeap& process_;
#if defined(__linux__)
  LinuxPressure system_;
#endif
  MemoryPressure pressure_;
  std::uint64_t seen_ = 0;  // reliefs that were seen to
  Counter reliefs_;
  Counter relieved_;
  Mutex lock_{LockRank::kWatchers};  // while tasks come and go
  std::uint32_t watchers_ GUARDED_BY(lock_) = 0;
};

constinit std::atomic<ProgramPressure::Watch*> ProgramPressure::watch_{nullptr};

/// nullptr without memory. Never destroyed.
ProgramPressure::Watch* ProgramPressure::watch() {
  Watch* found = watch_.load(std::memory_order_acquire);
  ProcessHeap* process = ProcessHeap::get();
  if (found != nullptr || process == nullptr) return found;
  Space& space = process->space();
  Watch* const made = space.metadata().make<Watch>(space.os(), *process);
  if (made == nullptr) return nullptr;
  if (!watch_.compare_exchange_strong(found, made, std::memory_order_acq_rel)) {
    space.metadata().destroy(made);
    return found;
  }
  process->set_fork_hook(ProcessHeap::Others::kPressure, [](const SlabOwner*, bool) {
    return watch_.load(std::memory_order_relaxed)->survive_fork();
  });
  return made;
}

bool ProgramPressure::begin() {
  Watch* const own = watch();
  return own != nullptr && own->begin();
}

void ProgramPressure::end() {
  if (Watch* const own = watch_.load(std::memory_order_acquire); own != nullptr) own->end();
}

ProgramPressure::Figures ProgramPressure::figures() {
  const Watch* const own = watch_.load(std::memory_order_acquire);
  return own == nullptr ? Figures{} : own->figures();
}

void ProgramPressure::read_from(PressureSource* source) {
  if (Watch* const own = watch(); own != nullptr) own->read_from(source);
}

}  // namespace superslab
