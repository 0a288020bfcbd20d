#include "pools/buffer/buffer_thread_cache.h"

#include "heap/huge.h"
#include "heap/slab_bits.h"
#include "pools/buffer/recent_blocks.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <new>

namespace superslab {
namespace {

BlockNumber* blocks_of(LeaseMagazines& magazines, ClassIndex c) {
  return magazines.blocks + std::size_t{tag_of(c)} * kMagazineBlocks;
}

// Other threads read depths for statistics and set limits: see CacheRegistry.
std::uint32_t get(const std::uint32_t& field) {
  return std::atomic_ref<std::uint32_t>(const_cast<std::uint32_t&>(field))
      .load(std::memory_order_relaxed);
}

void set(std::uint32_t& field, std::uint32_t value) {
  std::atomic_ref<std::uint32_t>(field).store(value, std::memory_order_relaxed);
}

}  // namespace

BufferThreadCache* BufferThreadCache::attach(BufferPool& pool, Wake wake, void* context,
                                             NodeOrdinal node) {
  assert(wake != nullptr);
  auto* magazines = new (std::nothrow) LeaseMagazines{};
  SlabOwner* owner = magazines == nullptr ? nullptr : pool.attach(node);
  auto* cache = owner == nullptr ? nullptr
                                 : new (std::nothrow)
                                       BufferThreadCache(pool, *owner, magazines, wake, context);
  if (cache != nullptr) return cache;
  if (owner != nullptr) pool.detach(owner);
  if (magazines != nullptr) magazines->release();
  return nullptr;
}

BufferThreadCache::BufferThreadCache(BufferPool& pool, SlabOwner& owner, LeaseMagazines* magazines,
                                     Wake wake, void* context)
    : pool_(pool),
      owner_(owner),
      magazines_(magazines),
      wake_(wake),
      context_(context),
      huge_(pool, owner, *magazines) {
  set_limits();
  note_running();
  pool_.caches().join(this);
}

BufferThreadCache::~BufferThreadCache() {
  // Code that still holds the pool finds every magazine empty and full at once.
  std::memset(magazines_->depth, 0, sizeof magazines_->depth);
  std::memset(magazines_->limit, 0, sizeof magazines_->limit);
  magazines_->release();
}

void BufferThreadCache::detach() {
  pool_.room().stop_waiting(this);
  pool_.caches().leave(this);
  flush();
  assert(holds_nothing());
  pool_.detach(&owner_);
  delete this;
}

void BufferThreadCache::set_limits() {
  // Two threads may be here at once, its own and one that squeezes. Who wrote limits of an older
  // policy, or from before a squeeze, sees that and writes them again.
  for (;;) {
    const std::uint64_t generation = pool_.policy_generation();
    const bool none = has_no_magazines();
    const auto policy = pool_.policy();
    const ByteCount share = share_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < kFixedClasses; ++i) {
      const auto c = static_cast<ClassIndex>(i);
      if (!is_lease_class(i)) continue;
      set(magazines_->limit[tag_of(c)],
          none ? 0 : magazine_limit(c, *policy, share, owner_.number));
    }
    if (none) huge_.shut();
    policy_generation_.store(generation, std::memory_order_relaxed);
    if (generation == pool_.policy_generation() && none == has_no_magazines()) return;
  }
}

void BufferThreadCache::follow_growth() {
  const ByteCount before = share_.load(std::memory_order_relaxed);
  const ByteCount share = pool_.cache_share();
  // In steps, for all limits are made anew.
  if (share <= before + before / 4 && share >= before / 2) return;
  share_.store(share, std::memory_order_relaxed);
  set_limits();
}

ByteCount BufferThreadCache::kept_bytes() const {
  ByteCount sum = 0;
  for (std::size_t i = kFirstLargeClass; i < kFixedClasses; ++i)
    sum += ByteCount{depth_of(static_cast<ClassIndex>(i))} * class_bytes(i);
  return sum;
}

/// For who looks at which nodes use what.
void BufferThreadCache::note_running() {
  const Os& os = pool_.space().os();
  if (os.node_count() != 1) owner_.note_running_on(os.current_node());
}

void BufferThreadCache::signal(Signal what) {
  // Release: what the sender did before is seen by take_signals().
  if ((signals_.fetch_or(what, std::memory_order_release) & what) == 0) wake_(context_);
}

void BufferThreadCache::squeeze(bool on) {
  squeezed_.store(on, std::memory_order_relaxed);
  set_limits();
  if (on) signal(kFlush);
}

void BufferThreadCache::close() {
  // From here on nobody squeezes it any more, which would set the limits anew.
  pool_.room().stop_waiting(this);
  pool_.caches().retire(this);
  closed_.store(true, std::memory_order_relaxed);
  set_limits();
  flush();
  assert(holds_nothing() && is_valid());
}

std::uint32_t BufferThreadCache::depth_of(ClassIndex c) const {
  return std::min<std::uint32_t>(get(magazines_->depth[tag_of(c)]), kMagazineBlocks);
}

std::uint32_t BufferThreadCache::acquired(ClassIndex c) const {
  return get(magazines_->acquired[tag_of(c)]) - get(magazines_->skipped[tag_of(c)]);
}

Reclaimed BufferThreadCache::parked() const {
  Reclaimed sum{magazines_->parked[LeaseMagazines::kHuge],
                magazines_->parked_huge_granules * kGranuleBytes};
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const SliceTag tag = tag_of(static_cast<ClassIndex>(i));
    const std::uint32_t blocks = magazines_->parked[tag] + magazines_->idle[tag];
    sum.blocks += blocks;
    sum.bytes += ByteCount{blocks} * class_bytes(i);
  }
  return sum;
}

void BufferThreadCache::fold_acquired(ClassIndex c) {
  // JavaScript's counter wraps at 2^32; differences do not mind.
  const std::uint32_t now = acquired(c);
  owner_.counters(c).acquires.add(now - folded_[tag_of(c)]);
  set(folded_[tag_of(c)], now);
}

std::uint32_t BufferThreadCache::uncounted_acquires(ClassIndex c) const {
  // What is read while the thread samples sizes may look as if it had fallen: see `skipped`.
  const auto since = static_cast<std::int32_t>(acquired(c) - get(folded_[tag_of(c)]));
  return since > 0 ? static_cast<std::uint32_t>(since) : 0;
}

void BufferThreadCache::give_all(ClassIndex c, const BlockNumber* numbers, std::uint32_t count) {
  void* pointers[kMagazineBlocks];
  for (std::uint32_t i = 0; i < count; ++i)
    pointers[i] = address_of_number(pool_.space(), numbers[i]);
  assert(count <= kMagazineBlocks);
  owner_.give(pointers, count);
  owner_.counters(c).flushes.add(1);
  owner_.counters(c).flushed_blocks.add(count);
}

void BufferThreadCache::give_staged() {
  const std::uint32_t count = std::min<std::uint32_t>(magazines_->staged, kMagazineBlocks);
  const std::uint32_t tag = magazines_->staged_tag;
  set(magazines_->staged, 0);
  if (count == 0 || tag == 0 || tag > kFixedClasses) return;
  give_all(class_of_tag(static_cast<SliceTag>(tag)), magazines_->staged_blocks, count);
}

std::uint32_t BufferThreadCache::refill(ClassIndex c) {
  assert(is_lease_class(to_index(c)));
  const SliceTag tag = tag_of(c);
  if (const std::uint32_t depth = get(magazines_->depth[tag])) return depth;
  SlowPathTimer timer(pool_.slow_path(), sampling_);
  follow_policy();
  follow_growth();
  give_staged();
  void* pointers[kMagazineBlocks];
  if (to_index(c) >= kFirstLargeClass) owner_.note_kept(kept_bytes());
  const std::uint32_t limit = get(magazines_->limit[tag]);
  std::size_t got = owner_.take(c, pointers, limit == 0 ? 1 : batches_.next(c, limit));
  if (got == 0) {
    flush();  // our own magazines of other classes may hold what is missing
    got = owner_.take(c, pointers, 1);
  }
  fold_acquired(c);
  if (got == 0) {
    pool_.count_failed_request();
    return 0;
  }
  owner_.counters(c).refills.add(1);
  owner_.counters(c).refilled_blocks.add(got);
  if (limit != 0) owner_.note_slow_call(c, RunLengthCounters::Call::kRefill, limit);
  assert(got <= kMagazineBlocks && "what is staged fits");
  for (std::size_t i = 0; i < got; ++i)
    magazines_->staged_blocks[i] = number_of(pool_.space(), pointers[i]);
  ++magazines_->staged_count;
  set(magazines_->staged_tag, tag);
  set(magazines_->staged, static_cast<std::uint32_t>(got));
  assert(holds_own(c, magazines_->staged_blocks, magazines_->staged));
  // The one that is used first, whose memory is there already.
  if (timer.stop()) {
    pool_.note_nearness(pointers[got - 1]);
    note_running();
  }
  return static_cast<std::uint32_t>(got);
}

void BufferThreadCache::spill(ClassIndex c) {
  assert(is_lease_class(to_index(c)));
  const SlowPathTimer timer(pool_.slow_path(), sampling_);
  follow_policy();
  follow_growth();
  const SliceTag tag = tag_of(c);
  const std::uint32_t depth = depth_of(c);
  if (depth == 0) return;
  // The older half goes, and what is beyond a limit that fell; what was released last is most
  // likely still in the processor's cache.
  const std::uint32_t limit = get(magazines_->limit[tag]);
  if (limit != 0) owner_.note_slow_call(c, RunLengthCounters::Call::kSpill, limit);
  const std::uint32_t fitting = std::min(depth, limit);
  const std::uint32_t kept = fitting - std::min(fitting, std::max(fitting / 2, 1u));
  const std::uint32_t going = depth - kept;
  assert(going != 0 && "there is room for one more");
  BlockNumber* numbers = blocks_of(*magazines_, c);
  give_all(c, numbers, going);
  std::memmove(numbers, numbers + going, (depth - going) * sizeof *numbers);
  set(magazines_->depth[tag], depth - going);
}

void BufferThreadCache::spill_huge() {
  const SlowPathTimer timer(pool_.slow_path(), sampling_);
  follow_policy();
  huge_.spill();
}

bool BufferThreadCache::give(BlockNumber block) {
  const NamedBlock named = find_block(pool_.space(), block);
  if (!named.is_out) return false;
  if (named.is_huge) {
    Superslab& s = pool_.space().superslab(superslab_of(block));
    if (s.heap != &pool_.heap()) return false;
    pool_.give_huge(&s);
    return true;
  }
  if (named.owner != &owner_) return false;
  void* pointer = named.address;
  const Slab& slab = *pool_.space().slab_of(pointer);
  if (block_index(slab, pointer) >= slab.carved) return false;
  ClassCounters& counters = owner_.counters(slab.size_class);
  counters.flushes.add(1);
  counters.flushed_blocks.add(1);
  owner_.give(&pointer, 1);
  return true;
}

BlockNumber BufferThreadCache::take_huge(ByteCount bytes) {
  assert(bytes > kMaxClassBytes && bytes <= kMaxHugeBytes);
  const SlowPathTimer timer(pool_.slow_path(), sampling_);
  follow_policy();
  huge_.fold();
  bool is_zero = false;
  const auto take = [&] { return pool_.huge().take(bytes, &owner_, kSuperslabBytes, &is_zero); };
  Superslab* head = take();
  if (head == nullptr) {
    flush();
    head = take();
  }
  if (head == nullptr) {
    pool_.count_failed_request();
    return kNoBlock;
  }
  assert(head->heap == &pool_.heap() && head->huge_bytes >= bytes && head->charged_bytes != 0);
  note_taken(*head, !is_zero);
  return first_number_of(head->index);
}

void BufferThreadCache::note_taken(const Superslab& huge, bool is_reused) {
  huge_.note_taken(huge, is_reused);
  if (has_no_magazines()) return;
  huge_.set_limit();
  // Who squeezes meanwhile either shuts the magazine after this or is seen here.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (has_no_magazines()) huge_.shut();
}

bool BufferThreadCache::holds_nothing() const {
  for (std::size_t i = 0; i < kFixedClasses; ++i)
    if (depth_of(static_cast<ClassIndex>(i)) != 0) return false;
  return get(magazines_->staged) == 0 && huge_.count() == 0;
}

bool BufferThreadCache::is_valid() const {
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const std::uint32_t limit = get(magazines_->limit[tag_of(static_cast<ClassIndex>(i))]);
    if (limit > (is_lease_class(i) && !is_closed() ? kMagazineBlocks : 0)) return false;
  }
  if (is_closed() && get(magazines_->limit[LeaseMagazines::kHuge]) != 0) return false;
  return get(magazines_->limit[kTagNone]) == 0 && get(magazines_->limit[kTagHuge]) == 0;
}

/// Whether these are blocks of class `c` that this cache's thread may have, each once.
bool BufferThreadCache::holds_own(ClassIndex c, const BlockNumber* numbers,
                                  std::uint32_t count) const {
  BlockNumber sorted[kMagazineBlocks];
  std::copy(numbers, numbers + count, sorted);
  std::sort(sorted, sorted + count);
  if (std::adjacent_find(sorted, sorted + count) != sorted + count) return false;
  return std::all_of(sorted, sorted + count, [&](BlockNumber n) {
    const NamedBlock block = find_block(pool_.space(), n);
    return block.is_out && block.owner == &owner_ && block.capacity == class_bytes(to_index(c));
  });
}

PoolFault BufferThreadCache::check() const {
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    const std::uint32_t depth = get(magazines_->depth[tag_of(c)]);
    if (depth > (is_lease_class(i) ? kMagazineBlocks : 0)) return PoolFault::kDepth;
    if (!holds_own(c, blocks_of(*magazines_, c), depth)) return PoolFault::kMagazine;
  }
  if (!huge_.is_valid()) return PoolFault::kMagazine;
  const std::uint32_t staged = get(magazines_->staged);
  if (staged == 0) return PoolFault::kNone;
  const std::uint32_t tag = get(magazines_->staged_tag);
  const bool is_whole =
      staged <= kMagazineBlocks && tag != 0 && tag <= kFixedClasses &&
      holds_own(class_of_tag(static_cast<SliceTag>(tag)), magazines_->staged_blocks, staged);
  return is_whole ? PoolFault::kNone : PoolFault::kStaged;
}

void BufferThreadCache::show_recent(RecentBlocks& to) const {
  to.look_at(magazines_, magazines_->acquired, magazines_->blocks);
}

std::uint32_t BufferThreadCache::cached(ClassIndex c) const {
  assert(to_index(c) < kFixedClasses);
  const SliceTag tag = tag_of(c);
  const std::uint32_t staged = get(magazines_->staged_tag) == tag ? get(magazines_->staged) : 0;
  return get(magazines_->depth[tag]) + get(magazines_->parked[tag]) + get(magazines_->idle[tag]) +
         staged;
}

std::uint32_t BufferThreadCache::cached_in(SliceIndex slice) const {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const SliceTag tag = tag_of(static_cast<ClassIndex>(i));
    const BlockNumber* blocks = magazines_->blocks + tag * kMagazineBlocks;
    const std::uint32_t depth = depth_of(static_cast<ClassIndex>(i));
    for (std::uint32_t b = 0; b < depth; ++b) found += slice_of(blocks[b]) == slice;
  }
  const std::uint32_t staged = std::min(get(magazines_->staged), kMagazineBlocks);
  for (std::uint32_t b = 0; b < staged; ++b) {
    found += slice_of(magazines_->staged_blocks[b]) == slice;
  }
  return found;
}

void BufferThreadCache::add_levels(GuardLevels& sum) const {
  sum.held_huge_bytes += get(magazines_->parked_huge_granules) * kGranuleBytes + huge_.bytes();
  sum.cached_huge_blocks += huge_.count();
  sum.watched_blocks += get(magazines_->watched_blocks);
  sum.watched_bytes += get(magazines_->watched_granules) * kGranuleBytes;
  sum.quarantined_blocks += get(magazines_->quarantined_blocks);
  sum.quarantined_bytes += get(magazines_->quarantined_granules) * kGranuleBytes;
}

std::uint32_t BufferThreadCache::records_out() const {
  const std::uint32_t made = get(magazines_->records_made);
  return made - std::min(made, get(magazines_->records_idle));
}

Reclaimed BufferThreadCache::leaked_records() const {
  const std::uint32_t out = records_out();
  return {out, out * pool_.record_shape().record_bytes};
}

void BufferThreadCache::fold() {
  for (std::size_t i = 0; i < kFixedClasses; ++i) fold_acquired(static_cast<ClassIndex>(i));
  huge_.fold();
}

void BufferThreadCache::empty(ClassIndex c) {
  const std::uint32_t depth = depth_of(c);
  if (depth == 0) return;
  set(magazines_->depth[tag_of(c)], 0);
  give_all(c, blocks_of(*magazines_, c), depth);
}

/// Once nothing was acquired for as long as the purge delay, gives the pages back that lie free
/// among blocks in use, unless demand is expected to come back.
void BufferThreadCache::purge_pages_at_rest(bool was_used) {
  // Upkeep looks twice in each delay.
  constexpr unsigned kLooks = 2;
  looks_at_rest_ = was_used ? 0 : looks_at_rest_ + 1;
  if (looks_at_rest_ != kLooks || pool_.reserve()->ready_bytes != 0) return;
  ByteCount bytes = 0;
  while (owner_.purge_pages(bytes)) {
  }
}

void BufferThreadCache::trim_idle() {
  assert(is_valid());
  note_running();
  give_staged();
  bool was_used = false;
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    if (!is_lease_class(i)) continue;
    fold_acquired(c);
    const std::uint32_t now = magazines_->acquired[tag_of(c)];
    was_used |= now != acquired_at_last_look_[tag_of(c)];
    if (now == acquired_at_last_look_[tag_of(c)] || is_closed()) {
      empty(c);
      batches_.reset(c);
    }
    acquired_at_last_look_[tag_of(c)] = now;
  }
  huge_.trim_idle();
  is_closed() ? owner_.retire_unused() : owner_.retire_surplus();
  purge_pages_at_rest(was_used);
}

void BufferThreadCache::flush() {
  assert(is_valid());
  give_staged();
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    if (!is_lease_class(i)) continue;
    fold_acquired(c);
    empty(c);
    batches_.reset(c);
  }
  huge_.empty();
  owner_.retire_unused();
  assert(holds_nothing());
}

}  // namespace superslab
