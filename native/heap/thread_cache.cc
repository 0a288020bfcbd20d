#include "heap/thread_cache.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include "heap/slab_bits.h"

namespace superslab {
namespace {

/// After that many spills without a refill between them the thread is giving memory back for good:
/// what it keeps then pins slabs that would be free.
constexpr std::uint8_t kManySpills = 3;

/// Most blocks of a class that it keeps then.
constexpr std::uint32_t kShrunkBlocks = 30;

}  // namespace

ThreadCache* ThreadCache::attach(Heap& heap) {
  SlabOwner* owner = heap.attach();
  if (owner == nullptr) return nullptr;
  Space& space = heap.space();
  void* p = space.metadata().allocate(space.os(), sizeof(ThreadCache), alignof(ThreadCache));
  if (p == nullptr) {
    heap.detach(owner);
    return nullptr;
  }
  return new (p) ThreadCache(heap, *owner);
}

ThreadCache::ThreadCache(Heap& heap, SlabOwner& owner)
    : FrontCache(heap.space().region(), route_of(owner.id())), owner_(&owner), heap_(&heap) {
  for (std::size_t i = 0; i < kRows; ++i) close_row(i);
  set_limits();
  no_row_[kSlots - 2] = nullptr;
  heap.caches().join(this);
}

void ThreadCache::set_limits() {
  // Before the snapshot: a newer one is then seen at the next slow path.
  policy_generation_ = heap_->policy_generation();
  const auto policy = heap_->policy();
  outbox_limit_ = policy->outbox_bytes;
  for (std::size_t i = 0; i < kRows; ++i)
    limits_[i] = static_cast<std::uint8_t>(std::min<std::size_t>(
        magazine_limit(static_cast<ClassIndex>(i), *policy, 0, owner_->number), kMostBlocks));
}

/// One row may have become shorter for others to become longer: all of them together never have
/// more room than the policy says. A row that is about to spill gets its room there.
void ThreadCache::shorten_rows() {
  for (std::size_t i = 0; i < kRows; ++i) {
    if (!is_open(i) || tops_[i] == &no_row_[kSlots]) continue;
    const std::uint32_t held = count(i);
    if (room_of(i) <= limits_[i] || held > room_of(i)) continue;
    const Busy busy(*this, i);
    keep_newest(i, std::min<std::uint32_t>(held, limits_[i]), limits_[i]);
  }
}

void ThreadCache::detach() {
  flush();                      // what the owner has at hand goes as well: it counts as out
  heap_->caches().leave(this);  // no sooner: in the child of a fork others see to what is in it
  Space& space = heap_->space();
  heap_->detach(owner_);  // from here on the heap may be gone
  space.metadata().destroy(this);
}

void ThreadCache::detach_others(Heap& heap, ThreadCache* mine) {
  for (;;) {
    auto* other = static_cast<ThreadCache*>(heap.caches().other_than(mine));
    if (other == nullptr) break;
    other->leave_busy_row();
    other->detach();
  }
  heap.vacate_others(mine == nullptr ? nullptr : &mine->owner());
}

/// After the thread vanished in the midst of a change. The row's blocks stay out.
void ThreadCache::leave_busy_row() {
  if (is_busy()) close_row(busy_row_);
  for (std::size_t i = 0; i < kRows; ++i) {
    if (tops_[i] != &no_row_[kSlots]) continue;
    // Its first block, on the way to a row of its own.
    close_row(i);
    owner_->give(&no_row_[kSlots - 1], 1);
  }
}

/// Empties the row, with room for `capacity` blocks and the one that makes it spill.
void ThreadCache::lay_out(std::size_t c, std::uint32_t capacity) {
  // Atomic for cached(), as the tops are.
  __atomic_store_n(&floors_[c], static_cast<std::uint8_t>(kSlots - 2 - capacity), __ATOMIC_RELAXED);
  void** floor = &slots_[c][floors_[c]];
  *floor = nullptr;
  __atomic_store_n(&tops_[c], floor + 1, __ATOMIC_RELAXED);
}

void ThreadCache::close_row(std::size_t c) {
  __atomic_store_n(&tops_[c], &no_row_[kSlots - 1], __ATOMIC_RELAXED);
}

bool ThreadCache::is_valid() const {
  for (std::size_t i = 0; i < kRows; ++i) {
    if (!is_open(i) || tops_[i] == &no_row_[kSlots] || i == busy_row_) continue;
    if (slots_[i][floors_[i]] != nullptr || count(i) > room_of(i)) return false;
    for (std::uint32_t b = 1; b <= count(i); ++b)
      if (own_class(slots_[i][floors_[i] + b]) != i) return false;
  }
  return true;
}

void* ThreadCache::allocate(ByteCount bytes) {
  if (bytes > kMaxClassBytes) {
    const Superslab* head = heap_->huge().take(bytes, owner_);
    return head == nullptr ? nullptr : head->base;
  }
  const std::size_t i = to_index(class_for(bytes));
  const auto c = static_cast<ClassIndex>(i);
  bool is_zero;
  if (i >= kRows) return allocate_one(c, is_zero);
  if (void* block = pop(i); block != nullptr) return block;
  const Busy busy(*this, i);
  ++steps_;
  follow_policy();
  ClassCounters& counters = owner_->counters(c);
  const bool squeezed = squeezed_.load(std::memory_order_relaxed);
  const std::size_t wanted = squeezed ? 1 : batches_.next(c, limits_[i]);
  lay_out(i, limits_[i]);
  streaks_[i] = 0;
  void** bottom = tops_[i];
  std::size_t got = owner_->take(c, bottom, wanted, Growth::kNever);
  if (got == 0) {
    give_idle_rows();
    got = owner_->take(c, bottom, wanted);
  }
  if (got == 0) {
    flush();  // under maxBytes our own magazines of other classes may hold what is missing
    got = owner_->take(c, bottom, 1);
    if (got == 0) return nullptr;
  }
  see_growth();
  counters.refills.add(1);
  counters.refilled_blocks.add(got);
  if (!squeezed) owner_->note_slow_call(c, RunLengthCounters::Call::kRefill, limits_[i]);
  __atomic_store_n(&tops_[i], bottom + got - 1, __ATOMIC_RELAXED);
  return bottom[got - 1];
}

/// Past the magazines.
void* ThreadCache::allocate_one(ClassIndex c, bool& is_zero) {
  void* block = owner_->take_one(c, is_zero, Growth::kNever);
  if (block == nullptr) {
    give_idle_rows();
    block = owner_->take_one(c, is_zero);
  }
  if (block == nullptr) {
    flush();  // as in allocate()
    block = owner_->take_one(c, is_zero);
    if (block == nullptr) return nullptr;
  }
  see_growth();
  ++steps_;
  ClassCounters& counters = owner_->counters(c);
  counters.refills.add(1);
  counters.refilled_blocks.add(1);
  return block;
}

void* ThreadCache::allocate_zeroed(ByteCount bytes, bool& is_zero) {
  is_zero = false;
  const std::size_t i = to_index(class_for(bytes));
  // Memory that was used a moment ago is there, and sooner cleared than new memory is populated.
  if (i < kRows) {
    if (void* block = pop(i); block != nullptr) return block;
  }
  return allocate_one(static_cast<ClassIndex>(i), is_zero);
}

void ThreadCache::free_large_class(void* block, std::size_t own) {
  assert(own >= kFirstLargeClass && own < kFixedClasses && own_class(block) == own);
  const auto c = static_cast<ClassIndex>(own);
  ++steps_;
  owner_->counters(c).flushed_blocks.add(1);
  owner_->give_one(block, c);
  heap_->account().after_frees();
}

void ThreadCache::free_slow(void* block) {
  const Space& space = heap_->space();
  const SliceTag tag = space.tag_at(block);
  if (tag == kTagHuge) {
    heap_->give_huge(&space.superslab_of(block));
    return;
  }
  send_home(block, class_of_tag(tag));
}

void ThreadCache::send_home(void* block, ClassIndex c) {
  Slab* slab = heap_->space().slab_of(block);
  const std::uint32_t index = block_index(*slab, block);
  const std::uint32_t word = index / 64;
  const std::uint64_t bit = std::uint64_t{1} << (index % 64);
  BlockBatch& batch = outbox_[(address_of(slab) / sizeof(Slab) + word) % kOutboxBatches];
  if (batch.slab != slab || batch.word != word) {
    send_batch(batch);
    batch = {slab, word, c, 0};
    in_program_order();
  } else if ((batch.mask & bit) != 0) {
    heap_->slabs().count_double_frees(1);
    return;
  }
  batch.mask |= bit;
  outbox_bytes_ += size_class(c).block_bytes;
  if (outbox_bytes_ + sent_bytes_ <= outbox_limit_ && !squeezed_.load(std::memory_order_relaxed))
    return;
  follow_policy();
  empty_outbox();
  heap_->account().after_frees();
}

void ThreadCache::send_batch(BlockBatch& batch) {
  if (batch.slab == nullptr) return;
  const ByteCount bytes =
      ByteCount{size_class(batch.size_class).block_bytes} * count_bits(batch.mask);
  outbox_bytes_ -= std::min(outbox_bytes_, bytes);
  // Out of the outbox first: nothing is sent twice.
  const BlockBatch sent = batch;
  batch = {};
  in_program_order();
  sent_bytes_ += owner_->send(sent);
}

void ThreadCache::empty_outbox() {
  if (outbox_bytes_ != 0) {
    ++steps_;
    for (BlockBatch& batch : outbox_) send_batch(batch);
  }
  if (heap_->account().counts_idle())
    heap_->account().note_idle_in_slabs(static_cast<std::int64_t>(sent_bytes_));
  sent_bytes_ = 0;
}

void ThreadCache::spill(ClassIndex c) {
  spill_row(c);
  heap_->account().after_frees();
}

void ThreadCache::spill_row(ClassIndex c) {
  const std::size_t i = to_index(c);
  follow_policy();
  if (tops_[i] == &no_row_[kSlots]) {
    // The first block of this class: now it gets a row.
    const Busy busy(*this, i);
    lay_out(i, limits_[i]);
    push(i, no_row_[kSlots - 1]);
    return;
  }
  const Busy busy(*this, i);
  ++steps_;
  const std::uint32_t held = count(i);
  assert(held != 0 && held < kSlots);
  // A thread that only frees keeps less and less.
  const bool shrinks = ++streaks_[i] >= kManySpills || squeezed_.load(std::memory_order_relaxed);
  if (shrinks) streaks_[i] = kManySpills;
  const std::uint32_t room =
      shrinks ? std::min<std::uint32_t>(limits_[i], kShrunkBlocks) : limits_[i];
  owner_->note_slow_call(c, RunLengthCounters::Call::kSpill, limits_[i]);
  keep_newest(i, shrinks ? 0 : std::min(held, room + 1) / 2, room);
}

/// Gives the row's older blocks back, and room for `room` to it: what was freed last is most likely
/// still in the processor's cache.
void ThreadCache::keep_newest(std::size_t i, std::uint32_t kept, std::uint32_t room) {
  void** bottom = &slots_[i][floors_[i] + 1];
  const std::uint32_t going = count(i) - kept;
  if (going != 0) {
    ClassCounters& counters = owner_->counters(static_cast<ClassIndex>(i));
    owner_->give(bottom, going);
    counters.flushes.add(1);
    counters.flushed_blocks.add(going);
  }
  // First the blocks: the null pointer may go where one of them lay.
  void** floor = &slots_[i][kSlots - 2 - room];
  std::memmove(floor + 1, bottom + going, kept * sizeof(void*));
  lay_out(i, room);
  __atomic_store_n(&tops_[i], floor + 1 + kept, __ATOMIC_RELAXED);
}

void ThreadCache::flush() {
  assert(is_valid());
  give_all();
  owner_->retire_unused();
}

void ThreadCache::give_all() {
  empty_outbox();
  for (std::size_t i = 0; i < kRows; ++i) give_row(i);
}

void ThreadCache::give_row(std::size_t i) {
  const std::uint32_t held = count(i);
  if (held == 0) return;
  const Busy busy(*this, i);
  ClassCounters& counters = owner_->counters(static_cast<ClassIndex>(i));
  counters.flushes.add(1);
  counters.flushed_blocks.add(held);
  owner_->give(&slots_[i][floors_[i] + 1], held);
  close_row(i);
  batches_.reset(static_cast<ClassIndex>(i));
}

void ThreadCache::give_idle_rows() {
  for (std::size_t i = 0; i < kRows; ++i) {
    // An empty row, such as that which is being filled, has nothing to give.
    if (tops_[i] == tops_at_growth_[i]) give_row(i);
    tops_at_growth_[i] = tops_[i];
  }
}

std::uint32_t ThreadCache::cached(ClassIndex c) const {
  if (to_index(c) >= kRows) return 0;  // what the owner has at hand counts as in its slabs
  void** top = __atomic_load_n(&tops_[to_index(c)], __ATOMIC_RELAXED);
  if (top == &no_row_[kSlots - 1]) return 0;
  const std::uint8_t floor = __atomic_load_n(&floors_[to_index(c)], __ATOMIC_RELAXED);
  const auto held = top - &slots_[to_index(c)][floor] - 1;
  return static_cast<std::uint32_t>(std::clamp<std::ptrdiff_t>(held, 0, kSlots));
}

}  // namespace superslab
