// A fixed pool with a magazine for each processor. Between any two steps the thread may come to run
// on another one, so that each step looks after itself: what does not fit where it is now goes to
// the depot.
#include <algorithm>

#include "pools/fixed/fixed_pool.h"

namespace superslab {
namespace {

constexpr std::size_t kHalf = CpuMagazines::kMaxObjects / 2;

}  // namespace

void* FixedPool::cpu_get(FixedFault& fault) {
  if (void* object = cpus_->pop(); object != nullptr) return object;
  take_turn();
  const bool constructs = options_.hooks.construct != nullptr;
  void* batch[kHalf];
  const std::size_t wanted = constructs ? 1 : std::clamp<std::size_t>(cache_limit_ / 2, 1, kHalf);
  const std::size_t got = take_some(batch, wanted, fault);
  if (got == 0) return nullptr;
  cpu_put_bulk(batch + 1, got - 1);
  return batch[0];
}

FixedFault FixedPool::cpu_get_bulk(void** out, std::size_t count) {
  std::size_t own = 0;
  while (own < count && (out[own] = cpus_->pop()) != nullptr) ++own;
  if (own == count) return FixedFault::kNone;
  take_turn();
  const FixedFault fault = take(out + own, count - own);
  if (fault != FixedFault::kNone) cpu_put_bulk(out, own);
  return fault;
}

FixedFault FixedPool::cpu_put(void* object) {
  if (!is_closed() && cpus_->push(object)) return FixedFault::kNone;
  if (!owns(object)) {
    count_foreign_put();
    return FixedFault::kForeign;
  }
  take_turn();
  collect_orphans();
  shrink_own_cpu(kHalf);
  cpu_put_bulk(&object, 1);
  return FixedFault::kNone;
}

void FixedPool::cpu_put_bulk(void* const* objects, std::size_t count) {
  std::size_t put = 0;
  if (!is_closed())
    while (put < count && cpus_->push(objects[put])) ++put;
  if (put < count) give(objects + put, count - put);
}

void FixedPool::shrink_own_cpu(std::size_t count) {
  void* batch[CpuMagazines::kMaxObjects];
  std::size_t taken = 0;
  while (taken < count && (batch[taken] = cpus_->pop()) != nullptr) ++taken;
  if (taken != 0) give(batch, keep_own(batch, taken));
}

void FixedPool::empty_cpus() {
  void* batch[CpuMagazines::kMaxObjects];
  while (const std::size_t taken = cpus_->take(batch, std::size(batch)))
    give(batch, keep_own(batch, taken));
}

}  // namespace superslab
