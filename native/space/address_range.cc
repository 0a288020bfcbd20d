#include "space/address_range.h"

#include <algorithm>
#include <cstdint>

#include "base/bits.h"
#include "base/clock.h"

namespace superslab {
namespace {

/// Ranges begin in slots of this size, so that a page at a slot's start marks it as taken.
constexpr ByteCount kSlotBytes = 512 * kGiB;

/// Hard to guess, not secret. What the kernel randomised already, and the time; no system call, for
/// a process may confine itself before its first allocation.
std::uint64_t unlikely_number(Os& os) {
  const int on_stack = 0;
  std::uint64_t x = address_of(&on_stack) ^ (address_of(&os) << 20) ^ SystemClock().now();
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;  // splitmix64
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

AddressRange choose_quiet(Os& os, ByteCount bytes) {
  const OsRange quiet = os.quiet_addresses();
  const std::uint64_t slots = quiet.bytes / kSlotBytes;
  if (slots == 0 || bytes + 2 * kArenaBytes > kSlotBytes) return {};
  const std::uint64_t number = unlikely_number(os);
  for (std::uint64_t i = 0; i < slots; ++i) {
    auto* slot = static_cast<std::byte*>(quiet.address) + (number + i) % slots * kSlotBytes;
    const OsStatus status = os.reserve_at(slot, os.page_bytes());
    if (status == OsStatus::kTaken) continue;
    if (status != OsStatus::kOk) return {};  // this machine has no such addresses
    const std::uint64_t places = (kSlotBytes - bytes) / kArenaBytes;
    const std::uint64_t place = 1 + (number >> 32) % (places - 1);
    return {slot + place * kArenaBytes, {slot, os.page_bytes()}};
  }
  return {};
}

AddressRange choose_near(Os& os, ByteCount bytes) {
  void* const found = os.reserve(kSuperslabBytes, kSuperslabBytes);
  if (found == nullptr) return {};
  os.unreserve(found, kSuperslabBytes);
  // Systems hand addresses out from the top down. The page below a range marks it as taken.
  std::uintptr_t base = align_down(address_of(found), kArenaBytes);
  while (base > bytes + kArenaBytes) {
    base -= bytes + kArenaBytes;
    auto* const place = reinterpret_cast<std::byte*>(base);
    std::byte* const mark = place - os.page_bytes();
    const OsStatus status = os.reserve_at(mark, os.page_bytes());
    if (status == OsStatus::kOk) return {place, {mark, os.page_bytes()}};
    if (status != OsStatus::kTaken) return {};
  }
  // No room for another range: what there is of this one shows as it grows.
  return {reinterpret_cast<std::byte*>(kArenaBytes), {}};
}

}  // namespace

AddressRange choose_range(Os& os, ByteCount bytes) {
  const AddressRange range = choose_quiet(os, bytes);
  return range.base != nullptr ? range : choose_near(os, bytes);
}

}  // namespace superslab
