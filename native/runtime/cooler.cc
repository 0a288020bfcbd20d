#include "runtime/cooler.h"

#include "base/clock.h"

namespace superslab {
namespace {

/// Of a processor, before it pauses: so short that a share holds over any tenth of a second.
constexpr Nanos kTurn = kMillisecond;

}  // namespace

bool Cooler::cool(Nanos until) {
  while (tiers_.is_warm()) {
    if (thread_cpu_now() >= until) return true;
    ByteCount freed;
    const Cooled result = tiers_.cool_one(freed);
    if (result == Cooled::kNothing || result == Cooled::kFull || result == Cooled::kNoMemory)
      return false;
  }
  return false;
}

BackgroundThread::Pause Cooler::work(void* self) {
  auto& cooler = *static_cast<Cooler*>(self);
  const Nanos begin = thread_cpu_now();
  const bool has_more = cooler.cool(begin + kTurn);
  if (!has_more) cooler.tiers_.tick();
  const Nanos taken = thread_cpu_now() - begin;
  cooler.cpu_.fetch_add(taken, std::memory_order_relaxed);
  const double pause = static_cast<double>(taken) * (1 / cooler.share_ - 1);
  return {static_cast<Nanos>(pause), !has_more};
}

}  // namespace superslab
