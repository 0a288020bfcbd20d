// What the inspector's map shows: every superslab and its slabs, by class, fullness and age, looked
// at from outside once a second. binding/tables.h describes the bytes to readers.
//
// The scanner holds no lock while it looks but for the moment in which it asks which superslabs
// there are, so that nobody ever waits for it. What it reads changes under it: a slab that is being
// cut anew may show a wrong colour, and the next scan puts it right. That it never does worse:
//   - entries, slabs and words of a directory are committed before their superslab is taken and
//     stay so for ever;
//   - no pointer that is read is followed: where a slab's words lie, and how many there are,
//   follows
//     from its place and from the class in the slice's tag, and a tag that is no class is no slab;
//   - every count that is read is bounded by what the class allows.
#pragma once

#include <cstdint>
#include <span>

#include "pools/buffer/block_number.h"
#include "space/space.h"

namespace superslab {

class Heap;

/// A heap as the map names it.
struct MapHeap {
  const Heap* heap;
  std::uint8_t ordinal;
};

enum class MapTemperature : std::uint8_t {
  kNothing,  // never touched, or given back to the operating system
  kCold,     // unchanged for longer than kWarmSeconds
  kWarm,
  kHot,  // changed since the scan before
};
constexpr std::uint32_t kWarmSeconds = 60;

/// Set in the tag of a slice in which no slab begins.
constexpr SliceTag kTagContinued = 0x80;
static_assert(kClassSlots < kTagContinued, "a class's tag leaves the bit free");

/// As sent.
struct MapRecord {
  struct Slice {
    SliceTag tag;
    std::uint8_t state;  // fullness << kMapFullnessShift | temperature
    bool operator==(const Slice&) const = default;
  };
  enum Flag : std::uint8_t {
    kExplicit = 1,
    kTransparent = 2,
    kExposed = 4,
    kIdle = 8,
    kSecret = 16
  };

  SuperslabIndex index;
  std::uint8_t use;
  std::uint8_t pool;
  std::uint8_t flags;
  std::uint8_t node;
  std::uint32_t span;
  Slice slices[kSlicesPerSuperslab];

  bool operator==(const MapRecord&) const = default;
};
static_assert(sizeof(MapRecord) == 76);

/// Raised when the meaning of a byte of the frame changes.
constexpr std::uint8_t kMapFormat = 1;

struct MapHeader {
  std::uint8_t format;
  std::uint8_t full;
  std::uint16_t record_bytes;
  std::uint32_t records;
  double at_ms;
};
static_assert(sizeof(MapHeader) == 16);

/// A slice's state is `fullness << kMapFullnessShift | temperature`.
constexpr unsigned kMapFullnessShift = 4;
constexpr std::uint8_t kMapFull = 15;

/// 0 for no block out, kMapFull for all, and between them what is out of `blocks` in fourteen
/// steps.
constexpr std::uint8_t map_fullness(std::uint32_t out, std::uint32_t blocks) {
  if (out == 0) return 0;
  if (out >= blocks) return kMapFull;
  return static_cast<std::uint8_t>(1 + std::uint64_t{kMapFull - 1} * out / blocks);
}

/// Remembers what it saw, to tell what has changed. One thread at a time uses it.
class MapScanner {
 public:
  explicit MapScanner(Space& space);
  ~MapScanner();
  MapScanner(const MapScanner&) = delete;
  MapScanner& operator=(const MapScanner&) = delete;

  /// False without address space for what it remembers: nothing else may be called then.
  bool is_open() const { return memory_ != nullptr; }

  /// Looks at everything. `recent` are blocks that went in and out of magazines since the last
  /// scan, which leaves no trace in their slabs; numbers that name nothing do no harm.
  void scan(Nanos now, std::span<const MapHeap> heaps, std::span<const BlockNumber> recent);

  /// Bytes of the frame that write_frame() makes of the last scan: of everything that is or was in
  /// use, or of what the scan before did not know.
  ByteCount frame_bytes(bool full) const {
    return sizeof(MapHeader) + ByteCount{full ? listed_count_ : changed_count_} * sizeof(MapRecord);
  }
  void write_frame(bool full, double at_ms, std::byte* out) const;

 private:
  /// What is known of a superslab.
  struct Entry {
    MapRecord record;
    SliceMask recent;                          // slices with blocks that went in and out
    std::uint32_t hash[kSlicesPerSuperslab];   // of the slab that begins in the slice
    std::uint32_t since[kSlicesPerSuperslab];  // when that last changed: see second_; 0: never seen
  };

  static constexpr ByteCount kEntryBytes = kMaxSuperslabs * sizeof(Entry);
  static constexpr ByteCount kListBytes = kMaxSuperslabs * sizeof(SuperslabIndex);
  static constexpr ByteCount kBytes =
      align_up(kEntryBytes + 2 * kListBytes + kMaxSuperslabs / 8, 64 * kKiB);

  class HugeBlock;

  std::uint8_t ordinal_of(const void* heap, std::span<const MapHeap> heaps) const;
  void look_at_slabs(const Superslab& s, Entry& entry, MapRecord& record);
  unsigned look_at_slab(const Superslab& s, unsigned first, SliceTag tag, Entry& entry,
                        MapRecord& record);
  std::uint8_t temperature(Entry& entry, unsigned slice, std::uint32_t hash, bool is_recent);
  bool has_entry(SuperslabIndex i) const { return (ready_[i / 64] >> (i % 64)) & 1; }

  Space& space_;
  std::byte* memory_;
  Entry* entries_;           // kMaxSuperslabs; untouched ones cost addresses only
  SuperslabIndex* changed_;  // kMaxSuperslabs, in ascending order
  SuperslabIndex* listed_;   // kMaxSuperslabs, in ascending order
  std::uint64_t* ready_;     // kMaxSuperslabs bits
  std::uint32_t changed_count_ = 0;
  std::uint32_t listed_count_ = 0;
  Nanos opened_ = 0;
  std::uint32_t second_ = 0;  // of the current scan, counted from 1 at the first
  bool is_first_ = true;
};

}  // namespace superslab
