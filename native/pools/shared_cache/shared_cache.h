// A cache in a file that several processes have mapped. docs/SHARED-CACHE-FORMAT.md tells how it is
// made. A SharedCache belongs to one thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pools/mapped/fault.h"
#include "pools/mapped/mapped_range.h"
#include "pools/shared_cache/shard.h"

namespace superslab::shared_cache {

using mapped::Failure;
using mapped::Fault;
using mapped::MappedRange;

struct CacheOptions {
  ByteCount max_bytes = 0;  // of the whole file; 0: 64 MiB, or what the file has
  std::uint64_t max_entries = 0;
  unsigned mode = 0600;
};

struct CacheStats {
  double counters[kCounters];
  std::uint64_t entries;
  std::uint64_t live_bytes;  // of values with their keys, heads and what is rounded up
  std::uint64_t value_room;  // of all rings
  std::uint64_t file_bytes;
  std::uint64_t max_value_bytes;
  std::uint64_t processes;  // threads, that is: each has opened it by itself
};

struct CacheCheck {
  std::uint64_t entries = 0;
  std::uint64_t wrong = 0;  // what contradicted itself, and was taken out
  bool is_complete = true;  // no shard was busy
};

class SharedCache {
 public:
  /// Opens a file, or makes it. `path` is absolute.
  static Failure open(Files& files, const std::string& path, const CacheOptions& options,
                      std::unique_ptr<SharedCache>* cache);
  ~SharedCache() { close(); }

  /// What is wrong with all of it: it is closed, or pages of the file are not there.
  Failure failure() const;

  std::optional<Found> find(std::string_view key, std::size_t pin, std::size_t* shard);
  void unpin(std::size_t pin);
  /// Calls visit(key) for the values of a bucket, which are numbered across all parts of the cache.
  template <class Visit>
  void visit_keys(std::uint64_t bucket, std::size_t pin, Visit visit) {
    shards_[bucket / geometry_.buckets].visit_keys(bucket % geometry_.buckets, pin, now_ms(),
                                                   visit);
  }
  std::uint64_t bucket_count() const { return geometry_.shards * geometry_.buckets; }

  /// `ttl_ms` 0: it does not end by time. `tags` are hashes, `epoch` is that of the begin.
  Stored store(std::string_view key, NewValue value, std::uint64_t ttl_ms, std::uint64_t ticket);
  bool remove(std::string_view key, bool* busy);
  void remove_tag(std::string_view tag);
  /// False when a part of it is busy.
  bool clear();
  Claimed claim(std::string_view key, std::uint64_t* ticket);
  void end_claim(std::string_view key, std::uint64_t ticket);

  /// Tells when a claim for which somebody waits has ended, in any process, or may have, since
  /// somebody has left or died. To be made before the claim is asked for that is waited for.
  FileError watch(std::unique_ptr<FileWatch>* watch) const;

  std::uint64_t tag_hash(std::string_view tag) const { return hash_of(tag, ~seed_); }
  std::uint64_t epoch() const { return header().epoch.load(std::memory_order_acquire); }
  /// In which the tag was deleted last, or one that shares its cell; 0: never.
  std::uint64_t deleted_at(std::string_view tag) const {
    return tag_cells().deleted_at[tag_hash(tag) % TagCells::kCells].load(std::memory_order_acquire);
  }
  std::uint64_t now_ms() const;

  CacheStats stats() const;
  CacheCheck check();
  void close();

  const Geometry& geometry() const { return geometry_; }
  const std::shared_ptr<MappedRange>& range() const { return range_; }
  std::uint8_t* shard_address(std::size_t shard) const {
    return range_->address() + geometry_.shard_at(shard);
  }
  Member* own_member() const { return members_ ? &members_->own() : nullptr; }
  /// Raises the mark of this member's pins to `count`.
  void mark_pins(std::uint32_t count);

 private:
  friend class CacheOpener;
  SharedCache(std::unique_ptr<File> file, const Facts& facts, std::shared_ptr<MappedRange> range);

  Header& header() const { return *reinterpret_cast<Header*>(range_->address()); }
  TagCells& tag_cells() const {
    return *reinterpret_cast<TagCells*>(range_->address() + Geometry::kTagsAt);
  }
  Key key_of(std::string_view text) const { return {text, hash_of(text, seed_)}; }
  Shard& shard_for(const Key& key) { return shards_[shard_of(key)]; }
  /// After whatever may have ended a claim: wakes those who wait for that.
  void wake_waiters(Shard& shard);
  void ring();
  std::size_t shard_of(const Key& key) const { return key.hash & (geometry_.shards - 1); }

  std::unique_ptr<File> file_;
  const Geometry geometry_;
  const std::uint64_t seed_;
  const std::shared_ptr<MappedRange> range_;
  std::optional<Members> members_;  // nothing once it is closed
  std::vector<Shard> shards_;
  CacheStats last_{};
};

}  // namespace superslab::shared_cache
