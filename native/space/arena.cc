#include "space/arena.h"

#include <algorithm>

#include "base/bits.h"
#include "base/program_order.h"

namespace superslab {

bool Arena::open(Os& os, std::byte* window, std::uint32_t ordinal) {
  void* directory = os.reserve(sizeof(Directory), std::max(os.page_bytes(), 64 * kKiB));
  if (directory == nullptr) return false;
  window_ = window;
  directory_ = static_cast<Directory*>(directory);
  ordinal_ = ordinal;
  return true;
}

void Arena::close(Os& os) {
  if (directory_ != nullptr) os.unreserve(directory_, sizeof(Directory));
  *this = Arena{};
}

void Arena::add_piece(std::byte* base, ByteCount bytes) {
  set_spare(static_cast<std::uint32_t>((base - window_) >> kSuperslabShift),
            static_cast<std::uint32_t>(bytes >> kSuperslabShift), true);
}

void Arena::set_spare(std::uint32_t first, std::uint32_t count, bool spare) {
  for (std::uint32_t i = first; i < first + count; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << (i % 64);
    spare_[i / 64] = spare ? spare_[i / 64] | bit : spare_[i / 64] & ~bit;
  }
}

OsStatus Arena::commit_entry(Os& os, void* array, ByteCount entry_bytes, Bits& committed,
                             std::uint32_t i) {
  if (test(committed, i)) return OsStatus::kOk;
  // Both are powers of two: a page holds whole entries, or an entry whole pages.
  const ByteCount unit = std::max(entry_bytes, os.page_bytes());
  const ByteCount low = align_down(i * entry_bytes, unit);
  const OsStatus status = os.commit(static_cast<std::byte*>(array) + low, unit, HugePages::kOff);
  if (status != OsStatus::kOk) return status;
  for (ByteCount at = low; at < low + unit; at += entry_bytes)
    set(committed, static_cast<std::uint32_t>(at / entry_bytes));
  return OsStatus::kOk;
}

OsStatus Arena::commit_directory(Os& os, std::uint32_t first, std::uint32_t count) {
  constexpr ByteCount kSlabsBytes = kSlicesPerSuperslab * sizeof(Slab);
  constexpr ByteCount kWordsBytes = kSlicesPerSuperslab * sizeof(Directory::words[0]);
  static_assert(is_power_of_two(sizeof(Superslab)) && is_power_of_two(kSlabsBytes) &&
                is_power_of_two(kWordsBytes));
  for (std::uint32_t i = first; i < first + count; ++i) {
    if (test(ready_, i)) continue;
    // Only the first superslab of a large block needs slab entries, but any may be cut later.
    OsStatus status =
        commit_entry(os, directory_->superslabs, sizeof(Superslab), superslabs_committed_, i);
    if (status == OsStatus::kOk)
      status = commit_entry(os, directory_->slabs, kSlabsBytes, slabs_committed_, i);
    if (status == OsStatus::kOk)
      status = commit_entry(os, directory_->words, kWordsBytes, words_committed_, i);
    if (status != OsStatus::kOk) return status;
    Superslab& s = directory_->superslabs[i];
    s.base = window_ + ByteCount{i} * kSuperslabBytes;
    s.index = static_cast<SuperslabIndex>(ordinal_ * kSuperslabsPerArena + i);
    in_program_order();
    set(ready_, i);
  }
  return OsStatus::kOk;
}

}  // namespace superslab
