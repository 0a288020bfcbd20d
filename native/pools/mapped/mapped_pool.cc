#include "pools/mapped/mapped_pool.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "pools/mapped/header.h"

namespace superslab::mapped {

MappedPool::MappedPool(Files& files, std::unique_ptr<File> file, const Header& header,
                       const MappedOptions& options, std::shared_ptr<MappedRange> range,
                       void* metadata, GuardedMapping* metadata_guard)
    : files_(files),
      file_(std::move(file)),
      header_(header),
      layout_(layout_of(header)),
      access_(options.access),
      promise_(options.promise),
      grow_by_(options.grow_by),
      lock_patience_(options.lock_patience),
      range_(std::move(range)),
      metadata_range_(metadata, layout_.data_at() - layout_.checksums_at(), metadata_guard),
      words_(layout_, metadata),
      journal_(layout_, files.boot()),
      extents_(layout_, words_),
      slabs_(layout_, words_, extents_, *this),
      roots_(words_) {}

MappedPool::~MappedPool() { static_cast<void>(close()); }

Failure MappedPool::break_by(Failure failure) {
  if (broken_.ok()) broken_ = failure;
  // What one process could not write, or make durable, no other may vouch for.
  if (sharing_ != nullptr && failure.fault == Fault::kFailed) sharing_->note_failure();
  return failure;
}

Failure MappedPool::check_lost() {
  if (!range_->is_lost() && !metadata_range_.is_lost()) return {};
  return break_by({Fault::kLost, {}, "mapped pages", 0});
}

Failure MappedPool::begin_change(Nanos patience) {
  if (is_closed()) return {Fault::kClosed};
  if (is_read_only()) return {Fault::kReadOnly};
  if (!broken_.ok()) return broken_;
  if (const Failure lost = check_lost(); !lost.ok()) return lost;
  return lock_writer(patience);
}

Failure MappedPool::end_change(const Savepoint& savepoint, Failure failure) {
  if (const Failure lost = check_lost(); !lost.ok()) failure = lost;
  if (words_.is_damaged()) {
    const Failure damage = words_.take_damage();
    // A page that was lost reads as zeros, and so has no checksum.
    if (failure.fault != Fault::kLost) failure = break_by(damage);
  }
  if (failure.ok() && batch_bytes() > batch_limit())
    failure = {Fault::kBatchFull, {}, "", batch_limit()};
  if (!failure.ok()) {
    undo_to(savepoint);
    static_cast<void>(words_.take_damage());
  }
  return failure;
}

// Blocks.

MappedPool::Found MappedPool::block_at(std::uint32_t granule) {
  Found found;
  const std::uint32_t total = extents_.data_pages();
  const DataPage page = page_of_granule(granule);
  if (total > layout_.max_pages || page >= total) return found;
  std::uint32_t c;
  std::uint32_t generation = 0;
  ByteCount slack = 0;
  if (slabs_.head(static_cast<DataPage>(align_down(page, kSlabPages)), &c)) {
    const Slabs::Place place = slabs_.find(granule);
    if (!place.found) return found;
    const std::uint32_t word = words_.get(place.word);
    generation = word >> kSlackBits;
    slack = word & kSlackMask;
    found.capacity = kClassBytes[c];
    found.generation_word = place.word;
    found.checksum_word = place.word + checksum_distance(layout_, c);
    found.generation_shift = kSlackBits;
  } else {
    const std::uint32_t word = words_.get(entry(page));
    const bool begins_block = granule % (kPageBytes / kGranuleBytes) == 0 &&
                              kind_of(word) == Kind::kBlock && count_of(word) != 0 &&
                              count_of(word) <= total - page;
    if (!begins_block) return found;
    generation = words_.get(entry(page, 1)) & kGenerationMask;
    slack = words_.get(entry(page, 2));
    found.capacity = ByteCount{count_of(word)} * kPageBytes;
    found.generation_word = entry(page, 1);
    found.checksum_word = entry(page, 3);
  }
  if (slack > found.capacity) {
    words_.note_damage("length of a block", granule);
    return {};
  }
  found.is_live = is_live(generation);
  found.block = {handle_of(generation, granule), std::uint64_t{granule} * kGranuleBytes,
                 found.capacity - slack};
  return found;
}

MappedPool::Found MappedPool::live_block(Handle handle) {
  if (handle > kMaxHandle || !is_live(generation_of(handle))) return {};
  const Found found = block_at(granule_of(handle));
  return found.is_live && found.block.handle == handle ? found : Found{};
}

Handle MappedPool::take_small(ByteCount bytes) {
  const std::uint32_t c = std::max(class_for(bytes), min_class(layout_));
  const auto slack = static_cast<std::uint32_t>(kClassBytes[c] - bytes);
  const Handle handle = slabs_.take(c, slack, due_);
  if (handle != kNoHandle) count_block(kClassBytes[c], true);
  return handle;
}

Handle MappedPool::take_large(ByteCount bytes) {
  const auto pages = static_cast<std::uint32_t>(div_up(bytes, kPageBytes));
  const Extents::Taken taken = extents_.take(pages, 1);
  if (!taken.found || (taken.may_have_holes && !provide_data(taken.page, pages))) return kNoHandle;
  std::uint32_t generation = next_generation(words_.get(entry(taken.page, 1)) & kGenerationMask);
  if (!is_live(generation)) generation = next_generation(generation);
  words_.set(entry(taken.page), entry_word(Kind::kBlock, pages));
  words_.set(entry(taken.page, 1), generation);
  words_.set(entry(taken.page, 2), static_cast<std::uint32_t>(pages * kPageBytes - bytes));
  words_.set(entry(taken.page, 3), 0);
  count_block(pages * kPageBytes, true);
  return handle_of(generation, taken.page * (kPageBytes / kGranuleBytes));
}

Handle MappedPool::take(ByteCount bytes) {
  return bytes <= kMaxSmallBytes ? take_small(bytes) : take_large(bytes);
}

Failure MappedPool::alloc_within(Nanos patience, ByteCount bytes, Block* block) {
  const Turn turn(*this);
  if (const Failure failure = begin_change(patience); !failure.ok()) return failure;
  const Failure failure = alloc_block(bytes, block);
  const bool got_none = failure.fault == Fault::kFull || failure.fault == Fault::kNoSpace ||
                        failure.fault == Fault::kBatchFull;
  counted_.allocs += failure.ok();
  counted_.failed_allocs += got_none;
  counted_.exhausted += failure.fault == Fault::kFull;
  needs_room_ |= failure.fault == Fault::kFull;
  return failure;
}

Failure MappedPool::alloc_block(ByteCount bytes, Block* block) {
  if (bytes > layout_.max_pages * kPageBytes) return {Fault::kFull, {}, "", bytes};
  const Savepoint before = savepoint();
  space_error_ = {};
  Failure failure;
  Handle handle = take(bytes);
  if (handle == kNoHandle && space_error_.ok() && !words_.is_damaged()) {
    words_.undo_to(before.changes);
    failure = grow(bytes);
    if (failure.ok()) handle = take(bytes);
  }
  if (failure.ok() && handle == kNoHandle)
    failure = {space_error_.ok() ? Fault::kFull : Fault::kNoSpace, space_error_, "", bytes};
  failure = end_change(before, failure);
  if (!failure.ok()) return failure;
  taken_.push_back(handle);
  counted_.peak_used_bytes =
      std::max<ByteCount>(counted_.peak_used_bytes, words_.get_wide(kUsedBytesWord));
  *block = {handle, std::uint64_t{granule_of(handle)} * kGranuleBytes, bytes};
  note_touched(block->offset, bytes);
  return {};
}

void MappedPool::count_block(ByteCount capacity, bool is_new) {
  const std::uint64_t sign = is_new ? 1 : ~std::uint64_t{0};
  words_.set_wide(kUsedBytesWord, words_.get_wide(kUsedBytesWord) + sign * capacity);
  words_.set_wide(kBlocksWord, words_.get_wide(kBlocksWord) + sign);
}

Failure MappedPool::free(Handle handle) {
  const Turn turn(*this);
  if (const Failure failure = begin_change(); !failure.ok()) return failure;
  const Savepoint before = savepoint();
  const Found found = live_block(handle);
  if (!found.is_live) return end_change(before, {Fault::kStale, {}, "", handle});
  // The generation goes up at once; where the block lies is free once a commit has applied it.
  const std::uint32_t word = words_.get(found.generation_word);
  const std::uint32_t rest = word & ((1u << found.generation_shift) - 1);
  const std::uint32_t generation = next_generation(generation_of(handle));
  words_.set(found.generation_word, generation << found.generation_shift | rest);
  count_block(found.capacity, false);
  frees_.push_back(handle);
  due_.insert(granule_of(handle));
  return end_change(before);
}

void MappedPool::apply_free(Handle handle) {
  const DataPage page = page_of_granule(granule_of(handle));
  std::uint32_t c;
  if (slabs_.head(static_cast<DataPage>(align_down(page, kSlabPages)), &c))
    return slabs_.give(granule_of(handle));
  const Found found = block_at(granule_of(handle));
  if (found.capacity == 0 || found.is_live)
    return words_.note_damage("freed block", granule_of(handle));
  words_.set(entry(page), 0);
  words_.set(entry(page, 2), 0);
  extents_.give(page, static_cast<std::uint32_t>(found.capacity / kPageBytes));
}

// Space.

bool MappedPool::provide(ByteCount offset, ByteCount bytes) {
  space_error_ = file_->allocate(offset, bytes);
  return space_error_.ok();
}

bool MappedPool::provide_data(DataPage page, std::uint32_t pages) {
  return provide(layout_.data_at() + ByteCount{page} * kPageBytes, pages * kPageBytes);
}

bool MappedPool::provide_slab_words(DataPage slab) {
  return provide(layout_.metadata_at() + ByteCount{layout_.slab_word_page(slab)} * kPageBytes,
                 kPageBytes);
}

Failure MappedPool::grow(ByteCount bytes) {
  const std::uint32_t total = extents_.data_pages();
  const std::uint64_t wanted =
      bytes <= kMaxSmallBytes
          ? kSlabPages
          : div_up(bytes, kPageBytes) -
                std::min<std::uint64_t>(extents_.free_at_end(), div_up(bytes, kPageBytes));
  const ByteCount step =
      grow_by_ != 0 ? grow_by_ : std::max<ByteCount>(kMiB, total * kPageBytes / 8);
  const std::uint64_t pages =
      std::min(align_up(std::max<std::uint64_t>(wanted, div_up(step, kPageBytes)), kSlabPages),
               layout_.max_pages - total);
  if (wanted > pages || pages == 0) return {Fault::kFull, {}, "", bytes};
  const Failure failure = add_pages(pages);
  // A disk that is nearly full may have what is needed now.
  const std::uint64_t fewest = align_up(wanted, kSlabPages);
  return failure.fault == Fault::kNoSpace && fewest < pages ? add_pages(fewest) : failure;
}

Failure MappedPool::add_pages(std::uint64_t pages) {
  ++merges_;
  const Nanos start = events_.start();
  const std::uint32_t total = extents_.data_pages();
  const WordIndex first = entry(total);
  const WordIndex end = entry(static_cast<DataPage>(total + pages));
  const ByteCount map_at = align_down(ByteCount{first} * 4, kPageBytes);
  if (!provide_data(total, static_cast<std::uint32_t>(pages)) ||
      !provide(layout_.metadata_at() + map_at, align_up(ByteCount{end} * 4, kPageBytes) - map_at)) {
    // Whether it can be cut again does not matter: what lies behind the end means nothing.
    static_cast<void>(file_->set_size(layout_.data_at() + ByteCount{total} * kPageBytes));
    return {Fault::kNoSpace, space_error_, "", pages * kPageBytes};
  }
  extents_.grow(static_cast<std::uint32_t>(pages));
  counted_.grown_bytes += pages * kPageBytes;
  events_.note(FileEventKind::kGrow, pages * kPageBytes, start);
  return {};
}

// Roots and writes.

Failure MappedPool::set_root(std::string_view name, Handle handle) {
  const Turn turn(*this);
  if (const Failure failure = begin_change(); !failure.ok()) return failure;
  if (!Roots::is_name(name)) return {Fault::kRootName, {}, "", name.size()};
  const Savepoint before = savepoint();
  if (handle != kNoHandle && !live_block(handle).is_live)
    return end_change(before, {Fault::kStale, {}, "", handle});
  const bool has_room = roots_.set(name, handle);
  return end_change(before, {has_room ? Fault::kNone : Fault::kRootsFull, {}, "", kRoots});
}

Failure MappedPool::write(Handle handle, ByteCount at, std::span<const std::uint8_t> bytes) {
  const Turn turn(*this);
  if (const Failure failure = begin_change(); !failure.ok()) return failure;
  const Savepoint before = savepoint();
  const Found found = live_block(handle);
  if (!found.is_live) return end_change(before, {Fault::kStale, {}, "", handle});
  if (at > found.block.bytes || bytes.size() > found.block.bytes - at)
    return {Fault::kRange, {}, "", found.block.bytes};
  if (bytes.size() > batch_limit()) return {Fault::kBatchFull, {}, "", batch_limit()};
  if (bytes.empty()) return {};
  const WriteHead head{found.block.offset + at, static_cast<std::uint32_t>(bytes.size()), 0};
  const std::size_t start = writes_.size();
  writes_.resize(start + sizeof head + align_up(bytes.size(), 8));
  std::memcpy(writes_.data() + start, &head, sizeof head);
  std::memcpy(writes_.data() + start + sizeof head, bytes.data(), bytes.size());
  if (layout_.has_checksums) written_.push_back({handle, start});
  return end_change(before);
}

bool MappedPool::written_at(std::uint64_t offset, std::span<std::uint8_t> bytes) const {
  bool is_found = false;
  for (std::size_t at = 0; at < writes_.size();) {
    WriteHead head;
    std::memcpy(&head, writes_.data() + at, sizeof head);
    if (head.offset <= offset && offset + bytes.size() <= head.offset + head.bytes) {
      std::memcpy(bytes.data(), writes_.data() + at + sizeof head + (offset - head.offset),
                  bytes.size());
      is_found = true;
    }
    at += sizeof head + align_up(head.bytes, 8);
  }
  return is_found;
}

// Savepoints.

MappedPool::Savepoint MappedPool::savepoint() const {
  return {words_.changes(), taken_.size(), frees_.size() - due_count_, writes_.size()};
}

bool MappedPool::has_uncommitted() const {
  return words_.changes() != 0 || frees_.size() != due_count_ || !writes_.empty();
}

void MappedPool::roll_back(const Savepoint& given) {
  if (is_closed()) return;
  // Without the lock nothing was changed, and others may have appended since.
  if (shares() && !sharing_->holds_writer()) return;
  const Turn turn(*this);
  undo_to(given);
  const bool undoes_all =
      given.changes == 0 && given.taken == 0 && given.frees == 0 && given.writes == 0;
  // That handles are stale is for the others to know, too.
  if (shares() && undoes_all && words_.changes() != 0 && broken_.ok())
    static_cast<void>(commit_once(false, 0));
}

void MappedPool::undo_to(const Savepoint& given) {
  ++merges_;
  const Savepoint savepoint{
      std::min(given.changes, words_.changes()), std::min(given.taken, taken_.size()),
      std::min(given.frees, frees_.size() - due_count_), std::min(given.writes, writes_.size())};
  const std::uint32_t made = words_.get(kSlabsMadeWord);
  wipe_taken(savepoint.taken);
  wipe_writes(savepoint.writes);
  words_.undo_to(savepoint.changes);
  const std::size_t frees = due_count_ + savepoint.frees;
  for (std::size_t i = frees; i < frees_.size(); ++i) due_.erase(granule_of(frees_[i]));
  frees_.resize(frees);
  writes_.resize(savepoint.writes);
  while (!written_.empty() && written_.back().start >= writes_.size()) written_.pop_back();
  if (taken_.size() == savepoint.taken) return;
  // Somebody may still have handles of what was taken, which must never name anything again.
  if (words_.get(kSlabsMadeWord) < made) words_.set(kSlabsMadeWord, made);
  counted_.frees += taken_.size() - savepoint.taken;
  for (std::size_t i = savepoint.taken; i < taken_.size(); ++i) make_stale(taken_[i]);
  taken_.resize(savepoint.taken);
}

void MappedPool::make_stale(Handle handle) {
  const std::uint32_t granule = granule_of(handle);
  const DataPage page = page_of_granule(granule);
  if (page >= extents_.data_pages()) return;
  const std::uint32_t after = next_generation(generation_of(handle));
  std::uint32_t c;
  if (slabs_.head(static_cast<DataPage>(align_down(page, kSlabPages)), &c)) {
    const Slabs::Place place = slabs_.find(granule);
    if (!place.found) return;
    const std::uint32_t word = words_.get(place.word);
    if ((word >> kSlackBits) + 1 == generation_of(handle))
      words_.set(place.word, after << kSlackBits);
  } else if (next_generation(words_.get(entry(page, 1)) & kGenerationMask) ==
             generation_of(handle)) {
    words_.set(entry(page, 1), after);
  }
}

}  // namespace superslab::mapped
