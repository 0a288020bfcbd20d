#include "malloc/program_compressed.h"

#include "base/clock.h"
#include "malloc/program_pressure.h"

namespace superslab {
namespace {

/// What is compressed beyond need with each relief: some milliseconds.
constexpr ByteCount kReliefBytes = 4 * kMiB;

}  // namespace

ProgramCompressedPool::Made ProgramCompressedPool::make(const CompressedPool::Options& options,
                                                        double share, std::string_view name) {
  ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr) return {nullptr, CompressedPool::Fault::kNoMemory};
  Space& space = process->space();
  auto* pool = space.metadata().make<ProgramCompressedPool>(
      space.os(), space, process->clock(), process->policy(), options, share, name);
  if (pool == nullptr) return {nullptr, CompressedPool::Fault::kNoMemory};
  // Pools that are made one after the other take no handles of each other's for their own.
  if (!pool->values_.open(static_cast<std::uint32_t>(precise_now() >> 10))) {
    pool->values_.close();
    space.metadata().destroy(pool);
    return {nullptr, CompressedPool::Fault::kNoMemory};
  }
  pool->enter(*process);
  // Without a thread for it nothing is given back before its time.
  static_cast<void>(ProgramPressure::begin());
  return {pool, CompressedPool::Fault::kNone};
}

CompressedPool::Result ProgramCompressedPool::put(const void* bytes, ByteCount length,
                                                  TierHandle& handle) {
  const CompressedPool::Result result = values_.put(bytes, length, handle);
  if (result.fault == CompressedPool::Fault::kNone) cooler_.nudge();
  return result;
}

CompressedPool::Result ProgramCompressedPool::access(TierHandle handle, void*& bytes,
                                                     ByteCount& length) {
  const bool is_cold = values_.tiers().is_cold(handle);
  const CompressedPool::Result result = values_.access(handle, bytes, length);
  if (is_cold) cooler_.nudge();
  return result;
}

CompressedPool::Result ProgramCompressedPool::release(TierHandle handle) {
  if (!values_.is_closed()) return values_.release(handle);
  pin();
  const CompressedPool::Result result = values_.release(handle);
  // Its last pin: whoever closed the pool has left the value for this.
  if (result.fault == CompressedPool::Fault::kNone) static_cast<void>(values_.free(handle));
  unpin();
  return result;
}

std::size_t ProgramCompressedPool::close() {
  pin();
  values_.note_closed();
  cooler_.stop();
  values_.close();
  const std::size_t pinned = values_.count_pinned();
  ProgramPressure::end();
  unpin();
  return pinned;
}

void ProgramCompressedPool::end() { ProcessHeap::get()->space().metadata().destroy(this); }

ByteCount ProgramCompressedPool::relieve(ReliefStep step) {
  if (step == ReliefStep::kCaches) return trim_idle();
  if (step == ReliefStep::kCold) cooler_.cool_soon(kReliefBytes);
  return 0;
}

}  // namespace superslab
