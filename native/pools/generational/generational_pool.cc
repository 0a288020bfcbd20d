#include "pools/generational/generational_pool.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace superslab {
namespace {

/// Young has so many chunks.
constexpr ByteCount kChunksOfYoung = 8;
constexpr ByteCount kMinChunk = 32 * kKiB;
constexpr ByteCount kMaxChunk = 2 * kMiB;
constexpr std::uint16_t kMaxPins = 0xffff;

}  // namespace

ByteCount GenerationalPool::chunk_for(ByteCount young) {
  const ByteCount most = std::clamp(young / kChunksOfYoung, kMinChunk, kMaxChunk);
  ByteCount bytes = kMinChunk;
  while (bytes * 2 <= most) bytes *= 2;
  return bytes;
}

bool GenerationalPool::can_be(const GenerationalOptions& options) {
  const ByteCount chunk = chunk_for(options.young);
  const auto is_limit = [&](ByteCount bytes) {
    return bytes == 0 || (bytes >= chunk && bytes <= kMaxBytes);
  };
  const Promotion& promotion = options.promotion;
  return options.young >= kMinYoung && options.young <= kMaxBytes && is_limit(options.old) &&
         is_limit(options.permanent) && is_limit(options.max_bytes) &&
         promotion.young_to_old >= 1 && promotion.young_to_old <= 255 &&
         promotion.old_to_permanent >= 1 && promotion.survival >= 0 && promotion.survival <= 1;
}

HeapSnapshot GenerationalPool::policy_for(const Policy& policy,
                                          const GenerationalOptions& options) {
  HeapSnapshot own = policy;
  own.max_bytes = options.max_bytes;
  return own;
}

GenerationalPool::GenerationalPool(Space& space, const Clock& clock, const Clock& stopwatch,
                                   const Policy& policy, const GenerationalOptions& options,
                                   ScopeWindow& window, std::uint32_t seed, std::string_view name)
    : Pool(name),
      window_(window),
      stopwatch_(stopwatch),
      options_(options),
      heap_(space, clock, policy_for(policy, options), {.access = Access::kPointers}),
      store_(memory_, chunk_for(options.young)),
      slots_(memory_, next_generation(seed)),
      scopes_(store_, memory_, next_generation(seed)),
      collector_(store_, slots_, options.promotion, {options.old, options.permanent}, stopwatch) {
  assert(can_be(options));
}

GenerationalPool::~GenerationalPool() { memory_.close(); }

bool GenerationalPool::is_over(Generation g, ByteCount bytes) const {
  const ByteCount limit = g == Generation::kYoung ? options_.young : options_.old;
  return limit != 0 && store_.held(g) + bytes > limit;
}

ValueFault GenerationalPool::why_none(ByteCount bytes) const {
  return heap_.budget().has_room(bytes) ? ValueFault::kNoMemory : ValueFault::kLimit;
}

/// A chunk with room for a value of so many bytes.
Chunk* GenerationalPool::chunk_for_value(ByteCount bytes, ValueFault& fault) {
  const bool is_own = bytes > max_shared();
  const ByteCount needed = is_own ? bytes + kValueAlignment : chunk_bytes();
  Chunk* chunk = nullptr;
  if (!is_own) {
    Chunk* const young = store_.current(Generation::kYoung);
    if (young != nullptr && young->has_room(bytes)) return young;
    heap_.tick();
    if (!is_over(Generation::kYoung, needed)) {
      chunk = store_.add(Generation::kYoung);
      if (chunk == nullptr) fault = why_none(needed);
      return chunk;
    }
    chunk = store_.current(Generation::kOld);
  }
  if (chunk == nullptr || !chunk->has_room(bytes)) {
    fault = ValueFault::kLimit;
    if (is_over(Generation::kOld, needed)) {
      heap_.count_exhausted();
      return nullptr;
    }
    chunk = is_own ? store_.add_own(needed) : store_.add(Generation::kOld);
    if (chunk == nullptr) fault = why_none(needed);
  }
  if (chunk != nullptr) pretenured_.add(1);
  return chunk;
}

[[gnu::always_inline]] inline std::byte* GenerationalPool::put(Chunk& chunk, Slot& slot,
                                                               ByteCount bytes) {
  const ByteCount size = footprint(bytes);
  std::byte* const at = chunk.at;
  chunk.at = at + size;
  *--chunk.log = slot.number;
  chunk.live_bytes += size;
  ++chunk.live_values;
  slots_.use(slot);
  slot.at = at;
  slot.length = static_cast<std::uint32_t>(bytes);
  slot.chunk = &chunk;
  slot.pins = 0;
  slot.age = 0;
  values_.add(1);
  live_bytes_.add(size);
  return at;
}

std::byte* GenerationalPool::allocate(ByteCount bytes, ValueHandle& handle, ValueFault& fault) {
  fault = ValueFault::kTooLarge;
  if (bytes > kMaxValueBytes) [[unlikely]]
    return nullptr;
  Chunk* chunk = store_.current(Generation::kYoung);
  const ByteCount size = footprint(bytes);
  if (chunk == nullptr || size > max_shared() || !chunk->has_room(size)) [[unlikely]] {
    // The slot first: without one a chunk of its own would be nobody's.
    if (slots_.peek() == nullptr) {
      fault = why_none(SlotPages::kPageSlots * sizeof(Slot));
      return nullptr;
    }
    chunk = chunk_for_value(size, fault);
    if (chunk == nullptr) return nullptr;
  }
  Slot* const slot = slots_.peek();
  if (slot == nullptr) [[unlikely]] {
    fault = why_none(SlotPages::kPageSlots * sizeof(Slot));
    return nullptr;
  }
  fault = ValueFault::kNone;
  std::byte* const at = put(*chunk, *slot, bytes);
  handle = slot->handle();
  return at;
}

std::byte* GenerationalPool::allocate_scoped(ByteCount bytes, ValueHandle& handle,
                                             ValueFault& fault) {
  fault = ValueFault::kTooLarge;
  if (bytes > kMaxValueBytes) return nullptr;
  fault = ValueFault::kNoScope;
  if (!scopes_.is_open()) return nullptr;
  if (!scopes_.make_room(window_, bytes)) {
    fault = why_none(std::max(footprint(bytes), chunk_bytes()));
    return nullptr;
  }
  fault = ValueFault::kNone;
  Slot& slot = *window_.slot++;
  slot.at = window_.at;
  slot.length = static_cast<std::uint32_t>(bytes);
  ++slot.generation;
  window_.at += footprint(bytes);
  handle = slot.handle();
  return slot.at;
}

ValueFault GenerationalPool::free(ValueHandle handle) {
  if ((slot_of(handle) & kScoped) != 0) {
    Slot* const slot = scopes_.find(window_, handle);
    if (slot == nullptr) return ValueFault::kStale;
    // Its memory comes back with the scope.
    slot->at = nullptr;
    return ValueFault::kNone;
  }
  Slot* const slot = slots_.find(handle);
  if (slot == nullptr) return ValueFault::kStale;
  if (slot->pins != 0) return ValueFault::kPinned;
  Chunk& chunk = *slot->chunk;
  const ByteCount size = footprint(slot->length);
  slots_.end(*slot);
  values_.set(values_.get() - 1);
  live_bytes_.set(live_bytes_.get() - size);
  chunk.live_bytes -= size;
  --chunk.live_values;
  if (chunk.live_values == 0) store_.emptied(chunk);
  return ValueFault::kNone;
}

ValueFault GenerationalPool::pin(ValueHandle handle) {
  if ((slot_of(handle) & kScoped) != 0)
    return scopes_.find(window_, handle) == nullptr ? ValueFault::kStale : ValueFault::kScoped;
  Slot* const slot = slots_.find(handle);
  if (slot == nullptr) return ValueFault::kStale;
  if (slot->pins == kMaxPins) return ValueFault::kLimit;
  if (slot->pins++ == 0) ++slot->chunk->pinned;
  return ValueFault::kNone;
}

ValueFault GenerationalPool::unpin(ValueHandle handle) {
  if (find(handle) == nullptr) return ValueFault::kStale;
  Slot* const slot = slots_.find(handle);
  if (slot == nullptr || slot->pins == 0) return ValueFault::kNotPinned;
  if (--slot->pins == 0) --slot->chunk->pinned;
  return ValueFault::kNone;
}

ValueHandle GenerationalPool::promote(ValueHandle handle, ValueFault& fault) {
  fault = ValueFault::kStale;
  const Slot* const from = find(handle);
  if (from == nullptr) return 0;
  fault = ValueFault::kNone;
  if ((slot_of(handle) & kScoped) == 0) return handle;
  ValueHandle promoted;
  std::byte* const at = allocate(from->length, promoted, fault);
  if (at == nullptr) return 0;
  std::memcpy(at, from->at, from->length);
  slots_.find(promoted)->age = 1;
  return promoted;
}

bool GenerationalPool::collect(Nanos budget, CollectProgress progress, void* context,
                               ValueFault& fault) {
  fault = is_collecting_ ? ValueFault::kBusy : ValueFault::kNone;
  if (is_collecting_) return false;
  is_collecting_ = true;
  const Nanos now = stopwatch_.now();
  const Nanos end = budget > ~Nanos{0} - now ? ~Nanos{0} : now + budget;
  const bool is_complete = collector_.step(end, progress, context);
  is_collecting_ = false;
  if (is_complete) {
    scopes_.trim(window_);
    memory_.retire_idle();
    heap_.tick();
  }
  return is_complete;
}

ByteCount GenerationalPool::trim(ByteCount target) {
  store_.retire_current();
  scopes_.trim(window_);
  memory_.retire_unused();
  return heap_.trim(target);
}

void GenerationalPool::close() {
  note_closed();
  for (std::size_t g = 0; g < kGenerations; ++g) {
    const auto generation = static_cast<Generation>(g);
    while (Chunk* const chunk = store_.list(generation).first()) {
      chunk->live_values = chunk->pinned = 0;
      store_.retire(*chunk);
    }
  }
  scopes_.close();
  window_ = {};
  slots_.close();
  values_.set(0);
  live_bytes_.set(0);
  memory_.retire_unused();
  memory_.close();
  heap_.trim(0);
}

}  // namespace superslab
