// The counters of an owner's slow calls, of which capacities are learned: made when somebody wants
// to learn, and there until the owner ends, since its thread may count at any time.
#include <new>

#include "heap/slab_owner.h"

namespace superslab {

SlabOwner::~SlabOwner() {
  RunLengthCounters* const runs = runs_.load(std::memory_order_relaxed);
  if (runs != nullptr) source_.space().metadata().free(runs, kClassSlots * sizeof *runs);
}

void SlabOwner::count_runs() {
  if (runs() != nullptr) return;
  Space& space = source_.space();
  constexpr ByteCount kBytes = kClassSlots * sizeof(RunLengthCounters);
  void* const memory = space.metadata().allocate(space.os(), kBytes, alignof(RunLengthCounters));
  if (memory == nullptr) return;
  auto* const made = static_cast<RunLengthCounters*>(memory);
  for (std::size_t i = 0; i < kClassSlots; ++i) new (made + i) RunLengthCounters;
  RunLengthCounters* nobody = nullptr;
  if (!runs_.compare_exchange_strong(nobody, made, std::memory_order_release))
    space.metadata().free(memory, kBytes);
}

}  // namespace superslab
