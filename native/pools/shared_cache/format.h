// What lies in the file of a shared cache: docs/SHARED-CACHE-FORMAT.md tells it in words.
//
//   granule   64 bytes: the unit in which room for values is given out
//   position  granules that a shard has ever given out: it only rises, and modulo the ring's size
//   it
//             is a place. So a position names one value for ever
//   member    a thread that has the cache open
//   pin       a range of the file that a member reads, and that nobody may write
//
// Other processes may write anything into any of this at any time, by mistake too. What is read is
// looked at before it is used as a size or place, and geometry is read once, when the file is
// opened.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace superslab::shared_cache {

constexpr std::uint64_t kMagic = 0x3148434143425353;  // "SSBCACH1"
constexpr std::uint32_t kByteOrder = 0x01020304;
constexpr std::uint32_t kVersion = 2;

constexpr ByteCount kPageBytes = 4096;
constexpr ByteCount kGranuleBytes = 64;
constexpr ByteCount kMinBytes = 2 * kMiB;
constexpr ByteCount kMaxBytes = 32 * kGiB;
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kMaxTags = 32;

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

/// Of all processes together, or of one member. Numbers that JavaScript adds to as well, so they
/// are doubles; each is written by one member alone.
struct Counters {
  std::atomic<double> hits, misses, sets, deletes, evictions, expirations, survivals, refusals,
      repairs, computations;
};
constexpr std::size_t kCounters = sizeof(Counters) / sizeof(std::atomic<double>);

/// What never changes of a file.
struct Facts {
  std::uint64_t magic;
  std::uint32_t byte_order;
  std::uint32_t version;
  std::uint64_t file_bytes;
  std::uint64_t shards;
  std::uint64_t shard_bytes;
  std::uint64_t buckets;  // of a shard
  std::uint64_t seed;     // of hashes
  std::uint32_t crc;      // CRC-32C of all before
  std::uint32_t unused;
};

/// The first page.
struct Header {
  Facts facts;
  Word boot;  // in which the rest has a meaning
  Word next_incarnation;
  Word epoch;       // rises with each tag that is deleted
  Counters former;  // of members that have left
  /// A byte that is written by write(2), not by a store, to wake those who watch the file.
  std::uint8_t bell;
};
static_assert(sizeof(Header) <= kPageBytes);

constexpr std::size_t kMaxMembers = 128;

/// How many pins of each member may be set: what is behind nobody looks at. They stand together, so
/// that a writer learns from few cache lines who pins at all.
struct PinMarks {
  std::atomic<std::uint32_t> marks[kMaxMembers];
};
static_assert(sizeof(PinMarks) <= kPageBytes);

/// In granules of the file. No pin while `start` is 0. `granules` is written first.
struct Pin {
  std::atomic<std::uint32_t> start;
  std::atomic<std::uint32_t> granules;
};

/// The page of a member. Whether it lives, its lock in the file says: byte kFirstLock + index.
struct Member {
  static constexpr ByteCount kPinsAt = 512;
  static constexpr std::size_t kPins = (kPageBytes - kPinsAt) / sizeof(Pin);

  std::atomic<std::uint32_t> incarnation;  // another one for each that had the page; 0: nobody yet
  std::atomic<std::uint32_t> pid;          // as that process sees itself
  Counters counters;
  std::uint8_t unused[kPinsAt - 8 - sizeof(Counters)];
  Pin pins[kPins];  // [0] is for values that are copied, the others for those that are lent
};
static_assert(sizeof(Member) == kPageBytes && offsetof(Member, pins) == Member::kPinsAt);

/// Far behind the end of any file.
constexpr ByteCount kResetLock = ByteCount{1} << 40;
constexpr ByteCount kFirstLock = kResetLock + 1;

/// A tag's values that were stored before this epoch are gone. Tags share cells by their hash.
struct TagCells {
  static constexpr std::size_t kCells = 8192;
  Word deleted_at[kCells];
};

/// Somebody computes the value of a key.
struct Claim {
  Word hash;
  Word owner;  // 0: free
  Word ticket;
};
constexpr std::size_t kClaims = 64;

/// The first page of a shard. All but `lock` is written by whoever holds that.
struct ShardHead {
  Word lock;  // 0, or its holder: incarnation << 32 | member + 1
  /// Positions: tail <= head <= clear <= tail + ring. From tail to head there are records without
  /// gaps. From head to clear nobody has a pin, and nobody will get one: no bucket names it.
  Word tail;
  Word head;
  Word clear;
  Word entries;
  Word live_granules;
  Word next_ticket;
  Word claims_in_use;  // more than 0 if any is
  Claim claims[kClaims];
  /// A bit for each claim: somebody waits until it ends, and is to be woken then.
  Word awaited;
};
static_assert(sizeof(ShardHead) <= kPageBytes);

/// A cache line of the index. Readers take no lock: a slot is one word, and tells all or nothing.
struct Bucket {
  static constexpr std::size_t kSlots = 7;
  /// 0, or tag << 48 | position. The tag has 16 bits of the key's hash and is never 0.
  Word slots[kSlots];
  /// Whether the value was used since the hand came by. Readers store it without looking again: it
  /// may have become another value's, to which it does no harm.
  std::atomic<std::uint8_t> used[8];
};
static_assert(sizeof(Bucket) == 64);

constexpr unsigned kTagShift = 48;
constexpr std::uint64_t kPositionMask = (std::uint64_t{1} << kTagShift) - 1;
/// Positions beyond are damage: no cache gets there.
constexpr std::uint64_t kMaxPosition = std::uint64_t{1} << 47;

/// In front of each value: then come the value's bytes, the hashes of its tags, and its key.
struct Record {
  enum Kind : std::uint32_t { kValue = 0x56a1, kFiller = 0xf111 };

  std::uint64_t position;    // its own
  std::uint64_t hash;        // of its key
  std::uint64_t expires_ms;  // of the monotonic clock; 0: never
  std::uint64_t epoch;       // when it was begun, for tags
  std::uint32_t kind;
  std::uint32_t granules;  // with this head
  std::uint32_t value_bytes;
  std::uint32_t plain_bytes;  // before it was compressed
  std::uint16_t key_bytes;
  std::uint8_t tags;
  std::uint8_t codec;  // 0: none, 1: raw deflate, 2: zstd, 3: a block of LZ4, 255: the program's
  std::uint8_t unused[12];

  ByteCount tags_at() const { return sizeof(Record) + (ByteCount{value_bytes} + 7) / 8 * 8; }
  ByteCount key_at() const { return tags_at() + ByteCount{tags} * 8; }
  ByteCount bytes() const { return key_at() + key_bytes; }
};
static_assert(sizeof(Record) == kGranuleBytes);

/// Where things lie in a file; made of numbers that were checked.
struct Geometry {
  std::uint64_t file_bytes = 0;
  std::uint64_t shards = 0;
  std::uint64_t shard_bytes = 0;
  std::uint64_t buckets = 0;

  static constexpr ByteCount kMarksAt = kPageBytes;
  static constexpr ByteCount kTagsAt = 2 * kPageBytes;
  static constexpr ByteCount kMembersAt = kTagsAt + sizeof(TagCells);
  static constexpr ByteCount kShardsAt = kMembersAt + kMaxMembers * sizeof(Member);
  static constexpr ByteCount kBucketsAt = kPageBytes;  // in a shard

  ByteCount shard_at(std::size_t shard) const { return kShardsAt + shard * shard_bytes; }
  /// In a shard.
  ByteCount ring_at() const { return kBucketsAt + buckets * sizeof(Bucket); }
  std::uint64_t ring_granules() const { return (shard_bytes - ring_at()) / kGranuleBytes; }
  /// The longest value, with its key and tags. A quarter, so that what others read, which nobody
  /// may write, leaves room for it.
  ByteCount max_value_bytes() const {
    return ring_granules() / 4 * kGranuleBytes - sizeof(Record) - kMaxKeyBytes - kMaxTags * 8;
  }

  bool is_possible() const;
  /// For a file of `max_bytes` with room for about `max_entries` in its index; 0: one a KiB.
  static Geometry of(ByteCount max_bytes, std::uint64_t max_entries);
};

}  // namespace superslab::shared_cache
