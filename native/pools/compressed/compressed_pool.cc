#include "pools/compressed/compressed_pool.h"

#include <cassert>
#include <cstring>

#include "base/bits.h"
#include "heap/size_class.h"
#include "heap/slab_owner.h"

namespace superslab {
namespace {

constexpr std::uint32_t kFreesPerTick = 256;

}  // namespace

HeapSnapshot CompressedPool::policy_for(const Policy& policy, const Options& options) {
  HeapSnapshot own = policy;
  own.max_bytes = options.tiers.hot_bytes;
  own.spare_blocks = 0;  // they would count against the limit
  return own;
}

CompressedPool::CompressedPool(Space& space, const Clock& clock, const Policy& policy,
                               const Options& options, std::string_view name)
    : Pool(name),
      hook_(options.hook),
      heap_(space, clock, policy_for(policy, options), {.access = Access::kPointers}),
      cold_(space, clock, policy, options.cold_bytes, kNoLimit, name),
      tiers_(*this, cold_, space, clock, options.tiers) {}

CompressedPool::~CompressedPool() {
  if (owner_ != nullptr) heap_.detach(owner_);
}

bool CompressedPool::open(std::uint32_t first_generation) {
  owner_ = heap_.attach();
  base_ = heap_.space().region().base;
  return owner_ != nullptr && cold_.open() && tiers_.open(first_generation);
}

// Hot blocks ----------------------------------------------------------------------------------

void* CompressedPool::find(std::uint32_t block) const {
  return reinterpret_cast<void*>(base_ + (std::uintptr_t{block} - 1) * kGranuleBytes);
}

void CompressedPool::give(std::uint32_t block) {
  void* const address = find(block);
  LockGuard guard(hot_lock_);
  owner_->give(&address, 1);
}

void CompressedPool::tick() {
  {
    LockGuard guard(hot_lock_);
    owner_->retire_idle();
  }
  heap_.tick();
}

/// 0 without room or memory: `had_room` tells which, since blocks come and go with that lock held.
std::uint32_t CompressedPool::try_block(ClassIndex c, bool& had_room) {
  bool is_zero;
  void* block;
  {
    LockGuard guard(hot_lock_);
    had_room = heap_.budget().has_room(size_class(c).block_bytes);
    block = owner_->take_one(c, is_zero);
  }
  if (block == nullptr) return 0;
  const std::uintptr_t granule = (address_of(block) - base_) / kGranuleBytes + 1;
  assert(granule <= UINT32_MAX && address_of(block) % kGranuleBytes == 0);
  return static_cast<std::uint32_t>(granule);
}

std::uint32_t CompressedPool::take_block(ByteCount length, Fault& fault) {
  const ClassIndex c = lease_class_for(length);
  const ByteCount bytes = size_class(c).block_bytes;
  for (;;) {
    if (is_closed()) {
      fault = Fault::kClosed;
      return 0;
    }
    bool had_room;
    if (const std::uint32_t block = try_block(c, had_room); block != 0) return block;
    if (cool(bytes)) continue;
    // Where another thread has compressed everything meanwhile, nothing is left to do, and there is
    // room.
    if (!had_room && heap_.budget().has_room(bytes)) continue;
    if (evict(bytes)) continue;
    fault = had_room ? Fault::kNoMemory : Fault::kNoRoom;
    if (!had_room) heap_.count_exhausted();
    return 0;
  }
}

/// Whether any value became cold.
bool CompressedPool::cool(ByteCount bytes) {
  ByteCount done = 0;
  while (done < bytes) {
    ByteCount freed = 0;
    const Cooled result = tiers_.cool_one(freed);
    if (result == Cooled::kDone) done += freed + 1;
    if (result == Cooled::kNothing || result == Cooled::kFull || result == Cooled::kNoMemory) break;
  }
  return done != 0;
}

/// Whether any value ended.
bool CompressedPool::evict(ByteCount bytes) {
  if (hook_.evicted == nullptr) return false;
  ByteCount freed = 0;
  while (cold_.excess() > 0 && end_value(tiers_.oldest_cold(), freed)) {
  }
  // Hot ones become cold where there is room again.
  if (freed != 0) return true;
  while (freed < bytes && end_value(tiers_.next_unused(), freed)) {
  }
  return freed != 0;
}

bool CompressedPool::end_value(TierHandle handle, ByteCount& freed) {
  std::uint32_t length;
  if (handle == 0 || !tiers_.find_length(handle, length)) return false;
  if (tiers_.free(handle) != TierFault::kNone) return false;
  freed += length + 1;
  evicted_.shared_add(1);
  hook_.evicted(handle, length, hook_.context);
  return true;
}

// Values --------------------------------------------------------------------------------------

CompressedPool::Result CompressedPool::put(const void* bytes, ByteCount length,
                                           TierHandle& handle) {
  handle = 0;
  if (length > kMaxClassBytes ||
      size_class(lease_class_for(length)).block_bytes > heap_.budget().max_bytes())
    return {Fault::kTooLarge};
  Fault fault = Fault::kNone;
  const std::uint32_t block = take_block(length, fault);
  if (block == 0) return {fault};
  if (length != 0) std::memcpy(find(block), bytes, length);
  handle = tiers_.put(block, static_cast<std::uint32_t>(length));
  if (handle != 0) return {};
  give(block);
  return {Fault::kNoMemory};
}

CompressedPool::Result CompressedPool::heat(TierHandle handle) {
  std::uint32_t length;
  if (!tiers_.find_length(handle, length)) return {Fault::kOfValue, TierFault::kStale};
  Fault fault = Fault::kNone;
  const std::uint32_t block = take_block(length, fault);
  if (block == 0) return {fault};
  bool is_taken;
  const TierFault found = tiers_.heat(handle, block, is_taken);
  if (!is_taken) give(block);
  if (found != TierFault::kNone) return {Fault::kOfValue, found};
  // It is pinned by heat(), and access() pins it once more.
  if (is_taken) static_cast<void>(tiers_.unpin(handle));
  return {};
}

CompressedPool::Result CompressedPool::access(TierHandle handle, void*& bytes, ByteCount& length) {
  for (;;) {
    std::uint32_t block;
    const TierFault fault = tiers_.pin(handle, block);
    if (fault == TierFault::kNone) {
      bytes = find(block);
      std::uint32_t found = 0;
      static_cast<void>(tiers_.find_length(handle, found));
      length = found;
      return {};
    }
    if (fault != TierFault::kCold) return {Fault::kOfValue, fault};
    const Result result = heat(handle);
    if (result.fault != Fault::kNone) return result;
  }
}

CompressedPool::Result CompressedPool::release(TierHandle handle) {
  const TierFault fault = tiers_.unpin(handle);
  return {fault == TierFault::kNone ? Fault::kNone : Fault::kOfValue, fault};
}

CompressedPool::Result CompressedPool::free(TierHandle handle) {
  const TierFault fault = tiers_.free(handle);
  // Below the watermark nobody else gives idle memory back.
  if (!is_closed() && frees_.fetch_add(1, std::memory_order_relaxed) % kFreesPerTick == 0)
    tiers_.tick();
  return {fault == TierFault::kNone ? Fault::kNone : Fault::kOfValue, fault};
}

std::size_t CompressedPool::count_pinned() {
  std::size_t pinned = 0;
  tiers_.for_each_pinned(UINT32_MAX, [&](TierHandle, std::uint32_t, std::uint32_t) { ++pinned; });
  return pinned;
}

// As a pool -----------------------------------------------------------------------------------

void CompressedPool::stats(const FaultCounts& faults, PoolFigures& out) const {
  out.closed = is_closed();
  std::memcpy(out.name, name().data(), name().size());
  out.heap = heap_.stats(faults);
  heap_.class_stats(out.classes);
}

PoolFault CompressedPool::check() const {
  auto& tiers = const_cast<Tiers&>(tiers_);
  if (tiers.contradiction() != nullptr) return PoolFault::kHeap;
  // The pool's own thread gives blocks back at any moment.
  LockGuard guard(hot_lock_);
  return heap_.is_whole() ? PoolFault::kNone : PoolFault::kHeap;
}

ByteCount CompressedPool::trim(ByteCount target) {
  if (owner_ == nullptr) return 0;
  {
    LockGuard guard(hot_lock_);
    owner_->retire_unused();
  }
  tiers_.retire_unused();
  return heap_.trim(target) + cold_.trim(0);
}

void CompressedPool::close() {
  note_closed();
  tiers_.drop_unpinned();
  cold_.close();
  trim(0);
}

bool CompressedPool::survive_fork(const SlabOwner* mine,
                                  bool is_suspect) NO_THREAD_SAFETY_ANALYSIS {
  bool is_inside = hot_lock_.survive_fork() == Holder::kMe;
  is_inside |= heap_.survive_fork(mine, is_suspect);
  is_inside |= cold_.survive_fork(mine, is_suspect);
  is_inside |= tiers_.survive_fork();
  return is_inside;
}

}  // namespace superslab
