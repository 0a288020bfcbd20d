#include "space/arena.h"

#include <algorithm>

#include "base/bits.h"

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

OsStatus Arena::commit_directory(Os& os, std::uint32_t first, std::uint32_t count) {
  // Rounded out to pages. A neighbour's entries on the same page come along, and what is committed
  // already is committed once more, which changes nothing.
  const auto commit = [&](void* array, ByteCount entry_bytes, std::uint32_t from,
                          std::uint32_t to) {
    const ByteCount page = os.page_bytes();
    const ByteCount low = align_down(from * entry_bytes, page);
    const ByteCount high = align_up(to * entry_bytes, page);
    return os.commit(static_cast<std::byte*>(array) + low, high - low, HugePages::kOff);
  };
  for (std::uint32_t i = first; i < first + count; ++i) {
    if (test(ready_, i)) continue;
    OsStatus status = commit(directory_->superslabs, sizeof(Superslab), i, i + 1);
    // Only the first superslab of a large block needs slab entries, but any may head a run later.
    if (status == OsStatus::kOk) {
      status = commit(directory_->slabs, kSlicesPerSuperslab * sizeof(Slab), i, i + 1);
    }
    if (status == OsStatus::kOk) {
      status =
          commit(directory_->words, kSlicesPerSuperslab * sizeof(directory_->words[0]), i, i + 1);
    }
    if (status != OsStatus::kOk) return status;
    Superslab& s = directory_->superslabs[i];
    s.base = window_ + ByteCount{i} * kSuperslabBytes;
    s.index = static_cast<SuperslabIndex>(ordinal_ * kSuperslabsPerArena + i);
    ready_[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return OsStatus::kOk;
}

}  // namespace superslab
