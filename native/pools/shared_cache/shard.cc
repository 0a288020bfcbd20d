#include "pools/shared_cache/shard.h"

#include <algorithm>
#include <cstring>

#include "base/bits.h"
#include "base/clock.h"
#include "pools/shared_cache/locked_shard.h"

namespace superslab::shared_cache {

Shard::Shard(std::uint8_t* at, const Geometry& geometry, std::uint64_t file_granule,
             Members& members, const TagCells& tags)
    : head_(*reinterpret_cast<ShardHead*>(at)),
      buckets_(reinterpret_cast<Bucket*>(at + Geometry::kBucketsAt)),
      bucket_count_(geometry.buckets),
      ring_(at + geometry.ring_at()),
      granules_(geometry.ring_granules()),
      file_granule_(file_granule),
      max_value_bytes_(geometry.max_value_bytes()),
      at_(at),
      members_(members),
      tags_(tags) {}

/// The bytes may change meanwhile. So the copy is judged, and what it says is used only if the slot
/// that led here still has the same word afterwards.
bool Shard::read_value(std::uint64_t position, Record* record) const {
  std::memcpy(record, record_at(position), sizeof(Record));
  const std::uint64_t room = granules_ - position % granules_;
  return record->position == position && record->kind == Record::kValue &&
         record->granules <= room && record->key_bytes <= kMaxKeyBytes &&
         record->tags <= kMaxTags && record->value_bytes <= max_value_bytes_ &&
         record->bytes() <= ByteCount{record->granules} * kGranuleBytes;
}

bool Shard::has_key(const Record& record, const Key& key) const {
  return record.hash == key.hash && record.key_bytes == key.text.size() &&
         std::memcmp(record_at(record.position) + record.key_at(), key.text.data(),
                     key.text.size()) == 0;
}

/// Whether its time has passed, or one of its tags was deleted.
bool Shard::is_over(const Record& record, std::uint64_t now_ms) const {
  if (record.expires_ms != 0 && record.expires_ms <= now_ms) return true;
  for (std::size_t i = 0; i < record.tags; ++i) {
    std::uint64_t tag = 0;
    std::memcpy(&tag, record_at(record.position) + record.tags_at() + i * sizeof tag, sizeof tag);
    const Word& cell = tags_.deleted_at[tag % TagCells::kCells];
    if (cell.load(std::memory_order_acquire) > record.epoch) return true;
  }
  return false;
}

bool Shard::is_whole() const {
  const std::uint64_t tail = head_.tail.load(std::memory_order_relaxed);
  const std::uint64_t head = head_.head.load(std::memory_order_relaxed);
  const std::uint64_t clear = head_.clear.load(std::memory_order_relaxed);
  return tail >= granules_ && tail <= head && head <= clear && clear < kMaxPosition &&
         clear - tail <= granules_;
}

/// Takes everything out. Pins stay: what they are of is written by nobody before they end.
void Shard::reset() {
  for (std::uint64_t i = 0; i < bucket_count_; ++i)
    for (Word& slot : buckets_[i].slots) slot.store(0, std::memory_order_relaxed);
  for (Claim& claim : head_.claims) claim.owner.store(0, std::memory_order_relaxed);
  // A position is used once, so that a reader that was stopped for long takes no value for another.
  const std::uint64_t last = head_.clear.load(std::memory_order_relaxed);
  const std::uint64_t laps = last < kMaxPosition ? last / granules_ + 1 : precise_now() >> 40;
  const std::uint64_t begin = (laps + 1) * granules_;
  head_.clear.store(begin, std::memory_order_relaxed);
  head_.tail.store(begin, std::memory_order_relaxed);
  head_.head.store(begin, std::memory_order_relaxed);
  head_.claims_in_use.store(0, std::memory_order_relaxed);
  has_news_ |= head_.awaited.load(std::memory_order_relaxed) != 0;
  head_.awaited.store(0, std::memory_order_relaxed);
  head_.entries.store(0, std::memory_order_relaxed);
  head_.live_granules.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Shard::write_record(std::uint64_t position, const Key& key, const NewValue& value,
                         std::uint32_t granules) {
  Record record{};
  record.position = position;
  record.hash = key.hash;
  record.expires_ms = value.expires_ms;
  record.epoch = value.epoch;
  record.kind = Record::kValue;
  record.granules = granules;
  record.value_bytes = static_cast<std::uint32_t>(value.bytes.size());
  record.plain_bytes = value.plain_bytes;
  record.key_bytes = static_cast<std::uint16_t>(key.text.size());
  record.tags = static_cast<std::uint8_t>(value.tags.size());
  record.codec = value.codec;
  std::uint8_t* const at = record_at(position);
  if (!value.bytes.empty()) std::memcpy(at + sizeof record, value.bytes.data(), value.bytes.size());
  if (!value.tags.empty())
    std::memcpy(at + record.tags_at(), value.tags.data(), value.tags.size_bytes());
  std::memcpy(at + record.key_at(), key.text.data(), key.text.size());
  std::memcpy(at, &record, sizeof record);
}

Stored Shard::store(const Key& key, const NewValue& value, std::uint64_t ticket,
                    std::uint64_t now_ms) {
  if (value.bytes.size() > max_value_bytes_) return Stored::kTooLong;
  const LockedShard lock(*this);
  if (!lock.is_locked()) return Stored::kBusy;
  if (ticket != 0) {
    Claim* const claim = claim_of(key.hash);
    if (claim == nullptr || claim->ticket.load(std::memory_order_relaxed) != ticket)
      return Stored::kVoid;
  }
  // Whoever computes it has begun before this.
  void_claims(key.hash);
  Record shape{};
  shape.value_bytes = static_cast<std::uint32_t>(value.bytes.size());
  shape.tags = static_cast<std::uint8_t>(value.tags.size());
  shape.key_bytes = static_cast<std::uint16_t>(key.text.size());
  const auto granules = static_cast<std::uint32_t>(div_up(shape.bytes(), kGranuleBytes));
  std::uint64_t position = 0;
  if (!make_room(granules, now_ms, &position)) {
    // What it was to replace is not true any more.
    if (const Place old = slot_of(key); !old.is_none()) take_out(old, granules_of(old.word()));
    return Stored::kNoRoom;
  }
  write_record(position, key, value, granules);
  // Release: whoever sees the position sees the record.
  head_.head.store(position + granules, std::memory_order_release);
  publish(key, position, granules);
  return Stored::kDone;
}

bool Shard::remove(const Key& key, std::uint64_t now_ms, bool* busy) {
  const LockedShard lock(*this);
  *busy = !lock.is_locked();
  if (*busy) return false;
  void_claims(key.hash);
  const Place place = slot_of(key);
  if (place.is_none()) return false;
  Record record;
  const bool was_there =
      read_value(place.word().load(std::memory_order_relaxed) & kPositionMask, &record) &&
      !is_over(record, now_ms);
  take_out(place, granules_of(place.word()));
  return was_there;
}

bool Shard::clear() {
  const LockedShard lock(*this);
  if (!lock.is_locked()) return false;
  reset();
  return true;
}

bool Shard::check(ShardCheck* check) {
  const LockedShard lock(*this);
  if (!lock.is_locked()) return false;
  *check = lock.repair();
  return true;
}

}  // namespace superslab::shared_cache
