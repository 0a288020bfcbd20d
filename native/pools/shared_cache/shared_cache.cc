#include "pools/shared_cache/shared_cache.h"

#include <algorithm>
#include <cstddef>

#include "base/clock.h"

namespace superslab::shared_cache {

SharedCache::SharedCache(std::unique_ptr<File> file, const Facts& facts,
                         std::shared_ptr<MappedRange> range)
    : file_(std::move(file)),
      geometry_{facts.file_bytes, facts.shards, facts.shard_bytes, facts.buckets},
      seed_(facts.seed),
      range_(std::move(range)),
      members_(std::in_place, range_->address(), *file_) {
  for (std::size_t i = 0; i < geometry_.shards; ++i) {
    const ByteCount at = geometry_.shard_at(i);
    shards_.emplace_back(range_->address() + at, geometry_,
                         (at + geometry_.ring_at()) / kGranuleBytes, *members_, tag_cells());
  }
}

std::uint64_t SharedCache::now_ms() const { return SystemClock().now() / kMillisecond; }

Failure SharedCache::failure() const {
  if (!members_) return {Fault::kClosed, {}, "", 0};
  if (range_->is_lost()) return {Fault::kLost, {}, "pages", 0};
  return {};
}

std::optional<Found> SharedCache::find(std::string_view text, std::size_t pin, std::size_t* shard) {
  const Key key = key_of(text);
  *shard = shard_of(key);
  Found found;
  if (!shards_[*shard].find(key, pin, now_ms(), &found)) return {};
  return found;
}

void SharedCache::unpin(std::size_t pin) {
  // Release: what was read of the value was read before.
  members_->own().pins[pin].start.store(0, std::memory_order_release);
}

void SharedCache::mark_pins(std::uint32_t count) {
  auto& marks = *reinterpret_cast<PinMarks*>(range_->address() + Geometry::kMarksAt);
  marks.marks[members_->own_index()].store(count, std::memory_order_seq_cst);
}

Stored SharedCache::store(std::string_view text, NewValue value, std::uint64_t ttl_ms,
                          std::uint64_t ticket) {
  const Key key = key_of(text);
  const std::uint64_t now = now_ms();
  value.expires_ms = ttl_ms == 0 ? 0 : now + ttl_ms;
  Shard& shard = shard_for(key);
  const Stored stored = shard.store(key, value, ticket, now);
  wake_waiters(shard);
  auto& counters = members_->own().counters;
  auto& count = stored == Stored::kDone ? counters.sets : counters.refusals;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return stored;
}

bool SharedCache::remove(std::string_view text, bool* busy) {
  const Key key = key_of(text);
  Shard& shard = shard_for(key);
  const bool was_there = shard.remove(key, now_ms(), busy);
  wake_waiters(shard);
  auto& count = members_->own().counters.deletes;
  if (was_there) count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return was_there;
}

void SharedCache::remove_tag(std::string_view tag) {
  const std::uint64_t epoch = header().epoch.fetch_add(1, std::memory_order_acq_rel) + 1;
  Word& cell = tag_cells().deleted_at[tag_hash(tag) % TagCells::kCells];
  std::uint64_t was = cell.load(std::memory_order_relaxed);
  while (was < epoch && !cell.compare_exchange_weak(was, epoch, std::memory_order_release)) {
  }
}

bool SharedCache::clear() {
  bool is_complete = true;
  for (Shard& shard : shards_) {
    is_complete &= shard.clear();
    wake_waiters(shard);
  }
  return is_complete;
}

Claimed SharedCache::claim(std::string_view text, std::uint64_t* ticket) {
  const Key key = key_of(text);
  Shard& shard = shard_for(key);
  const Claimed claimed = shard.claim(key, now_ms(), ticket);
  wake_waiters(shard);
  return claimed;
}

void SharedCache::end_claim(std::string_view text, std::uint64_t ticket) {
  const Key key = key_of(text);
  Shard& shard = shard_for(key);
  shard.end_claim(key, ticket);
  wake_waiters(shard);
}

FileError SharedCache::watch(std::unique_ptr<FileWatch>* watch) const {
  return members_ ? file_->watch(watch) : FileError{FileStatus::kUnsupported, 0};
}

void SharedCache::wake_waiters(Shard& shard) {
  if (shard.take_news()) ring();
}

/// Who is not woken for once, because this failed, looks again after a while.
void SharedCache::ring() {
  if (range_->is_lost()) return;
  const std::uint8_t bell = 0;
  static_cast<void>(file_->write_at(&bell, sizeof bell, offsetof(Header, bell)));
}

CacheStats SharedCache::stats() const {
  if (!members_) return last_;
  CacheStats stats{};
  members_->sum_counters(stats.counters);
  for (const Shard& shard : shards_) {
    stats.entries += shard.entries();
    stats.live_bytes += shard.live_granules() * kGranuleBytes;
  }
  stats.value_room = geometry_.shards * geometry_.ring_granules() * kGranuleBytes;
  stats.live_bytes = std::min(stats.live_bytes, stats.value_room);
  stats.file_bytes = geometry_.file_bytes;
  stats.max_value_bytes = geometry_.max_value_bytes();
  stats.processes = members_->count();
  return stats;
}

CacheCheck SharedCache::check() {
  CacheCheck sum;
  for (Shard& shard : shards_) {
    ShardCheck part;
    sum.is_complete &= shard.check(&part);
    wake_waiters(shard);
    sum.entries += part.entries;
    sum.wrong += part.wrong;
  }
  return sum;
}

void SharedCache::close() {
  if (!members_) return;
  last_ = stats();
  shards_.clear();
  members_->leave();
  members_.reset();
  // What this one was computing others may compute now. The system does not say so before the last
  // window over the mapping is gone.
  ring();
  range_->end();
  file_.reset();
}

}  // namespace superslab::shared_cache
