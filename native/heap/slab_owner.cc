#include "heap/slab_owner.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/program_order.h"
#include "heap/magazine_limits.h"
#include "heap/slab_bits.h"

namespace superslab {
namespace {

/// Misses of a large class for each block of it that stays at hand.
constexpr std::uint32_t kMissesPerSpare = 4;

/// Of threads that have no share of a heap, as when they have ended but for the C library: one at a
/// time, so that the child of a fork knows what it was about.
struct LastFrees {
  Mutex lock{LockRank::kSender};
  Slab* sending = nullptr;
};
constinit LastFrees last_frees;

}  // namespace

SlabOwner::SlabOwner(SlabSource& source, OwnerId id, NodeOrdinal node)
    : source_(source), id_(id), node_(node) {
  set_spare_limits();
}

void SlabOwner::set_spare_limits() {
  // Before the snapshot: a newer one is then seen at the next slow path.
  policy_generation_ = source_.policy_generation();
  const auto policy = source_.policy();
  for (std::size_t i = 0; i < kLargeClasses; ++i) {
    const auto c = static_cast<ClassIndex>(kFirstLargeClass + i);
    const bool is_dear = source_.is_limited() && size_class(c).block_bytes > policy->cache_bytes;
    spares_[i].limit =
        is_dear ? 0 : std::min(magazine_limit(c, *policy, 0, number), policy->spare_blocks);
    spares_[i].keep = std::min(spares_[i].keep, spares_[i].limit);
  }
}

/// Takes newer limits over, and gives back what is beyond them.
void SlabOwner::take_over_policy() {
  set_spare_limits();
  for (Spares& spares : spares_)
    give_older(spares, spares.count - std::min(spares.count, spares.keep));
}

bool SlabOwner::is_valid() const {
  ByteCount bytes = 0;
  ByteCount unused = 0;
  ClassSet classes;
  std::uint32_t busy[kClassSlots] = {};
  for (std::size_t state = 0; state < kSlabStates; ++state) {
    for (std::size_t c = 0; c < kClassSlots; ++c) {
      const Slab* before = nullptr;
      for (const Slab* slab = slabs_[state][c]; slab != nullptr; slab = slab->next) {
        if (slab->prev != before || static_cast<std::size_t>(slab->state) != state ||
            to_index(slab->size_class) != c || slab->slices == 0 ||
            slab->owner.load(std::memory_order_relaxed) != this)
          return false;
        before = slab;
        bytes += bytes_of(*slab);
        if (slab->state != SlabState::kUnused) {
          ++busy[c];
          continue;
        }
        unused += bytes_of(*slab);
        classes.add(slab->size_class);
      }
    }
  }
  for (std::size_t c = 0; c < kClassSlots; ++c)
    if (busy[c] != busy_.now(static_cast<ClassIndex>(c))) return false;
  for (const Spares& spares : spares_)
    if (spares.count > kSpareBlocks || spares.count > spares.keep || spares.keep > spares.limit)
      return false;
  return bytes == slab_bytes_ && unused == unused_bytes_.get() && classes == unused_;
}

void SlabOwner::link(Slab* slab, SlabState state) {
  slab->state = state;
  Slab*& first = list_of(slab);
  slab->prev = nullptr;
  slab->next = first;
  if (first != nullptr) first->prev = slab;
  first = slab;
  if (state != SlabState::kUnused) return;
  unused_.add(slab->size_class);
  unused_bytes_.add(bytes_of(*slab));
}

void SlabOwner::unlink(Slab* slab) {
  if (slab->prev != nullptr) slab->prev->next = slab->next;
  if (slab->next != nullptr) slab->next->prev = slab->prev;
  Slab*& first = list_of(slab);
  if (first == slab) first = slab->next;
  slab->next = slab->prev = nullptr;
  if (slab->state != SlabState::kUnused) return;
  unused_bytes_.add(-bytes_of(*slab));
  if (first == nullptr) unused_.remove(slab->size_class);
}

/// Out of line: most frees leave a slab in its list.
[[gnu::noinline]] void SlabOwner::move(Slab* slab, SlabState state) {
  if (slab->state == SlabState::kUnused) busy_.add(slab->size_class);
  if (state == SlabState::kUnused) busy_.remove(slab->size_class);
  unlink(slab);
  link(slab, state);
}

void SlabOwner::adopt(Slab* slab) {
  assert(slab->slices != 0 && slab->next == nullptr && slab->prev == nullptr);
  // Release: a remote thread that reads the new owner sees it whole.
  slab->owner.store(this, std::memory_order_release);
  source_.space().route_slices(slab->start, slab->slices, route_of(id_, slab->size_class));
  slab_bytes_ += bytes_of(*slab);
  link(slab, slab_is_drained(*slab) ? SlabState::kDrained : SlabState::kPartial);
  busy_.add(slab->size_class);
}

bool SlabOwner::try_collect() {
  if (!lock_.try_enter()) return false;
  collect_locked();
  lock_.leave();
  return true;
}

bool SlabOwner::try_hand_over(ClassIndex c, SlabOwner& to) {
  if (!lock_.try_enter()) return false;
  bool done = false;
  for (const SlabState state : {SlabState::kPartial, SlabState::kUnused}) {
    Slab* slab = first(state, c);
    if (slab == nullptr) continue;
    unlink(slab);
    if (state != SlabState::kUnused) busy_.remove(c);
    slab_bytes_ -= bytes_of(*slab);
    const auto free = idle_bytes_of(*slab);
    idle_bytes_ -= free;
    to.idle_bytes_ += free;
    to.adopt(slab);
    done = true;
    break;
  }
  lock_.leave();
  return done;
}

/// A slab with something to take: the one in use rather than one that could be dissolved, and that
/// rather than a new one. nullptr without memory, or when the heap would have to grow and must not.
Slab* SlabOwner::find_slab(ClassIndex c, Growth growth) {
  for (;;) {
    Slab* slab = first(SlabState::kPartial, c);
    if (slab == nullptr) {
      collect_locked();
      slab = first(SlabState::kPartial, c);
    }
    if (slab == nullptr) {
      slab = first(SlabState::kUnused, c);
      idle_.remove(c);
    }
    if (slab != nullptr) return slab;
    if (source_.inherit_slab(c, *this)) continue;
    slab = source_.make_slab(c, Growth::kNever, node_);
    if (slab == nullptr && !source_.keeps_unused(unused_bytes() + kept_bytes_))
      slab = make_slab_of_unused(c);
    if (slab == nullptr && growth == Growth::kIfNeeded) slab = find_slab_before_growth(c);
    if (slab != nullptr) adopt(slab);
    return slab;
  }
}

/// Cuts a slab where other classes' slabs lie unused. No more of them dissolve than it takes, for
/// their classes will want them again. First those that are long enough, the shortest of them: what
/// is left of a long one is in pieces.
Slab* SlabOwner::make_slab_of_unused(ClassIndex c) {
  if (unused_.is_empty()) return nullptr;
  const Nanos now = source_.now();
  Slab* made = nullptr;
  const auto dissolve = [&](ClassIndex of) {
    while (Slab* slab = made == nullptr ? first(SlabState::kUnused, of) : nullptr) {
      retire(slab, now);
      made = source_.make_slab(c, Growth::kNever, node_);
    }
  };
  const unsigned slices = size_class(c).slices;
  for (unsigned wanted = slices; wanted <= kSlicesPerSuperslab; ++wanted) {
    for (const ClassIndex of : unused_) {
      if (size_class(of).slices == wanted) dissolve(of);
      if (made != nullptr) return made;
    }
  }
  for (const ClassIndex of : unused_) {
    dissolve(of);
    if (made != nullptr) break;
  }
  return made;
}

/// What is dearer to find than what the owner has, and cheaper than fresh memory.
Slab* SlabOwner::find_slab_before_growth(ClassIndex c) {
  give_idle_spares();
  const bool keeps = source_.keeps_unused(unused_bytes() + kept_bytes_);
  Slab* slab = keeps ? nullptr : make_slab_of_unused(c);
  if (slab == nullptr && source_.retire_unused_of_others(*this))
    slab = source_.make_slab(c, Growth::kNever, node_);
  if (slab != nullptr) return slab;
  purge_before_growth();
  slab = source_.make_slab(c, Growth::kIfNeeded, node_);
  return slab == nullptr && keeps ? make_slab_of_unused(c) : slab;
}

std::size_t SlabOwner::take_from(Slab* slab, void** end, std::size_t wanted) {
  assert(slab->owner.load(std::memory_order_relaxed) == this && !slab_is_drained(*slab));
  const std::uint32_t before = slab->carved;
  const std::size_t got = slab_take(*slab, end, wanted);
  assert(got != 0 && got <= wanted);
  idle_bytes_ +=
      (std::int64_t{slab->carved} - before - static_cast<std::int64_t>(got)) * slab->block_bytes;
  if (const ByteCount purged = slab->purged_kib * kKiB; purged != 0) {
    const ByteCount untouched = untouched_bytes(*slab, before);
    const ByteCount gone = purged - std::min(purged, untouched);
    const ByteCount again = (got - (slab->carved - before)) * slab->block_bytes;
    source_.note_purged(*slab, untouched_bytes(*slab, slab->carved) + gone - std::min(gone, again));
  }
  const ByteCount carved = ByteCount{slab->carved} * slab->block_bytes;
  if (carved > slab->populated_bytes) source_.populate(*slab, carved);
  const SlabState state = slab_is_drained(*slab) ? SlabState::kDrained : SlabState::kPartial;
  if (state != slab->state) move(slab, state);
  return got;
}

void* SlabOwner::take_one(ClassIndex c, bool& is_zero, Growth growth) {
  assert(to_index(c) < kFixedClasses);
  is_zero = false;
  const Hold hold(*this);
  note_change();
  if (to_index(c) >= kFirstLargeClass) {
    Spares& spares = spares_[to_index(c) - kFirstLargeClass];
    if (spares.count != 0) return spares.blocks[--spares.count];
    follow_policy();
    // An array that grows through the classes wants none of its former blocks again.
    if (++spares.misses % kMissesPerSpare == 0 && spares.keep < spares.limit) ++spares.keep;
  }
  const ByteCount unit = size_class(c).block_bytes;
  if (source_.charge(unit, 1) == 0) return nullptr;
  Slab* slab = find_slab(c, growth);
  if (slab == nullptr) {
    source_.discharge(unit);
    return nullptr;
  }
  const std::uint32_t carved = slab->carved;
  void* block;
  take_from(slab, &block + 1, 1);
  is_zero = slab->is_clean && slab->carved != carved;
  tell_idle();
  return block;
}

std::size_t SlabOwner::take(ClassIndex c, void** out, std::size_t wanted, Growth growth) {
  assert(to_index(c) < kFixedClasses && wanted != 0);
  const ByteCount unit = size_class(c).block_bytes;
  wanted = source_.charge(unit, wanted);
  const Hold hold(*this);
  note_change();
  std::size_t got = 0;
  while (got < wanted) {
    Slab* slab = find_slab(c, growth);
    if (slab == nullptr) break;
    got += take_from(slab, out + wanted - got, wanted - got);
  }
  tell_idle();
  if (got < wanted) {
    std::memmove(out, out + wanted - got, got * sizeof *out);
    source_.discharge(unit * (wanted - got));
  }
  return got;
}

std::uint64_t SlabOwner::give_batch_remote(Slab* slab, std::uint32_t word, std::uint64_t mask,
                                           Slab*& sending) {
  // The child of a fork looks whether bits, count and queue of this slab agree.
  sending = slab;
  in_program_order();
  const RemoteFree freed = remote_free(*slab, word, mask);
  // Acquire pairs with adopt(). If the slab was handed over since, the owner that pops it forwards
  // it.
  if (freed.must_queue)
    static_cast<SlabOwner*>(slab->owner.load(std::memory_order_acquire))->push_remote(slab);
  in_program_order();
  sending = nullptr;
  return freed.already_free;
}

ByteCount SlabOwner::send(const BlockBatch& batch) {
  const ClassIndex c = batch.size_class;
  const ByteCount unit = size_class(c).block_bytes;
  // Read first, as in give_remote(). Whoever owns the slab now, it is of the same heap.
  SlabSource& home =
      static_cast<SlabOwner*>(batch.slab->owner.load(std::memory_order_acquire))->source();
  const std::uint64_t blocks = count_bits(batch.mask);
  if (&home == &source_) {
    counters(c).flushed_blocks.add(blocks);
    counters(c).remote_frees.add(blocks);
  } else {
    home.count_sent_home(c, blocks);
  }
  const std::uint64_t repeated =
      count_bits(give_batch_remote(batch.slab, batch.word, batch.mask, sending_));
  if (repeated != 0) home.count_double_frees(repeated);
  home.discharge(unit * (blocks - repeated));
  return &home == &source_ ? unit * (blocks - repeated) : 0;
}

std::uint64_t SlabOwner::give_batch_remote(Slab* slab, std::uint32_t word, std::uint64_t mask,
                                           SlabOwner* sender) {
  if (sender != nullptr) return give_batch_remote(slab, word, mask, sender->sending_);
  LockGuard guard(last_frees.lock);
  return give_batch_remote(slab, word, mask, last_frees.sending);
}

Holder SlabOwner::survive_last_frees() {
  const Holder holder = last_frees.lock.survive_fork();
  if (holder == Holder::kVanished) last_frees.sending = nullptr;
  return holder;
}

bool SlabOwner::give_remote(SlabSource& home, void* block, SlabOwner* sender) {
  Slab* slab = home.space().slab_of(block);
  const std::uint32_t index = block_index(*slab, block);
  assert(index < slab->block_count && block == block_address(*slab, index));
  // The size is read first: once the block is free, its owner may retire the slab.
  const ByteCount unit = slab->block_bytes;
  home.count_sent_home(slab->size_class, 1);
  if (give_batch_remote(slab, index / 64, std::uint64_t{1} << (index % 64), sender) != 0) {
    home.count_double_frees(1);
    return false;
  }
  home.discharge(unit);
  if (home.counts_idle()) home.note_idle_in_slabs(static_cast<std::int64_t>(unit));
  return true;
}

void SlabOwner::give_batch(const BlockBatch& batch, Given& given) {
  Slab* const slab = batch.slab;
  // Relaxed is enough to recognise oneself: only this thread ever stores `this` here or takes it
  // away, but for a vacant owner, which nobody is.
  if (slab->owner.load(std::memory_order_relaxed) != this) [[unlikely]]
    return give_others_batch(batch, given);
  const std::uint64_t already_free = slab_free(*slab, batch.word, batch.mask);
  given.own_bytes += ByteCount{slab->block_bytes} * count_bits(batch.mask & ~already_free);
  if (already_free != 0) [[unlikely]]
    note_double_frees(already_free);
  after_free(slab);
}

/// Out of line, as the next: whoever has registers for these saves more of them on each free.
[[gnu::noinline]] void SlabOwner::note_double_frees(std::uint64_t blocks) {
  source_.count_double_frees(count_bits(blocks));
}

[[gnu::noinline]] void SlabOwner::give_others_batch(const BlockBatch& batch, Given& given) {
  const std::uint64_t already_free =
      give_batch_remote(batch.slab, batch.word, batch.mask, sending_);
  counters(batch.size_class).remote_frees.add(count_bits(batch.mask));
  given.others_bytes +=
      ByteCount{size_class(batch.size_class).block_bytes} * count_bits(batch.mask & ~already_free);
  if (already_free != 0) source_.count_double_frees(count_bits(already_free));
}

void SlabOwner::give_one(void* block, ClassIndex c) {
  assert(to_index(c) >= kFirstLargeClass && source_.space().slab_of(block)->size_class == c);
  const Hold hold(*this);
  note_change();
  Spares& spares = spares_[to_index(c) - kFirstLargeClass];
  if (spares.count < spares.keep) [[likely]] {
    spares.put(block);
    return;
  }
  follow_policy();
  if (spares.keep == 0) return give_locked(&block, 1);
  // The older half, as from a magazine.
  give_older(spares, (spares.count + 1) / 2);
  spares.put(block);
}

/// The `going` blocks that were put first.
void SlabOwner::give_older(Spares& spares, std::uint32_t going) {
  if (going == 0) return;
  give_locked(spares.blocks, going);
  std::copy_n(spares.blocks + going, spares.count - going, spares.blocks);
  spares.count -= going;
}

void SlabOwner::give_spares() {
  for (Spares& spares : spares_) {
    give_older(spares, spares.count);
  }
}

/// Those of classes of which nobody took or gave any since the last time.
void SlabOwner::give_idle_spares() {
  for (Spares& spares : spares_) {
    if (spares.count == spares.count_at_growth) give_older(spares, spares.count);
    spares.count_at_growth = spares.count;
  }
}

void SlabOwner::give(void* const* blocks, std::size_t count) {
  const Hold hold(*this);
  note_change();
  give_locked(blocks, count);
}

void SlabOwner::give_locked(void* const* blocks, std::size_t count) {
  const Space& space = source_.space();
  BlockBatch batch;
  Given given;
  Slab* slab = nullptr;
  std::uintptr_t slice = 0;  // of the block before: its neighbours need not look the slab up again
  for (std::size_t i = 0; i < count; ++i) {
    if (address_of(blocks[i]) >> kSliceShift != slice) {
      slice = address_of(blocks[i]) >> kSliceShift;
      slab = space.slab_of(blocks[i]);
    }
    const std::uint32_t index = block_index(*slab, blocks[i]);
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    assert(index < slab->block_count && blocks[i] == block_address(*slab, index));
    if (slab != batch.slab || index / 64 != batch.word || (batch.mask & bit) != 0) {
      if (batch.mask != 0) give_batch(batch, given);
      batch = {slab, index / 64, slab->size_class, 0};
    }
    batch.mask |= bit;
  }
  if (batch.mask != 0) give_batch(batch, given);
  idle_bytes_ += static_cast<std::int64_t>(given.own_bytes);
  if (given.others_bytes != 0 && source_.counts_idle())
    source_.note_idle_in_slabs(static_cast<std::int64_t>(given.others_bytes));
  tell_idle();
  if (const ByteCount freed = given.own_bytes + given.others_bytes; freed != 0)
    source_.discharge(freed);
}

void SlabOwner::push_remote(Slab* slab) {
  Slab* top = remote_.load(std::memory_order_relaxed);
  do {
    slab->next_remote = top;
    // Release: the owner that pops it sees next_remote.
  } while (!remote_.compare_exchange_weak(top, slab, std::memory_order_release,
                                          std::memory_order_relaxed));
}

void SlabOwner::collect() {
  const Hold hold(*this);
  collect_locked();
  assert(is_valid());
}

void SlabOwner::collect_locked() {
  if (remote_.load(std::memory_order_relaxed) == nullptr) return;
  note_change();
  Slab* slab = remote_.exchange(nullptr, std::memory_order_acquire);
  while (slab != nullptr) {
    Slab* following = slab->next_remote;  // before the slab can be queued again
    auto* owner = static_cast<SlabOwner*>(slab->owner.load(std::memory_order_acquire));
    if (owner != this) {
      owner->push_remote(slab);  // it was handed over after the remote thread looked
    } else {
      const Collected collected = slab_collect(*slab);
      // Who freed them told the heap.
      const auto freed = std::int64_t{slab->block_bytes} * collected.freed;
      idle_bytes_ += freed;
      told_bytes_ += freed;
      if (collected.already_free != 0) {
        source_.count_double_frees(collected.already_free);
        source_.recharge(ByteCount{slab->block_bytes} * collected.already_free);
      }
      if (!slab_is_drained(*slab)) after_free(slab);
    }
    slab = following;
  }
}

void SlabOwner::dissolve() {
  collect();
  for_each_slab([this](Slab& slab) {
    slab_free_all(slab);
    unlink(&slab);
    if (slab.state != SlabState::kUnused) busy_.remove(slab.size_class);
    slab_bytes_ -= bytes_of(slab);
    source_.note_purged(slab, 0);
    source_.retire_slab(&slab, source_.now());
  });
}

}  // namespace superslab
