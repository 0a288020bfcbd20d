#include "replay/replay_os.h"

#include <algorithm>
#include <bit>

#include "base/bits.h"

namespace superslab {
namespace {

/// Far from where systems put programs and libraries, so that replays get the same addresses.
constexpr std::uintptr_t kFirstAddress = std::uintptr_t{32} << 40;
constexpr std::uintptr_t kEndOfAddresses = std::uintptr_t{112} << 40;

/// More pages than these would be a table of its own size; what lies beyond is not counted.
constexpr std::size_t kMaxSuperslabs = 64 * kSuperslabsPerArena;

}  // namespace

void* ReplayOs::reserve(ByteCount bytes, ByteCount alignment) {
  if (next_ == 0) next_ = kFirstAddress;
  for (std::uintptr_t at = align_up(next_, alignment); at + bytes < kEndOfAddresses;
       at = align_up(at + bytes, alignment)) {
    auto* const address = reinterpret_cast<void*>(at);
    const OsStatus status = real_.reserve_at(address, bytes);
    if (status == OsStatus::kTaken) continue;
    if (status != OsStatus::kOk) return nullptr;
    next_ = at + bytes;
    return address;
  }
  return nullptr;
}

OsStatus ReplayOs::reserve_at(void* address, ByteCount bytes) {
  return real_.reserve_at(address, bytes);
}

void ReplayOs::unreserve(void* address, ByteCount bytes) { real_.unreserve(address, bytes); }

ReplayOs::Pages* ReplayOs::pages_at(std::uintptr_t address) {
  if (base_ == 0 || address < base_) return nullptr;
  const std::size_t at = (address - base_) >> kSuperslabShift;
  if (at >= kMaxSuperslabs) return nullptr;
  if (at >= pages_.size()) pages_.resize(at + 1);
  return &pages_[at];
}

/// Calls visit(pages, word, mask) for each word of bits in the range.
template <class Visit>
void ReplayOs::for_each_word(const void* address, ByteCount bytes, Visit visit) {
  const std::uintptr_t end = align_up(address_of(address) + bytes, kPage);
  for (std::uintptr_t at = align_down(address_of(address), kPage); at < end;) {
    Pages* const pages = pages_at(at);
    const std::size_t page = at % kSuperslabBytes / kPage;
    const std::size_t word = page / 64;
    const std::size_t first = page % 64;
    const std::size_t count = std::min<std::size_t>(64 - first, (end - at) / kPage);
    const std::uint64_t ones = count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    if (pages != nullptr) visit(*pages, word, ones << first);
    at += count * kPage;
  }
}

void ReplayOs::touch(const void* address, ByteCount bytes) {
  for_each_word(address, bytes, [&](Pages& pages, std::size_t word, std::uint64_t mask) {
    const std::uint64_t fresh = mask & ~pages.resident[word];
    if (fresh == 0) return;
    const auto count = static_cast<std::uint64_t>(std::popcount(fresh));
    work_.faults += count;
    work_.refaults += static_cast<std::uint64_t>(std::popcount(fresh & pages.purged[word]));
    resident_pages_ += count;
    pages.resident[word] |= fresh;
    pages.purged[word] &= ~fresh;
  });
  peak_pages_ = std::max(peak_pages_, resident_pages_);
}

OsStatus ReplayOs::commit(void* address, ByteCount bytes, HugePages) {
  ++work_.commits;
  // The space numbers its superslabs upward.
  if (base_ == 0) base_ = align_down(address_of(address), kArenaBytes);
  return real_.commit(address, bytes, HugePages::kOff);
}

OsStatus ReplayOs::populate(void* address, ByteCount bytes) {
  touch(address, bytes);
  return OsStatus::kOk;
}

OsStatus ReplayOs::purge(const OsRange* ranges, std::size_t count) {
  ++work_.purges;
  for (std::size_t i = 0; i < count; ++i) {
    for_each_word(ranges[i].address, ranges[i].bytes,
                  [&](Pages& pages, std::size_t word, std::uint64_t mask) {
                    const std::uint64_t gone = mask & pages.resident[word];
                    const auto pages_gone = static_cast<std::uint64_t>(std::popcount(gone));
                    work_.purged_pages += pages_gone;
                    resident_pages_ -= pages_gone;
                    pages.resident[word] &= ~gone;
                    pages.purged[word] |= gone;
                  });
  }
  // Of the heap's own tables some really hold something.
  return real_.purge(ranges, count);
}

}  // namespace superslab
