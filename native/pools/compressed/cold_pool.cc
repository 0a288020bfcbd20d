#include "pools/compressed/cold_pool.h"

#include <cassert>
#include <cstring>

#include "heap/size_class.h"

namespace superslab {
namespace {

/// What of the limit may be in use for it to be room again, in hundredths.
constexpr ByteCount kAcceptPercent = 90;

}  // namespace

HeapSnapshot ColdPool::policy_for(const Policy& policy, ByteCount max_bytes) {
  HeapSnapshot own = policy;
  own.max_bytes = max_bytes;
  own.spare_blocks = 0;  // they would count against the limit
  return own;
}

ColdPool::ColdPool(Space& space, const Clock& clock, const Policy& policy, ByteCount max_bytes,
                   ByteCount memory, std::string_view name)
    : Pool(name),
      heap_(space, clock, policy_for(policy, max_bytes),
            {.access = Access::kPointers, .memory = memory}) {}

ColdPool::~ColdPool() {
  if (owner_ != nullptr) heap_.detach(owner_);
}

void ColdPool::close() {
  note_closed();
  if (owner_ != nullptr) {
    owner_->retire_unused();
    heap_.detach(owner_);
    owner_ = nullptr;
  }
  trim(0);
}

bool ColdPool::open() {
  owner_ = heap_.attach();
  return owner_ != nullptr;
}

ByteCount ColdPool::excess() const {
  const Budget& budget = heap_.budget();
  const ByteCount accepted = budget.max_bytes() / 100 * kAcceptPercent;
  const ByteCount charged = budget.charged();
  return budget.max_bytes() == 0 || charged <= accepted ? 0 : charged - accepted;
}

bool ColdPool::is_full() {
  if (is_full_ && excess() == 0) is_full_ = false;
  return is_full_;
}

void* ColdPool::take(ByteCount bytes) {
  assert(bytes != 0 && bytes <= kMaxClassBytes);
  if (is_full()) {
    ++refusals_;
    return nullptr;
  }
  bool is_zero;
  void* const chunk = owner_->take_one(class_for(bytes), is_zero);
  if (chunk != nullptr) return chunk;
  ++refusals_;
  // Without memory there is nothing to wait for at the limit.
  is_full_ = !heap_.budget().has_room(size_class(class_for(bytes)).block_bytes);
  return nullptr;
}

void ColdPool::give(void* chunk) {
  const Slab& slab = *heap_.space().slab_of(chunk);
  if (to_index(slab.size_class) >= kFirstLargeClass) {
    owner_->give_one(chunk, slab.size_class);
  } else {
    owner_->give(&chunk, 1);
  }
}

void ColdPool::stats(const FaultCounts& faults, PoolFigures& out) const {
  out.closed = is_closed();
  std::memcpy(out.name, name().data(), name().size());
  out.heap = heap_.stats(faults);
  heap_.class_stats(out.classes);
}

PoolFault ColdPool::check() const { return heap_.is_whole() ? PoolFault::kNone : PoolFault::kHeap; }

}  // namespace superslab
