// The journal: records that make changes happen. One half of its area is used at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/crc32c.h"
#include "os/file.h"
#include "pools/mapped/fault.h"
#include "pools/mapped/format.h"

namespace superslab::mapped {

/// What goes into a record.
struct RecordParts {
  std::uint32_t flags = 0;
  std::span<const ChangedWord> words{};
  std::span<const Handle> frees{};
  std::span<const std::uint8_t> writes{};

  ByteCount bytes() const {
    return sizeof(RecordHead) + words.size_bytes() + frees.size_bytes() + writes.size_bytes();
  }
};

/// Where in the journal the next record goes.
struct JournalPlace {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 1;
  std::uint64_t durable = 0;  // sequence of the last record known to be durable
  ByteCount tail = 0;         // bytes used of the half
  std::uint32_t crc = 0;      // of the record before
};

class Journal {
 public:
  Journal(const Layout& layout, std::uint64_t boot) : layout_(layout), boot_(boot) {}

  const JournalPlace& place() const { return place_; }
  void go_on_at(const JournalPlace& place) { place_ = place; }

  bool has_room(ByteCount bytes) const { return bytes <= layout_.half_bytes() - place_.tail; }
  /// There is room for it. After a failure nothing may be appended.
  FileError append(File& file, const RecordParts& parts);
  /// Makes all records of the half durable.
  FileError sync(File& file);

  /// All records up to `sequence` were made durable by a sync of the whole file.
  void note_durable(std::uint64_t sequence) {
    if (sequence > place_.durable) place_.durable = sequence;
  }

  /// The place at which the next epoch begins.
  JournalPlace next_epoch() const;

 private:
  const Layout layout_;
  const std::uint64_t boot_;
  JournalPlace place_;
  std::vector<std::uint8_t> record_;  // kept, so that a commit allocates nothing
};

constexpr std::uint64_t kAnySequence = 0;

/// Reads the records of one half, from the first to the last that is whole.
class JournalReader {
 public:
  /// Failure: the half could not be read, or a record is damaged: what was read before it can be
  /// used. With kAnySequence the first record says which it is. `boot` is the one that runs.
  Failure read(const File& file, const Layout& layout, std::uint64_t epoch,
               std::uint64_t first_sequence, std::uint64_t boot);
  /// Reads what follows `place`, as far as `end` bytes into the half, to the last record that is
  /// whole.
  FileError read_on(const File& file, const Layout& layout, const JournalPlace& place,
                    ByteCount end);
  /// After kDamaged: the bit of the half that alone is wrong in the damaged record, or kNoBit.
  std::uint64_t wrong_bit() const { return wrong_bit_; }
  /// How many records count: those of this boot, and those that were durable before the machine
  /// was started again. Others may be there without the data that they speak of.
  std::size_t kept(std::uint64_t boot) const;

  std::size_t count() const { return ends_.size(); }
  RecordParts parts(std::size_t record) const;
  /// Where to go on behind the first `records`.
  JournalPlace place_after(std::size_t records) const;
  /// How many records there are up to that of a sequence; 0 for one of an earlier epoch.
  std::size_t records_through(std::uint64_t sequence) const {
    if (sequence < from_.sequence) return 0;
    const std::uint64_t records = sequence - from_.sequence + 1;
    return records < count() ? static_cast<std::size_t>(records) : count();
  }

 private:
  RecordHead head(std::size_t record) const;
  ByteCount start(std::size_t record) const { return record == 0 ? from_.tail : ends_[record - 1]; }
  bool is_next(ByteCount at, std::uint64_t sequence, std::uint32_t crc_before) const;
  bool is_whole(ByteCount at, std::uint64_t min_sequence, RecordHead* head) const;
  /// Finds the records from from_ on; where they end.
  ByteCount find_records();
  bool is_missing(ByteCount at, std::uint64_t sequence, std::uint64_t boot) const;
  std::uint64_t find_wrong_bit(ByteCount at, std::uint64_t sequence,
                               std::uint32_t crc_before) const;

  JournalPlace from_;  // of the first record
  std::uint64_t wrong_bit_ = kNoBit;
  std::vector<std::uint8_t> half_;
  std::vector<ByteCount> ends_;
};

}  // namespace superslab::mapped
