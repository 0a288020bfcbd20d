// The index of a shard: each key has two buckets in which it may stand. A full pair gives up a
// value that was not used, so that no chain ever grows.
#include <algorithm>

#include "pools/shared_cache/shard.h"

namespace superslab::shared_cache {

void Shard::buckets_of(std::uint64_t hash, Bucket* (&both)[2]) const {
  const auto scaled = [](std::uint64_t part, std::uint64_t count) {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(part) * count >> 64);
  };
  const std::uint64_t first = scaled(hash, bucket_count_);
  const std::uint64_t step = 1 + scaled(hash * 0x9e3779b97f4a7c15, bucket_count_ - 1);
  both[0] = &buckets_[first];
  both[1] = &buckets_[(first + step) % bucket_count_];
}

/// Whether the word names a record that was not given up yet.
bool Shard::is_live(std::uint64_t word) const {
  const std::uint64_t position = word & kPositionMask;
  return position >= head_.tail.load(std::memory_order_seq_cst) &&
         position < head_.head.load(std::memory_order_acquire);
}

void Shard::describe(Place place, std::uint64_t word, const Record& record, Found* found) const {
  found->word = word;
  found->slot_at = static_cast<std::uint64_t>(reinterpret_cast<std::uint8_t*>(&place.word()) - at_);
  found->used_at = static_cast<std::uint64_t>(reinterpret_cast<std::uint8_t*>(&place.used()) - at_);
  found->value_at = static_cast<std::uint64_t>(record_at(record.position) - at_) + sizeof(Record);
  found->value_bytes = record.value_bytes;
  found->plain_bytes = record.plain_bytes;
  found->start = file_granule(record.position);
  found->granules = record.granules;
  found->expires_ms = record.expires_ms;
  found->codec = record.codec;
  found->has_tags = record.tags != 0;
}

/// Pins what `word` names. False, and nothing is pinned, if the slot has another word by then.
bool Shard::pin_record(Place place, std::uint64_t word, Pin& pin, Record* record) {
  if (!read_value(word & kPositionMask, record)) return false;
  pin.granules.store(record->granules, std::memory_order_relaxed);
  pin.start.store(file_granule(record->position), std::memory_order_seq_cst);
  // Members::first_pinned() tells why this has to come after the pin. That it is live is for slots
  // that were damaged.
  if (place.word().load(std::memory_order_seq_cst) == word && is_live(word)) return true;
  pin.start.store(0, std::memory_order_release);
  return false;
}

/// How often a slot is looked at whose value is replaced or moved meanwhile.
constexpr int kAttempts = 4;

/// The value of `key`, if this slot has it; then it is pinned.
bool Shard::find_in(Place place, const Key& key, std::size_t pin_place, std::uint64_t now_ms,
                    Found* found) {
  Pin& pin = members_.own().pins[pin_place];
  for (int i = 0; i < kAttempts; ++i) {
    // Acquire: the record was written before.
    const std::uint64_t word = place.word().load(std::memory_order_acquire);
    if (word >> kTagShift != key.tag()) return false;
    Record record;
    if (pin_record(place, word, pin, &record)) {
      if (has_key(record, key) && !is_over(record, now_ms)) {
        if (place.used().load(std::memory_order_relaxed) == 0)
          place.used().store(1, std::memory_order_relaxed);
        describe(place, word, record, found);
        return true;
      }
      pin.start.store(0, std::memory_order_release);
      return false;
    }
    if (place.word().load(std::memory_order_acquire) == word) return false;
  }
  return false;
}

/// The key of a slot's value, whose use is not noted. False for none.
bool Shard::copy_key(Place place, std::size_t pin_place, std::uint64_t now_ms, std::string* key) {
  Pin& pin = members_.own().pins[pin_place];
  for (int i = 0; i < kAttempts; ++i) {
    const std::uint64_t word = place.word().load(std::memory_order_acquire);
    if (word == 0) return false;
    Record record;
    if (pin_record(place, word, pin, &record)) {
      const bool is_there = !is_over(record, now_ms);
      if (is_there)
        key->assign(reinterpret_cast<const char*>(record_at(record.position)) + record.key_at(),
                    record.key_bytes);
      pin.start.store(0, std::memory_order_release);
      return is_there;
    }
    if (place.word().load(std::memory_order_acquire) == word) return false;
  }
  return false;
}

bool Shard::find(const Key& key, std::size_t pin, std::uint64_t now_ms, Found* found) {
  Bucket* both[2];
  buckets_of(key.hash, both);
  for (Bucket* const bucket : both) {
    for (std::size_t slot = 0; slot < Bucket::kSlots; ++slot)
      if (find_in({bucket, slot}, key, pin, now_ms, found)) return true;
  }
  return false;
}

/// With the lock, as all that follow.
Shard::Place Shard::slot_with(std::uint64_t hash, std::uint64_t word) const {
  Bucket* both[2];
  buckets_of(hash, both);
  for (Bucket* const bucket : both) {
    for (std::size_t slot = 0; slot < Bucket::kSlots; ++slot) {
      const Place place{bucket, slot};
      if (place.word().load(std::memory_order_relaxed) == word) return place;
    }
  }
  return {};
}

Shard::Place Shard::slot_of(const Key& key) const {
  Bucket* both[2];
  buckets_of(key.hash, both);
  for (Bucket* const bucket : both) {
    for (std::size_t slot = 0; slot < Bucket::kSlots; ++slot) {
      const Place place{bucket, slot};
      const std::uint64_t word = place.word().load(std::memory_order_relaxed);
      Record record;
      if (word >> kTagShift == key.tag() && is_live(word) &&
          read_value(word & kPositionMask, &record) && has_key(record, key))
        return place;
    }
  }
  return {};
}

/// A slot for a key that has none: a free one, or that of a value that was not used, or of any.
Shard::Place Shard::slot_for(const Key& key) {
  Bucket* both[2];
  buckets_of(key.hash, both);
  Place free[2];
  std::size_t in_use[2] = {};
  Place unused;
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t slot = 0; slot < Bucket::kSlots; ++slot) {
      const Place place{both[b], slot};
      const std::uint64_t word = place.word().load(std::memory_order_relaxed);
      if (word == 0 || !is_live(word)) {
        free[b] = place;
      } else {
        ++in_use[b];
        if (place.used().load(std::memory_order_relaxed) == 0) unused = place;
      }
    }
  }
  // The emptier one, so that few pairs become full.
  const std::size_t better = in_use[1] < in_use[0] ? 1 : 0;
  if (!free[better].is_none()) return free[better];
  if (unused.is_none()) {
    for (Bucket* const bucket : both)
      for (auto& used : bucket->used) used.store(0, std::memory_order_relaxed);
    unused = {both[0], static_cast<std::size_t>(key.hash % Bucket::kSlots)};
  }
  take_out(unused, granules_of(unused.word()));
  count(&Counters::evictions);
  return unused;
}

std::uint32_t Shard::granules_of(std::uint64_t word) const {
  Record record;
  return read_value(word & kPositionMask, &record) ? record.granules : 0;
}

/// Its room is used again when the hand comes to it.
void Shard::take_out(Place place, std::uint32_t granules) {
  place.word().store(0, std::memory_order_seq_cst);
  const auto lower = [](Word& word, std::uint64_t by) {
    const std::uint64_t value = word.load(std::memory_order_relaxed);
    word.store(value - std::min(value, by), std::memory_order_relaxed);
  };
  lower(head_.entries, 1);
  lower(head_.live_granules, granules);
}

void Shard::publish(const Key& key, std::uint64_t position, std::uint32_t granules) {
  Place place = slot_of(key);
  std::uint64_t more = 1;
  std::uint64_t less_granules = 0;
  if (place.is_none()) {
    place = slot_for(key);
  } else {
    more = 0;
    less_granules = granules_of(place.word());
  }
  place.used().store(0, std::memory_order_relaxed);
  // Release, among others: whoever finds the word finds the record behind it.
  place.word().store(key.tag() << kTagShift | position, std::memory_order_seq_cst);
  const std::uint64_t live = head_.live_granules.load(std::memory_order_relaxed) + granules;
  head_.entries.store(head_.entries.load(std::memory_order_relaxed) + more,
                      std::memory_order_relaxed);
  head_.live_granules.store(live - std::min(live, less_granules), std::memory_order_relaxed);
}

}  // namespace superslab::shared_cache
