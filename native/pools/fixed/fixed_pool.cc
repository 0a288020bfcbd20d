#include "pools/fixed/fixed_pool.h"

#include <algorithm>
#include <cassert>

#include "heap/magazine_limits.h"
#include "heap/slab_bits.h"
#include "pools/fixed/fixed_cache.h"

namespace superslab {
namespace {

/// Objects that go from one place to another at a time: they lie on the stack meanwhile.
constexpr std::size_t kBatch = 64;

/// Of a pool with a limit, so that what threads cache does not use it up.
constexpr std::size_t kCachedPart = 16;

/// Magazines that the depot holds beside `initial`.
constexpr std::size_t kDepotMagazines = 16;

constexpr std::uint32_t kStepsPerTurn = 64;

ClassIndex class_of(const FixedPoolOptions& options) {
  return class_for(FixedPool::block_bytes(options.object_bytes, options.alignment));
}

}  // namespace

ByteCount FixedPool::block_bytes(ByteCount object_bytes, ByteCount alignment) {
  if (object_bytes == 0 || object_bytes > kMaxClassBytes || !is_power_of_two(alignment)) return 0;
  if (alignment <= kSliceBytes) return class_aligned_to(alignment, object_bytes);
  // Only whole superslabs start at multiples of more.
  return alignment <= kMaxClassBytes ? kMaxClassBytes : 0;
}

HeapSnapshot FixedPool::policy_for(const Policy& policy, const FixedPoolOptions& options) {
  HeapSnapshot own = policy;
  own.max_bytes = options.max * block_bytes(options.object_bytes, options.alignment);
  return own;
}

std::uint32_t FixedPool::choose_cache_limit(const Policy& policy) const {
  if (options_.is_checked) return 0;
  if (options_.cached != 0) return std::min(options_.cached, FixedCache::kMaxObjects);
  std::size_t objects = std::min<std::size_t>(policy.cache_blocks, kBatch);
  objects = std::min(objects, policy.cache_bytes / unit_);
  if (options_.max != 0) objects = std::min(objects, options_.max / kCachedPart);
  return static_cast<std::uint32_t>(std::max<std::size_t>(objects, 1));
}

FixedPool::FixedPool(Space& space, const Clock& clock, const Policy& policy,
                     const FixedPoolOptions& options, std::string_view name)
    : Pool(name),
      options_(options),
      unit_(block_bytes(options.object_bytes, options.alignment)),
      class_(class_of(options)),
      heap_(space, clock, policy_for(policy, options),
            {.access = Access::kPointers, .has_colours = options.has_colours}),
      cache_limit_(choose_cache_limit(policy)),
      depot_(space) {
  assert(unit_ != 0 && (options.max == 0 || options.initial <= options.max));
  heap_.caches().join(&depot_member_);
}

FixedPool::~FixedPool() {
  heap_.caches().leave(&depot_member_);
  if (cpus_ != nullptr) cpus_->end(heap_.space());
  if (owner_ != nullptr) heap_.detach(owner_);
}

FixedFault FixedPool::open() {
  SlabOwner* owner = heap_.attach();
  if (owner == nullptr) return FixedFault::kNoMemory;
  owner_ = owner;
  const Region region = heap_.space().region();
  region_base_ = region.base;
  routes_ = region.routes;
  route_ = route_of(owner->id(), class_);
  if (options_.is_per_cpu && !options_.is_checked)
    cpus_ = CpuMagazines::make(heap_.space(), std::min(cache_limit_, CpuMagazines::kMaxObjects));
  for (std::size_t made = 0; made < options_.initial; made += kBatch) {
    const std::size_t wanted = std::min(kBatch, options_.initial - made);
    if (const FixedFault fault = make_initial(wanted); fault != FixedFault::kNone) return fault;
  }
  if (options_.is_checked) shrink_depot(0);  // their memory is there, and that is all
  return FixedFault::kNone;
}

/// Past the depot, where the ones before them lie.
FixedFault FixedPool::make_initial(std::size_t count) {
  void* blocks[kBatch];
  std::size_t taken;
  {
    LockGuard guard(lock_);
    taken = take_from_slabs(blocks, count);
  }
  populate(blocks, taken);
  const std::size_t made = construct(blocks, taken);
  std::size_t kept;
  {
    LockGuard guard(lock_);
    kept = depot_.push(blocks, made, ~std::size_t{0});
  }
  if (kept < made) destruct_and_give(blocks + kept, made - kept);
  if (made < taken) return FixedFault::kRefused;
  return kept == count ? FixedFault::kNone : FixedFault::kNoMemory;
}

/// Memory for blocks that nobody has yet: neighbours at once. What the system does not populate
/// comes with the first touch, which is here.
void FixedPool::populate(void* const* blocks, std::size_t count) {
  Os& os = heap_.space().os();
  const ByteCount page = os.page_bytes();
  for (std::size_t i = 0; i < count;) {
    std::uintptr_t from = address_of(blocks[i]);
    std::uintptr_t to = from + unit_;
    // A batch lies in order of addresses, either way.
    for (++i; i < count; ++i) {
      const std::uintptr_t next = address_of(blocks[i]);
      if (next == to) {
        to += unit_;
      } else if (next + unit_ == from) {
        from = next;
      } else {
        break;
      }
    }
    const std::uintptr_t first = align_down(from, page);
    os.populate(reinterpret_cast<void*>(first), align_up(to, page) - first);
  }
}

bool FixedPool::owns(const void* p) const {
  const Space& space = heap_.space();
  if (space.tag_at(p) != tag_of(class_)) return false;
  if (space.superslab_of(p).heap != &heap_) return false;
  const Slab& slab = *space.slab_of(p);
  if (address_of(p) < address_of(slab.start)) return false;
  const std::uint32_t index = block_index(slab, p);
  return index < slab.block_count && p == block_address(slab, index);
}

std::size_t FixedPool::keep_own(void** objects, std::size_t count) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (owns(objects[i])) [[likely]] {
      objects[kept++] = objects[i];
    } else {
      count_foreign_put();
    }
  }
  return kept;
}

std::size_t FixedPool::depot_limit() const {
  if (options_.is_checked || is_closed()) return 0;
  return options_.initial + kDepotMagazines * cache_limit_;
}

std::size_t FixedPool::take_from_slabs(void** out, std::size_t count) {
  const std::size_t got = owner_->take(class_, out, count);
  if (got == 0) return 0;
  ClassCounters& counters = owner_->counters(class_);
  counters.refills.add(1);
  counters.refilled_blocks.add(got);
  region_slices_.store(heap_.space().slices(), std::memory_order_relaxed);
  return got;
}

void FixedPool::give_to_slabs(void* const* objects, std::size_t count) {
  if (count == 0) return;
  ClassCounters& counters = owner_->counters(class_);
  counters.flushes.add(1);
  counters.flushed_blocks.add(count);
  owner_->give(objects, count);
}

/// Why fewer came than were wanted.
FixedFault FixedPool::why_none() const {
  return heap_.budget().has_room(unit_) ? FixedFault::kNoMemory : FixedFault::kLimit;
}

void FixedPool::count_refusal(FixedFault fault) {
  if (fault == FixedFault::kClosed) return;
  heap_.count_failed_request();
  if (fault == FixedFault::kLimit) heap_.count_exhausted();
}

/// Constructs the blocks in turn and returns how many. From one that cannot be constructed on they
/// go back.
std::size_t FixedPool::construct(void* const* blocks, std::size_t count) {
  const ObjectHooks& hooks = options_.hooks;
  if (hooks.construct == nullptr) return count;
  for (std::size_t i = 0; i < count; ++i) {
    if (hooks.construct(blocks[i], hooks.context) == 0) continue;
    LockGuard guard(lock_);
    give_to_slabs(blocks + i, count - i);
    return i;
  }
  return count;
}

/// The rest of what is wanted, from the slabs. Counts up `got`.
FixedFault FixedPool::fetch_constructed(void** out, std::size_t count, std::size_t& got) {
  while (got < count) {
    std::size_t taken;
    {
      LockGuard guard(lock_);
      taken = take_from_slabs(out + got, count - got);
    }
    if (taken == 0) return why_none();
    const std::size_t made = construct(out + got, taken);
    got += made;
    if (made < taken) return FixedFault::kRefused;
  }
  return FixedFault::kNone;
}

/// As many as there are, up to `count`: those of the depot first.
FixedFault FixedPool::fetch(void** out, std::size_t count, std::size_t& got) {
  got = 0;
  if (is_closed()) return FixedFault::kClosed;
  collect_orphans();
  const bool constructs = options_.hooks.construct != nullptr;
  {
    LockGuard guard(lock_);
    got = depot_.pop(out, count);
    if (got < count && !constructs) got += take_from_slabs(out + got, count - got);
  }
  if (got == count) return FixedFault::kNone;
  return constructs ? fetch_constructed(out, count, got) : why_none();
}

FixedFault FixedPool::take(void** out, std::size_t count) {
  std::size_t got;
  const FixedFault fault = fetch(out, count, got);
  if (fault == FixedFault::kNone) return fault;
  count_refusal(fault);
  give(out, got);
  return fault;
}

std::size_t FixedPool::take_some(void** out, std::size_t wanted, FixedFault& fault) {
  std::size_t got;
  fault = fetch(out, wanted, got);
  if (got != 0) {
    fault = FixedFault::kNone;
  } else {
    count_refusal(fault);
  }
  return got;
}

void FixedPool::destruct_and_give(void* const* objects, std::size_t count) {
  if (options_.hooks.destruct != nullptr) {
    for (std::size_t i = 0; i < count; ++i)
      options_.hooks.destruct(objects[i], options_.hooks.context);
  }
  LockGuard guard(lock_);
  give_to_slabs(objects, count);
}

void FixedPool::give(void* const* objects, std::size_t count) {
  std::size_t kept;
  {
    LockGuard guard(lock_);
    kept = depot_.push(objects, count, depot_limit());
  }
  if (kept < count) destruct_and_give(objects + kept, count - kept);
}

FixedFault FixedPool::give_checked(void* object) {
  if (!owns(object)) {
    count_foreign_put();
    return FixedFault::kForeign;
  }
  const Slab& slab = *heap_.space().slab_of(object);
  {
    LockGuard guard(lock_);
    const std::uint32_t index = block_index(slab, object);
    if (index >= slab.carved || slab_holds(slab, index)) {
      heap_.slabs().count_double_frees(1);
      return FixedFault::kAlreadyFree;
    }
  }
  destruct_and_give(&object, 1);
  return FixedFault::kNone;
}

void FixedPool::collect_orphans() {
  if (!has_orphans_.load(std::memory_order_relaxed)) [[likely]]
    return;
  if (!has_orphans_.exchange(false, std::memory_order_relaxed)) return;
  const auto is_orphan = [](const FixedCache& cache) { return !cache.has_thread(); };
  while (FixedCache* orphan = find_cache(is_orphan)) orphan->end();
}

void FixedPool::shrink_depot(std::size_t keep) {
  void* batch[kBatch];
  for (;;) {
    std::size_t got;
    {
      LockGuard guard(lock_);
      const std::size_t now = depot_.count();
      got = now <= keep ? 0 : depot_.pop(batch, std::min(now - keep, kBatch));
    }
    if (got == 0) return;
    destruct_and_give(batch, got);
  }
}

void FixedPool::tick(bool may_destruct) {
  if (may_destruct || options_.hooks.destruct == nullptr) {
    std::size_t now;
    std::size_t unneeded;
    {
      LockGuard guard(lock_);
      now = depot_.count();
      unneeded = depot_.take_low_water();
    }
    if (unneeded > options_.initial) shrink_depot(now - (unneeded - options_.initial));
  }
  {
    LockGuard guard(lock_);
    owner_->retire_idle();
  }
  heap_.tick();
}

void FixedPool::take_turn() {
  if (wants_relief_.load(std::memory_order_relaxed) &&
      wants_relief_.exchange(false, std::memory_order_relaxed)) [[unlikely]]
    trim(0);
  if (steps_.fetch_add(1, std::memory_order_relaxed) < kStepsPerTurn) return;
  steps_.store(0, std::memory_order_relaxed);
  const Nanos now = heap_.now();
  Nanos due = next_tick_.load(std::memory_order_relaxed);
  const Nanos delay = heap_.account().purge_delay();
  if (now >= due &&
      next_tick_.compare_exchange_strong(due, now + delay / 2 + 1, std::memory_order_relaxed))
    tick(true);
}

ByteCount FixedPool::trim(ByteCount target) {
  collect_orphans();
  if (owner_ == nullptr) return 0;
  if (cpus_ != nullptr) shrink_own_cpu(CpuMagazines::kMaxObjects);
  shrink_depot(is_closed() ? 0 : options_.initial);
  {
    LockGuard guard(lock_);
    owner_->retire_unused();
  }
  return heap_.trim(target);
}

ByteCount FixedPool::relieve(ReliefStep step) {
  if (owner_ == nullptr || step == ReliefStep::kCold) return 0;
  heap_.caches().ask_for_flush(nullptr);
  if (step == ReliefStep::kIdle && options_.hooks.destruct == nullptr) {
    shrink_depot(options_.initial);
  } else if (step == ReliefStep::kIdle) {
    wants_relief_.store(true, std::memory_order_relaxed);
  }
  {
    LockGuard guard(lock_);
    owner_->retire_unused();
  }
  return heap_.trim(0);
}

void FixedPool::close() {
  note_closed();
  while (FixedCache* cache = find_cache([](const FixedCache&) { return true; })) {
    cache->leave_thread();
    cache->end();
  }
  if (cpus_ != nullptr) empty_cpus();
  trim(0);
}

bool FixedPool::survive_fork(const SlabOwner* mine, bool is_suspect) NO_THREAD_SAFETY_ANALYSIS {
  const Holder holder = lock_.survive_fork();
  if (holder == Holder::kVanished) depot_.survive_fork();
  const bool is_inside = heap_.survive_fork(mine, is_suspect);
  return is_inside || holder == Holder::kMe;
}

}  // namespace superslab
