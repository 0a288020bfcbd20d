#include "diagnostics/map_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/clock.h"
#include "base/racy_read.h"
#include "heap/superslab_list.h"

namespace superslab {
namespace {

static_assert(std::endian::native == std::endian::little, "frames are sent as they lie in memory");

constexpr Nanos kSecond = 1000 * kMillisecond;
constexpr ByteCount kPage = 64 * kKiB;  // a multiple of every page

constexpr std::uint32_t mix(std::uint32_t hash, std::uint64_t value) {
  const std::uint64_t mixed = (hash ^ value) * 0x9e3779b97f4a7c15;
  return static_cast<std::uint32_t>(mixed ^ (mixed >> 32));
}

std::uint8_t state_of(std::uint8_t fullness, std::uint8_t temperature) {
  return static_cast<std::uint8_t>(fullness << kMapFullnessShift | temperature);
}

constexpr unsigned kTemperatureMask = (1u << kMapFullnessShift) - 1;
std::uint8_t temperature_in(const MapRecord::Slice& slice) {
  return slice.state & kTemperatureMask;
}

std::uint8_t flags_of(const Superslab& s) {
  const HugePages pages = racy_read(s.pages);
  std::uint8_t flags = 0;
  if (is_explicit(pages)) flags |= MapRecord::kExplicit;
  if (pages == HugePages::kTransparent) flags |= MapRecord::kTransparent;
  if (racy_read(s.is_exposed)) flags |= MapRecord::kExposed;
  if (racy_read(s.secrecy) != Secrecy::kNone) flags |= MapRecord::kSecret;
  return flags;
}

std::uint8_t node_of(const Superslab& s) {
  if (racy_read(s.node_placement.kind) != NodePlacement::Kind::kNode) return 0;
  return static_cast<std::uint8_t>(std::min(racy_read(s.node_placement.node) + 1, 255));
}

/// Whether the page has to hear of a record. That something grew cold it knows by itself.
bool is_news(const MapRecord& before, const MapRecord& now) {
  if (before.use != now.use || before.pool != now.pool || before.flags != now.flags ||
      before.node != now.node || before.span != now.span)
    return true;
  constexpr auto kNothing = static_cast<std::uint8_t>(MapTemperature::kNothing);
  constexpr auto kHot = static_cast<std::uint8_t>(MapTemperature::kHot);
  for (std::size_t i = 0; i < kSlicesPerSuperslab; ++i) {
    const MapRecord::Slice& was = before.slices[i];
    const MapRecord::Slice& is = now.slices[i];
    if (temperature_in(is) == kHot || was.tag != is.tag || was.state >> 4 != is.state >> 4 ||
        (temperature_in(was) == kNothing) != (temperature_in(is) == kNothing))
      return true;
  }
  return false;
}

}  // namespace

/// The block beyond 2 MiB that the superslabs at hand belong to: the first tells about the others.
class MapScanner::HugeBlock {
 public:
  void begin(const Superslab& head, std::uint8_t ordinal) {
    index_ = head.index;
    bytes = std::min<ByteCount>(racy_read(head.huge_bytes), kArenaBytes);
    span = std::min<std::uint32_t>(racy_read(head.span), kSuperslabsPerArena);
    pool = ordinal;
    const ByteCount charged = racy_read(head.charged_bytes);
    is_leased = charged != 0;
    // When it was kept last tells two leases of one size apart.
    hash = mix(mix(1, charged), racy_read(head.idle_since));
  }
  /// Slices of superslab `i` that belong to the block.
  unsigned slices_in(SuperslabIndex i) const {
    const ByteCount before = ByteCount{i - index_} * kSuperslabBytes;
    if (i < index_ || before >= bytes) return 0;
    return static_cast<unsigned>(div_up(std::min(bytes - before, kSuperslabBytes), kSliceBytes));
  }

  ByteCount bytes = 0;
  std::uint32_t span = 0;
  std::uint32_t hash = 0;
  std::uint8_t pool = 0;
  bool is_leased = false;

 private:
  SuperslabIndex index_ = 0;
};

MapScanner::MapScanner(Space& space) : space_(space), memory_(nullptr) {
  // From the operating system: what looks at the heaps takes nothing from them. Memory comes with
  // the superslabs that there are to remember, 336 bytes each.
  Os& os = space.os();
  void* memory = os.reserve(kBytes, std::max(os.page_bytes(), kPage));
  if (memory == nullptr) return;
  if (os.commit(memory, kBytes, HugePages::kOff) != OsStatus::kOk) {
    os.unreserve(memory, kBytes);
    return;
  }
  memory_ = static_cast<std::byte*>(memory);
  entries_ = reinterpret_cast<Entry*>(memory_);
  changed_ = reinterpret_cast<SuperslabIndex*>(memory_ + kEntryBytes);
  listed_ = reinterpret_cast<SuperslabIndex*>(memory_ + kEntryBytes + kListBytes);
  ready_ = reinterpret_cast<std::uint64_t*>(memory_ + kEntryBytes + 2 * kListBytes);
}

MapScanner::~MapScanner() {
  if (memory_ != nullptr) space_.os().unreserve(memory_, kBytes);
}

std::uint8_t MapScanner::ordinal_of(const void* heap, std::span<const MapHeap> heaps) const {
  for (const MapHeap& known : heaps) {
    if (known.heap == heap) return known.ordinal;
  }
  return 0;
}

/// The temperature of the slab that begins in `slice`, or of what else is there, and remembers it.
std::uint8_t MapScanner::temperature(Entry& entry, unsigned slice, std::uint32_t hash,
                                     bool is_recent) {
  const bool changed = entry.hash[slice] != hash;
  entry.hash[slice] = hash;
  // Of what came before the first scan nothing is known; what appears later is a change.
  if ((changed && !is_first_) || is_recent) {
    entry.since[slice] = second_;
    return static_cast<std::uint8_t>(MapTemperature::kHot);
  }
  const bool is_warm = entry.since[slice] != 0 && second_ - entry.since[slice] <= kWarmSeconds;
  return static_cast<std::uint8_t>(is_warm ? MapTemperature::kWarm : MapTemperature::kCold);
}

/// How many slices it has. `tag` is the first one's as it was when it named a class: by now the
/// slab may have been retired, and another read may name none.
unsigned MapScanner::look_at_slab(const Superslab& s, unsigned first, SliceTag tag, Entry& entry,
                                  MapRecord& record) {
  const SliceTag* tags = space_.tags() + std::size_t{s.index} * kSlicesPerSuperslab;
  const SizeClass& cut = size_class(class_of_tag(tag));
  unsigned slices = 1;
  while (slices < cut.slices && first + slices < kSlicesPerSuperslab &&
         racy_read(tags[first + slices]) == tag)
    ++slices;

  const Slab& slab = *space_.slab_at(s, first);
  const bool is_inline = cut.words <= kInlineWords;
  const std::uint64_t* own = is_inline ? slab.inline_free_words : space_.words_at(s, first);
  const std::uint64_t* remote = is_inline ? slab.inline_remote_words : own + kMaxWords;
  const std::uint32_t carved = std::min(racy_read(slab.carved), cut.block_count);
  std::uint32_t hash = mix(tag, carved);
  std::uint32_t free = 0;
  for (unsigned w = 0; w < cut.words; ++w) {
    const std::uint64_t bits = racy_read(own[w]) | racy_read(remote[w]);
    free += count_bits(bits);
    hash = mix(hash, bits);
  }
  const std::uint32_t out = carved - std::min(free, carved);
  const bool is_recent = (entry.recent & slice_range(first, slices)) != 0;
  const std::uint8_t state =
      state_of(map_fullness(out, cut.block_count),
               carved == 0 ? std::uint8_t{0} : temperature(entry, first, hash, is_recent));
  for (unsigned i = 0; i < slices; ++i) {
    record.slices[first + i] = {i == 0 ? tag : static_cast<SliceTag>(tag | kTagContinued), state};
  }
  return slices;
}

void MapScanner::look_at_slabs(const Superslab& s, Entry& entry, MapRecord& record) {
  const SliceTag* tags = space_.tags() + std::size_t{s.index} * kSlicesPerSuperslab;
  const SliceMask dirty = racy_read(s.dirty_slices);
  for (unsigned i = 0; i < kSlicesPerSuperslab;) {
    const SliceTag tag = racy_read(tags[i]);
    if (tag != kTagNone && tag <= kFixedClasses) {
      i += look_at_slab(s, i, tag, entry, record);
      continue;
    }
    const bool holds_memory = (dirty >> i) & 1;
    record.slices[i] = {kTagNone, holds_memory ? temperature(entry, i, 0, false) : std::uint8_t{0}};
    ++i;
  }
}

void MapScanner::scan(Nanos now, std::span<const MapHeap> heaps,
                      std::span<const BlockNumber> recent) {
  if (is_first_) opened_ = now;
  second_ = static_cast<std::uint32_t>((now - opened_) / kSecond) + 1;
  space_.list_entries(ready_);
  for (const BlockNumber block : recent) {
    const SuperslabIndex index = superslab_of(block);
    if (index >= kMaxSuperslabs || !has_entry(index)) continue;
    entries_[index].recent |= SliceMask{1} << place_in_superslab(slice_of(block));
  }

  changed_count_ = listed_count_ = 0;
  HugeBlock huge;
  for (std::size_t word = 0; word < kMaxSuperslabs / 64; ++word) {
    for (std::uint64_t rest = ready_[word]; rest != 0; rest &= rest - 1) {
      const auto index = static_cast<SuperslabIndex>(word * 64 + std::countr_zero(rest));
      const Superslab& s = space_.superslab(index);
      Entry& entry = entries_[index];
      MapRecord record{};
      record.index = index;
      const SuperslabUse use = s.use.load(std::memory_order_acquire);
      record.use = static_cast<std::uint8_t>(use);
      record.flags = flags_of(s);
      if (space_.is_idle(s)) record.flags |= MapRecord::kIdle;
      if (use == SuperslabUse::kSlabs) {
        record.pool = ordinal_of(racy_read(s.heap), heaps);
        record.node = node_of(s);
        look_at_slabs(s, entry, record);
      } else if (use != SuperslabUse::kSpare) {
        if (use == SuperslabUse::kHugeHead) {
          huge.begin(s, ordinal_of(racy_read(s.heap), heaps));
          record.span = huge.span;
        }
        record.pool = huge.pool;
        record.node = node_of(s);
        const unsigned slices = huge.slices_in(index);
        const std::uint8_t state = state_of(huge.is_leased ? kMapFull : 0,
                                            temperature(entry, 0, huge.hash, entry.recent != 0));
        for (unsigned i = 0; i < slices; ++i) record.slices[i] = {kTagHuge, state};
      } else if ((record.flags & MapRecord::kIdle) != 0) {
        const std::uint8_t state = temperature(entry, 0, 0, false);
        for (auto& slice : record.slices) slice = {kTagNone, state};
      }
      entry.recent = 0;
      if (is_first_ || is_news(entry.record, record)) changed_[changed_count_++] = index;
      entry.record = record;
      listed_[listed_count_++] = index;
    }
  }
  is_first_ = false;
}

void MapScanner::write_frame(bool full, double at_ms, std::byte* out) const {
  const std::uint32_t count = full ? listed_count_ : changed_count_;
  const SuperslabIndex* which = full ? listed_ : changed_;
  const MapHeader header{kMapFormat, full, sizeof(MapRecord), count, at_ms};
  std::memcpy(out, &header, sizeof header);
  out += sizeof header;
  for (std::uint32_t i = 0; i < count; ++i, out += sizeof(MapRecord))
    std::memcpy(out, &entries_[which[i]].record, sizeof(MapRecord));
}

}  // namespace superslab
