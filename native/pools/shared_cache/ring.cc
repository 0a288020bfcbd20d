// The ring of a shard: room for new values, taken from the oldest ones.
#include <algorithm>
#include <cstring>

#include "pools/shared_cache/shard.h"

namespace superslab::shared_cache {
namespace {

/// So often room is looked for at most: where others have pinned very many ranges, in vain.
constexpr int kMaxSteps = 4096;

}  // namespace

/// Whether a record, of a value or none, stands at `position` and ends at `head` at most.
bool Shard::is_record(std::uint64_t position, std::uint64_t head, Record* record) const {
  std::memcpy(record, record_at(position), sizeof(Record));
  const std::uint64_t most = std::min(head, lap_end(position)) - position;
  return record->position == position && record->granules != 0 && record->granules <= most &&
         (record->kind == Record::kFiller || read_value(position, record));
}

/// Nothing, for so many granules.
void Shard::put_filler(std::uint64_t position, std::uint64_t granules) {
  Record record{};
  record.position = position;
  record.kind = Record::kFiller;
  record.granules = static_cast<std::uint32_t>(granules);
  std::memcpy(record_at(position), &record, sizeof record);
}

/// Raises `clear` as far as nobody has pinned anything, or jumps over what somebody has.
void Shard::extend_clear() {
  const std::uint64_t clear = head_.clear.load(std::memory_order_relaxed);
  const std::uint64_t free_end = head_.tail.load(std::memory_order_relaxed) + granules_;
  const std::uint64_t end = std::min(free_end, lap_end(clear));
  const std::uint64_t from = file_granule(clear);
  const PinnedRange pinned = members_.first_pinned(from, from + (end - clear));
  if (pinned.is_empty()) {
    head_.clear.store(end, std::memory_order_relaxed);
    return;
  }
  if (pinned.from > from) {
    head_.clear.store(clear + (pinned.from - from), std::memory_order_relaxed);
    return;
  }
  // The head that is overwritten here, its reader has copied: only the bytes behind it are lent.
  const std::uint64_t head = head_.head.load(std::memory_order_relaxed);
  if (head < clear) put_filler(head, clear - head);
  head_.head.store(clear, std::memory_order_release);
  const std::uint64_t behind = std::min(end, clear + (pinned.to - from));
  put_filler(clear, behind - clear);
  head_.clear.store(behind, std::memory_order_relaxed);
  // Whoever takes over in between begins with clear = head: LockedShard::repair().
  head_.head.store(behind, std::memory_order_release);
}

/// Whether there are so many granules at the head, without taking any from a value.
bool Shard::has_room(std::uint64_t granules) {
  for (int step = 0; step < kMaxSteps; ++step) {
    const std::uint64_t head = head_.head.load(std::memory_order_relaxed);
    const std::uint64_t clear = head_.clear.load(std::memory_order_relaxed);
    const std::uint64_t end = lap_end(head);
    if (std::min(clear, end) - head >= granules) return true;
    if (clear >= end) {
      put_filler(head, end - head);
      head_.head.store(end, std::memory_order_release);
    } else if (clear < head_.tail.load(std::memory_order_relaxed) + granules_) {
      extend_clear();
    } else {
      return false;
    }
  }
  return false;
}

/// A value that was used since it came: it comes once more, if there is room.
bool Shard::survive(const Record& record, Place place) {
  if (!has_room(record.granules)) return false;
  const std::uint64_t to = head_.head.load(std::memory_order_relaxed);
  std::uint8_t* const copy = record_at(to);
  std::memcpy(copy, record_at(record.position), record.bytes());
  Record moved = record;
  moved.position = to;
  std::memcpy(copy, &moved, sizeof moved);
  head_.head.store(to + record.granules, std::memory_order_release);
  place.used().store(0, std::memory_order_relaxed);
  place.word().store(Key::tag_of(record.hash) << kTagShift | to, std::memory_order_seq_cst);
  count(&Counters::survivals);
  return true;
}

/// Gives up the oldest values until so many granules are free. Of what is passed, half may survive
/// at most, so that the time does not depend on how much is used. False when the ring is damaged.
bool Shard::evict(std::uint32_t granules, std::uint64_t now_ms) {
  const std::uint64_t wanted = std::max<std::uint64_t>(granules, reserve());
  std::uint64_t passed = 0;
  std::uint64_t survived = 0;
  while (passed < wanted + survived) {
    const std::uint64_t tail = head_.tail.load(std::memory_order_relaxed);
    const std::uint64_t head = head_.head.load(std::memory_order_relaxed);
    if (tail == head) return true;
    Record record;
    if (!is_record(tail, head, &record)) return false;
    const std::uint64_t word = Key::tag_of(record.hash) << kTagShift | tail;
    const Place place = record.kind == Record::kValue ? slot_with(record.hash, word) : Place{};
    if (!place.is_none()) {
      const bool is_used = place.used().load(std::memory_order_relaxed) != 0;
      if (is_over(record, now_ms)) {
        take_out(place, record.granules);
        count(&Counters::expirations);
      } else if (is_used && survived + record.granules <= wanted && survive(record, place)) {
        survived += record.granules;
      } else {
        take_out(place, record.granules);
        count(&Counters::evictions);
      }
    }
    passed += record.granules;
    head_.tail.store(tail + record.granules, std::memory_order_seq_cst);
  }
  return true;
}

/// Finds room for a record at the head, without gaps: it may be written there at once. False when
/// others have pinned too much.
bool Shard::make_room(std::uint32_t granules, std::uint64_t now_ms, std::uint64_t* position) {
  for (int step = 0; step < kMaxSteps; ++step) {
    const std::uint64_t head = head_.head.load(std::memory_order_relaxed);
    const std::uint64_t tail = head_.tail.load(std::memory_order_relaxed);
    // Some room is always left for those that survive.
    const bool is_ample = tail + granules_ - head >= granules + reserve() || tail == head;
    if (is_ample && has_room(granules)) {
      *position = head_.head.load(std::memory_order_relaxed);
      return true;
    }
    if (tail == head) return false;
    if (!evict(granules, now_ms)) {
      reset();
      count(&Counters::repairs);
    }
  }
  return false;
}

}  // namespace superslab::shared_cache
