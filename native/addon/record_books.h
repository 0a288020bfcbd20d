// Where other threads find the records of a pool (lib/pools/record): by the pool's name, and in
// each chunk of records by the generation of a slot.
//
// A chunk is a block of the pool, which the pool may give back while others read it. That is safe,
// since memory that JavaScript may see is never unmapped, and it is noticed: the generations do not
// lie in the chunk but here, for as long as anybody has the book. A slot's generation is odd while
// its record is lent. It changes before the record's memory is another's, so who finds the same odd
// generation before and after has read that record.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/lock.h"
#include "base/types.h"

namespace superslab {

/// The chunks of one pool. JavaScript maps the words of each: first how often it was placed, and
/// then a generation for each slot.
class RecordBook {
 public:
  using Word = std::atomic<std::uint32_t>;
  static_assert(sizeof(Word) == sizeof(std::uint32_t) && Word::is_always_lock_free);

  /// Where a chunk lies now. `memory` is nullptr for a chunk that never was, or is no more.
  struct Place {
    void* memory = nullptr;
    ByteCount bytes = 0;
    Word* words = nullptr;
    std::uint32_t placement = 0;
  };

  /// `first` is the generation that every slot begins with, an even number: another one for each
  /// pool, so that a handle of another pool is mostly found to be one.
  RecordBook(std::string name, std::string layout, std::uint32_t slots, std::uint32_t first)
      : name_(std::move(name)), layout_(std::move(layout)), slots_(slots), first_(first) {}

  const std::string& name() const { return name_; }
  /// As its pool describes it. The book only keeps it.
  const std::string& layout() const { return layout_; }
  std::uint32_t word_count() const { return slots_ + 1; }

  // Any thread.

  /// Those of a chunk, made at the first call; they stay. nullptr without memory, and for a number
  /// beyond the next one.
  Word* words(std::uint32_t chunk) EXCLUDES(lock_);
  /// The chunk lies there from now on; no record of it is lent.
  void place(std::uint32_t chunk, void* memory, ByteCount bytes) EXCLUDES(lock_);
  Place find(std::uint32_t chunk) EXCLUDES(lock_);
  /// The pool is no more, or its thread: every record is stale. Before its memory goes home.
  void end() EXCLUDES(lock_);
  bool has_ended() const { return has_ended_.load(std::memory_order_acquire); }

 private:
  struct Chunk {
    std::unique_ptr<Word[]> words;
    void* memory = nullptr;
    ByteCount bytes = 0;
  };

  const std::string name_;
  const std::string layout_;
  const std::uint32_t slots_;
  const std::uint32_t first_;
  std::atomic<bool> has_ended_{false};
  Mutex lock_{LockRank::kRecords};
  std::vector<Chunk> chunks_ GUARDED_BY(lock_);
};

/// Those of the process. Any thread.
class RecordBooks {
 public:
  static RecordBooks& of_process();

  void add(const std::shared_ptr<RecordBook>& book) EXCLUDES(lock_);
  /// Those of that name that have not ended, the oldest first.
  std::vector<std::shared_ptr<RecordBook>> named(std::string_view name) EXCLUDES(lock_);

 private:
  Mutex lock_{LockRank::kRecords};
  std::vector<std::weak_ptr<RecordBook>> books_ GUARDED_BY(lock_);
};

}  // namespace superslab
