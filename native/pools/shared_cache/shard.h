// A part of a shared cache with a lock, an index and a ring of values of its own.
//
// Those who read take no lock: they find a slot of the index, pin what it names, and look at the
// slot again. Those who write hold the lock. Values are written where nobody has a pin, and then
// published by one store to a slot. They leave in the order in which they came, but for those that
// were used meanwhile, which are copied to the front once (second chance; FIFO with reinsertion, as
// CLOCK).
//
// After each single store the shard is whole, so that its writer may be killed anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "pools/shared_cache/key_hash.h"
#include "pools/shared_cache/members.h"

namespace superslab::shared_cache {

/// Where a value lies, and what it is.
struct Found {
  std::uint64_t word = 0;     // of its slot
  std::uint64_t slot_at = 0;  // bytes from the start of the shard, as the next two
  std::uint64_t used_at = 0;
  std::uint64_t value_at = 0;
  std::uint32_t value_bytes = 0;
  std::uint32_t plain_bytes = 0;
  std::uint32_t start = 0;  // its pin
  std::uint32_t granules = 0;
  std::uint64_t expires_ms = 0;
  std::uint8_t codec = 0;
  bool has_tags = false;
};

/// What is to be stored.
struct NewValue {
  std::span<const std::uint8_t> bytes;
  std::span<const std::uint64_t> tags;  // hashes
  std::uint64_t expires_ms = 0;
  std::uint64_t epoch = 0;
  std::uint32_t plain_bytes = 0;
  std::uint8_t codec = 0;
};

enum class Stored : std::uint8_t {
  kDone,
  kTooLong,  // beyond max_value_bytes()
  kNoRoom,   // others read too much of the shard
  kBusy,     // whoever has the lock does not go on
  kVoid,     // the claim was given up: the key was deleted meanwhile
};

enum class Claimed : std::uint8_t {
  kOwn,      // this member computes
  kOther,    // somebody else does
  kPresent,  // there is a value
  kNoPlace,  // too many are computed, or the shard is busy: nobody is kept from computing it, too
};

/// What check() found.
struct ShardCheck {
  std::uint64_t entries = 0;
  std::uint64_t live_granules = 0;
  std::uint64_t wrong = 0;
};

class Shard {
 public:
  /// `at`: the shard in a mapping. `file_granule`: where its ring begins in the file.
  Shard(std::uint8_t* at, const Geometry& geometry, std::uint64_t file_granule, Members& members,
        const TagCells& tags);

  /// For a new file, or the first of a boot: nobody else has it.
  void format() { reset(); }

  /// Finds a value and sets pin `place` of this member, which stays set if there is one. Lock-free.
  bool find(const Key& key, std::size_t place, std::uint64_t now_ms, Found* found);

  /// Calls visit(std::string_view key) for the values of one bucket. A value that was there all the
  /// time is in one of them, as those that are replaced or moved stay in their bucket. Pin `place`
  /// is used meanwhile. Lock-free.
  template <class Visit>
  void visit_keys(std::uint64_t bucket, std::size_t place, std::uint64_t now_ms, Visit visit) {
    std::string key;
    for (std::size_t slot = 0; slot < Bucket::kSlots; ++slot)
      if (copy_key({&buckets_[bucket], slot}, place, now_ms, &key)) visit(std::string_view(key));
  }

  /// `ticket`: of a claim that ends with this; 0 for none.
  Stored store(const Key& key, const NewValue& value, std::uint64_t ticket, std::uint64_t now_ms);
  /// Whether there was one. Claims of the key are void from now on. `busy`: it could not be done.
  bool remove(const Key& key, std::uint64_t now_ms, bool* busy);
  /// Takes out all values, and makes all claims void. False when the shard is busy.
  bool clear();

  Claimed claim(const Key& key, std::uint64_t now_ms, std::uint64_t* ticket);
  void end_claim(const Key& key, std::uint64_t ticket);
  /// Whether a claim has ended since the last call for whose end somebody waits.
  bool take_news() { return std::exchange(has_news_, false); }

  std::uint64_t entries() const { return head_.entries.load(std::memory_order_relaxed); }
  std::uint64_t live_granules() const {
    return head_.live_granules.load(std::memory_order_relaxed);
  }

  /// Walks all of it, with the lock; false when it is busy. What is wrong is taken out.
  bool check(ShardCheck* check);

 private:
  friend class LockedShard;

  /// A slot of the index.
  struct Place {
    Bucket* bucket = nullptr;
    std::size_t slot = 0;

    bool is_none() const { return bucket == nullptr; }
    Word& word() const { return bucket->slots[slot]; }
    std::atomic<std::uint8_t>& used() const { return bucket->used[slot]; }
  };

  // shard.cc
  std::uint8_t* record_at(std::uint64_t position) const {
    return ring_ + position % granules_ * kGranuleBytes;
  }
  /// A copy of the record's head; false unless it can be that of a value at `position`.
  bool read_value(std::uint64_t position, Record* record) const;
  bool is_record(std::uint64_t position, std::uint64_t head, Record* record) const;
  bool has_key(const Record& record, const Key& key) const;
  bool is_over(const Record& record, std::uint64_t now_ms) const;
  std::uint32_t file_granule(std::uint64_t position) const {
    return static_cast<std::uint32_t>(file_granule_ + position % granules_);
  }
  bool is_whole() const;
  void reset();
  void write_record(std::uint64_t position, const Key& key, const NewValue& value,
                    std::uint32_t granules);

  // index.cc
  void buckets_of(std::uint64_t hash, Bucket* (&both)[2]) const;
  bool pin_record(Place place, std::uint64_t word, Pin& pin, Record* record);
  bool find_in(Place place, const Key& key, std::size_t pin, std::uint64_t now_ms, Found* found);
  bool copy_key(Place place, std::size_t pin, std::uint64_t now_ms, std::string* key);
  void describe(Place place, std::uint64_t word, const Record& record, Found* found) const;
  Place slot_with(std::uint64_t hash, std::uint64_t word) const;
  Place slot_of(const Key& key) const;
  Place slot_for(const Key& key);
  void publish(const Key& key, std::uint64_t position, std::uint32_t granules);
  void take_out(Place place, std::uint32_t granules);
  std::uint32_t granules_of(std::uint64_t word) const;
  bool is_live(std::uint64_t word) const;

  // ring.cc
  bool make_room(std::uint32_t granules, std::uint64_t now_ms, std::uint64_t* position);
  bool evict(std::uint32_t granules, std::uint64_t now_ms);
  bool has_room(std::uint64_t granules);
  bool survive(const Record& record, Place place);
  std::uint64_t reserve() const { return granules_ / 64; }
  void extend_clear();
  void put_filler(std::uint64_t position, std::uint64_t granules);
  std::uint64_t lap_end(std::uint64_t position) const {
    return (position / granules_ + 1) * granules_;
  }

  // claims.cc
  Claim* claim_of(std::uint64_t hash);
  void set_owner(Claim& claim, std::uint64_t owner);
  std::uint64_t bit_of(const Claim& claim) const;
  void void_claims(std::uint64_t hash);

  void count(std::atomic<double> Counters::*counter) const {
    auto& count = members_.own().counters.*counter;
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  ShardHead& head_;
  Bucket* const buckets_;
  const std::uint64_t bucket_count_;
  std::uint8_t* const ring_;
  const std::uint64_t granules_;
  const std::uint64_t file_granule_;
  const ByteCount max_value_bytes_;
  std::uint8_t* const at_;
  Members& members_;
  const TagCells& tags_;
  std::uint64_t stopped_ = 0;  // see ShardLock
  bool has_news_ = false;
};

}  // namespace superslab::shared_cache
