#include "pools/shared_cache/locked_shard.h"

#include <cstring>

namespace superslab::shared_cache {

LockedShard::LockedShard(Shard& shard)
    : shard_(shard), lock_(shard.head_.lock, shard.members_, shard.stopped_) {
  if (!is_locked()) return;
  if (lock_.state() == ShardLock::State::kLocked && shard_.is_whole()) return;
  repair();
  shard_.count(&Counters::repairs);
}

/// Whether the records from tail to head follow each other without gaps.
bool LockedShard::walk_ring() const {
  const std::uint64_t head = shard_.head_.head.load(std::memory_order_relaxed);
  std::uint64_t position = shard_.head_.tail.load(std::memory_order_relaxed);
  while (position < head) {
    Record record;
    if (!shard_.is_record(position, head, &record)) return false;
    position += record.granules;
  }
  return true;
}

/// Whether a value's head is where the slot says, and the slot where the value is looked for.
bool LockedShard::names_value(const Word& slot, std::uint64_t word, Record* record) const {
  if (!shard_.is_live(word) || !shard_.read_value(word & kPositionMask, record)) return false;
  if (Key::tag_of(record->hash) != word >> kTagShift) return false;
  const Shard::Place place = shard_.slot_with(record->hash, word);
  return !place.is_none() && &place.word() == &slot;
}

void LockedShard::check_slots(ShardCheck* check) const {
  for (std::uint64_t i = 0; i < shard_.bucket_count_; ++i) {
    for (Word& slot : shard_.buckets_[i].slots) {
      const std::uint64_t word = slot.load(std::memory_order_relaxed);
      if (word == 0) continue;
      Record record;
      if (names_value(slot, word, &record)) {
        ++check->entries;
        check->live_granules += record.granules;
      } else {
        ++check->wrong;
        slot.store(0, std::memory_order_seq_cst);
      }
    }
  }
}

ShardCheck LockedShard::repair() const {
  ShardCheck check;
  if (!shard_.is_whole() || !walk_ring()) {
    check.wrong = 1;
    shard_.reset();
    return check;
  }
  // Who died may have been about to jump over what somebody has pinned.
  shard_.head_.clear.store(shard_.head_.head.load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
  check_slots(&check);
  shard_.head_.entries.store(check.entries, std::memory_order_relaxed);
  shard_.head_.live_granules.store(check.live_granules, std::memory_order_relaxed);
  return check;
}

}  // namespace superslab::shared_cache
