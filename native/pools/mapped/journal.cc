#include "pools/mapped/journal.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/crc32c.h"

namespace superslab::mapped {
namespace {

std::uint32_t crc_of(const std::uint8_t* record, RecordHead head) {
  const std::uint32_t bytes = head.bytes;
  head.crc = 0;
  return crc32c(record + sizeof head, bytes - sizeof head, crc32c(&head, sizeof head));
}

bool is_consistent(const RecordHead& head) {
  return head.bytes == sizeof head + ByteCount{head.words} * sizeof(ChangedWord) +
                           ByteCount{head.frees} * sizeof(Handle) + head.write_bytes &&
         head.write_bytes % 8 == 0;
}

template <class Part>
std::uint8_t* put(std::uint8_t* at, std::span<const Part> part) {
  if (!part.empty()) std::memcpy(at, part.data(), part.size_bytes());
  return at + part.size_bytes();
}

template <class Part>
std::span<const Part> take(const std::uint8_t*& at, std::size_t count) {
  const std::span<const Part> part(reinterpret_cast<const Part*>(at), count);
  at += part.size_bytes();
  return part;
}

}  // namespace

FileError Journal::append(File& file, const RecordParts& parts) {
  const ByteCount bytes = parts.bytes();
  assert(has_room(bytes) && bytes % 8 == 0);
  record_.resize(bytes);
  RecordHead head{kRecordMagic,
                  static_cast<std::uint32_t>(bytes),
                  place_.epoch,
                  place_.sequence,
                  boot_,
                  place_.durable,
                  parts.flags,
                  static_cast<std::uint32_t>(parts.words.size()),
                  static_cast<std::uint32_t>(parts.frees.size()),
                  static_cast<std::uint32_t>(parts.writes.size()),
                  0,
                  place_.crc};
  put(put(put(record_.data() + sizeof head, parts.words), parts.frees), parts.writes);
  head.crc = crc_of(record_.data(), head);
  std::memcpy(record_.data(), &head, sizeof head);
  const FileError error =
      file.write_at(record_.data(), bytes, layout_.half_at(place_.epoch) + place_.tail);
  if (!error.ok()) return error;
  place_.tail += bytes;
  place_.crc = head.crc;
  ++place_.sequence;
  return {};
}

FileError Journal::sync(File& file) {
  const FileError error = file.sync_range(layout_.half_at(place_.epoch), place_.tail);
  if (error.ok()) place_.durable = place_.sequence - 1;
  return error;
}

JournalPlace Journal::next_epoch() const {
  return {place_.epoch + 1, place_.sequence, place_.durable, 0, 0};
}

bool JournalReader::is_whole(ByteCount at, std::uint64_t min_sequence, RecordHead* head) const {
  if (half_.size() - at < sizeof *head) return false;
  std::memcpy(head, half_.data() + at, sizeof *head);
  return head->magic == kRecordMagic && head->epoch == from_.epoch &&
         head->sequence >= min_sequence && head->bytes <= half_.size() - at &&
         is_consistent(*head) && crc_of(half_.data() + at, *head) == head->crc;
}

bool JournalReader::is_next(ByteCount at, std::uint64_t sequence, std::uint32_t crc_before) const {
  RecordHead head;
  return is_whole(at, sequence, &head) && head.sequence == sequence &&
         head.crc_before == crc_before;
}

Failure JournalReader::read(const File& file, const Layout& layout, std::uint64_t epoch,
                            std::uint64_t first_sequence, std::uint64_t boot) {
  from_ = {epoch, first_sequence, 0, 0, 0};
  wrong_bit_ = kNoBit;
  ends_.clear();
  half_.resize(layout.half_bytes());
  const FileError error = file.read_at(half_.data(), half_.size(), layout.half_at(epoch));
  if (!error.ok()) return {Fault::kFailed, error, "journal", epoch};
  if (RecordHead first; first_sequence == kAnySequence) {
    if (!is_whole(0, 0, &first)) return {};
    from_.sequence = first.sequence;
  }
  const ByteCount at = find_records();
  // Reading ends where the last writer ended, or where something is wrong.
  const JournalPlace end = place_after(count());
  wrong_bit_ = find_wrong_bit(at, end.sequence, end.crc);
  if (wrong_bit_ == kNoBit && !is_missing(at, end.sequence, boot)) return {};
  return {Fault::kDamaged, {}, "journal record", end.sequence};
}

/// Whether a later record knows that the one of that sequence was there: it says that it was
/// durable, or was written behind it while this machine ran.
bool JournalReader::is_missing(ByteCount at, std::uint64_t sequence, std::uint64_t boot) const {
  for (; half_.size() - at >= sizeof(RecordHead); at += 8) {
    std::uint32_t magic;
    std::memcpy(&magic, half_.data() + at, sizeof magic);
    RecordHead head;
    const bool is_later = magic == kRecordMagic && is_whole(at, sequence, &head);
    if (is_later && (head.durable >= sequence || head.boot == boot)) return true;
  }
  return false;
}

/// The bit that makes what lies at `at` the record of that sequence. What was cut off while it was
/// written is hardly ever one bit short of being whole: one in 2^32 for each bit that it has.
std::uint64_t JournalReader::find_wrong_bit(ByteCount at, std::uint64_t sequence,
                                            std::uint32_t crc_before) const {
  if (half_.size() - at < sizeof(RecordHead)) return kNoBit;
  const auto fits = [&](const RecordHead& head) {
    return head.magic == kRecordMagic && head.epoch == from_.epoch && head.sequence == sequence &&
           head.crc_before == crc_before && head.bytes <= half_.size() - at && is_consistent(head);
  };
  std::uint8_t bytes[sizeof(RecordHead)];
  std::memcpy(bytes, half_.data() + at, sizeof bytes);
  RecordHead head;
  std::memcpy(&head, bytes, sizeof head);
  if (fits(head)) {
    const std::uint32_t difference = crc_of(half_.data() + at, head) ^ head.crc;
    const std::uint64_t bit = crc32c_wrong_bit(head.bytes, difference);
    if (bit >= sizeof head * 8 && bit != kNoBit) return at * 8 + bit;
  }
  for (std::uint64_t bit = 0; bit < sizeof bytes * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    std::memcpy(&head, bytes, sizeof head);
    if (fits(head) && crc_of(half_.data() + at, head) == head.crc) return at * 8 + bit;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
  }
  return kNoBit;
}

std::size_t JournalReader::kept(std::uint64_t boot) const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count(); ++i) {
    const RecordHead known = head(i);
    if (known.boot == boot || (known.flags & kSynced) != 0) kept = i + 1;
    if ((known.flags & kSyncedThrough) != 0) kept = std::max(kept, records_through(known.durable));
  }
  return kept;
}

FileError JournalReader::read_on(const File& file, const Layout& layout, const JournalPlace& place,
                                 ByteCount end) {
  from_ = place;
  ends_.clear();
  half_.resize(end);
  const FileError error = file.read_at(half_.data() + place.tail, end - place.tail,
                                       layout.half_at(place.epoch) + place.tail);
  if (error.ok()) find_records();
  return error;
}

ByteCount JournalReader::find_records() {
  std::uint32_t crc = from_.crc;
  ByteCount at = from_.tail;
  while (is_next(at, from_.sequence + ends_.size(), crc)) {
    RecordHead head;
    std::memcpy(&head, half_.data() + at, sizeof head);
    crc = head.crc;
    at += head.bytes;
    ends_.push_back(at);
  }
  return at;
}

RecordHead JournalReader::head(std::size_t record) const {
  RecordHead head;
  std::memcpy(&head, half_.data() + start(record), sizeof head);
  return head;
}

RecordParts JournalReader::parts(std::size_t record) const {
  const RecordHead known = head(record);
  const std::uint8_t* at = half_.data() + start(record) + sizeof known;
  RecordParts parts;
  parts.flags = known.flags;
  parts.words = take<ChangedWord>(at, known.words);
  parts.frees = take<Handle>(at, known.frees);
  parts.writes = take<std::uint8_t>(at, known.write_bytes);
  return parts;
}

JournalPlace JournalReader::place_after(std::size_t records) const {
  JournalPlace place = from_;
  place.sequence += records;
  if (records > 0) {
    place.tail = ends_[records - 1];
    place.crc = head(records - 1).crc;
    place.durable = head(records - 1).durable;
  }
  return place;
}

}  // namespace superslab::mapped
