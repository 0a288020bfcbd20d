#include "runtime/cooler.h"

#include <algorithm>

#include "base/clock.h"

namespace superslab {
namespace {

/// Of a processor, before it pauses: so short that a share holds over any tenth of a second.
constexpr Nanos kTurn = kMillisecond;

}  // namespace

bool Cooler::cool(Nanos until) {
  while (has_work()) {
    if (thread_cpu_now() >= until) return true;
    ByteCount freed = 0;
    const Cooled result = tiers_.cool_one(freed);
    if (result == Cooled::kNothing || result == Cooled::kFull || result == Cooled::kNoMemory) {
      wanted_.store(0, std::memory_order_relaxed);
      return false;
    }
    const ByteCount wanted = wanted_.load(std::memory_order_relaxed);
    wanted_.store(wanted - std::min(wanted, freed), std::memory_order_relaxed);
  }
  return false;
}

Rest Cooler::step(Nanos) {
  const Nanos begin = thread_cpu_now();
  const bool has_more = cool(begin + kTurn);
  if (!has_more) tiers_.tick();
  const Nanos taken = thread_cpu_now() - begin;
  cpu_.fetch_add(taken, std::memory_order_relaxed);
  const double pause = static_cast<double>(taken) * (1 / share_ - 1);
  return {static_cast<Nanos>(pause), !has_more};
}

}  // namespace superslab
