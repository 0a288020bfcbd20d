#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "pools/shared_cache/format.h"

namespace superslab::shared_cache {
namespace {

constexpr std::uint64_t kMaxShards = 16;
constexpr ByteCount kBytesPerShard = 16 * kMiB;
/// So that a ring begins on a page, and has at least as much as the rest of its shard.
constexpr std::uint64_t kBucketUnit = kPageBytes / sizeof(Bucket);
/// The windows that JavaScript has of a shard.
constexpr ByteCount kMaxShardBytes = 4 * kGiB - kPageBytes;

}  // namespace

bool Geometry::is_possible() const {
  if (file_bytes < kMinBytes || file_bytes > kMaxBytes || file_bytes % kPageBytes != 0)
    return false;
  if (shards == 0 || shards > kMaxShards || !is_power_of_two(shards)) return false;
  if (shard_bytes % kPageBytes != 0 || shard_bytes > kMaxShardBytes) return false;
  if (shard_bytes > (file_bytes - kShardsAt) / shards) return false;
  if (buckets == 0 || buckets % kBucketUnit != 0) return false;
  return buckets <= shard_bytes / 2 / sizeof(Bucket) && ring_at() < shard_bytes &&
         ring_granules() >= kMiB / kGranuleBytes / 2;
}

Geometry Geometry::of(ByteCount max_bytes, std::uint64_t max_entries) {
  Geometry made;
  made.file_bytes = align_down(max_bytes, kPageBytes);
  if (made.file_bytes < kMinBytes || made.file_bytes > kMaxBytes) return made;
  made.shards =
      std::clamp<std::uint64_t>(std::bit_floor(max_bytes / kBytesPerShard), 1, kMaxShards);
  made.shard_bytes = align_down((made.file_bytes - kShardsAt) / made.shards, kPageBytes);
  if (max_entries == 0) max_entries = made.file_bytes / kKiB;
  // A bucket and its second one are hardly ever full while seven of ten slots are in use.
  const std::uint64_t slots = div_up(max_entries, made.shards) * 10 / 7;
  const std::uint64_t wanted = align_up(div_up(slots, Bucket::kSlots), kBucketUnit);
  const std::uint64_t most = align_down(made.shard_bytes / 4 / sizeof(Bucket), kBucketUnit);
  made.buckets = std::clamp(wanted, kBucketUnit, most);
  return made;
}

}  // namespace superslab::shared_cache
