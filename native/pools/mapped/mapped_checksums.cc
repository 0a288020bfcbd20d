// Checksums of blocks: a commit sets that of each block that it allocated, from the bytes that are
// there, and changes that of each that it writes to by what it changes. So damage that came before
// a write still shows after it.
#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

std::uint32_t MappedPool::checksum_of_block(const Block& block) const {
  return crc32c(data() + block.offset, block.bytes);
}

/// Changes it by the writes of written_ from `first` to before `end`, which are all to that block.
void MappedPool::change_checksum(const Found& found, std::size_t first, std::size_t end) {
  const auto head_of = [this](const Written& written) {
    WriteHead head;
    std::memcpy(&head, writes_.data() + written.start, sizeof head);
    return head;
  };
  std::uint64_t from = UINT64_MAX;
  std::uint64_t to = 0;
  for (std::size_t i = first; i < end; ++i) {
    const WriteHead head = head_of(written_[i]);
    from = std::min(from, head.offset);
    to = std::max(to, head.offset + head.bytes);
  }
  std::vector<std::uint8_t> bytes(data() + from, data() + to);
  for (std::size_t i = first; i < end; ++i) {
    const WriteHead head = head_of(written_[i]);
    std::memcpy(bytes.data() + (head.offset - from),
                writes_.data() + written_[i].start + sizeof head, head.bytes);
  }
  for (std::uint64_t i = 0; i < to - from; ++i) bytes[i] ^= data()[from + i];
  const std::uint64_t behind = found.block.offset + found.block.bytes - to;
  words_.set(found.checksum_word,
             words_.get(found.checksum_word) ^ crc32c_change(bytes.data(), bytes.size(), behind));
}

void MappedPool::set_checksums() {
  if (!layout_.has_checksums) return;
  for (const Handle handle : taken_) {
    const Found found = live_block(handle);
    if (found.is_live) words_.set(found.checksum_word, checksum_of_block(found.block));
  }
  // Those of a block together, in their order.
  std::sort(written_.begin(), written_.end(), [](const Written& a, const Written& b) {
    return a.handle != b.handle ? a.handle < b.handle : a.start < b.start;
  });
  for (std::size_t i = 0; i < written_.size();) {
    std::size_t end = i + 1;
    while (end < written_.size() && written_[end].handle == written_[i].handle) ++end;
    const Found found = live_block(written_[i].handle);
    if (found.is_live) change_checksum(found, i, end);
    i = end;
  }
}

/// The room that they take of a batch.
ByteCount MappedPool::checksum_bytes() const {
  return layout_.has_checksums ? (taken_.size() + written_.size()) * sizeof(ChangedWord) : 0;
}

GranuleSet MappedPool::batch_blocks() const {
  GranuleSet blocks;
  for (const Handle handle : taken_) blocks.insert(granule_of(handle));
  for (const Written& written : written_) blocks.insert(granule_of(written.handle));
  return blocks;
}

/// Blocks of the batch get their checksums with the commit.
void MappedPool::check_block(const Found& found, const GranuleSet& batch, CheckReport& report) {
  if (!layout_.has_checksums || !found.is_live) return;
  if (batch.contains(granule_of(found.block.handle)) ||
      words_.get(found.checksum_word) == checksum_of_block(found.block))
    return;
  ++report.damaged_blocks;
  report.add("the bytes of block " + std::to_string(found.block.handle) +
             " do not match their checksum");
}

}  // namespace superslab::mapped
