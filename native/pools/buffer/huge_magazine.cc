#include "pools/buffer/huge_magazine.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>

#include "base/racy_read.h"

namespace superslab {
namespace {

constexpr SliceTag kTag = LeaseMagazines::kHuge;

/// JavaScript looks through them one by one for one that fits.
constexpr std::uint32_t kMostBlocks = 8;

std::uint32_t get(const std::uint32_t& field) {
  return std::atomic_ref<std::uint32_t>(const_cast<std::uint32_t&>(field))
      .load(std::memory_order_relaxed);
}

void set(std::uint32_t& field, std::uint32_t value) {
  std::atomic_ref<std::uint32_t>(field).store(value, std::memory_order_relaxed);
}

}  // namespace

void HugeMagazine::note_taken(const Superslab& block, bool is_reused) {
  longest_ = std::max(longest_, block.huge_bytes);
  if (is_reused) wanted_ = std::min(wanted_ + 1, kMostBlocks);
}

void HugeMagazine::set_limit() {
  set(magazines_.huge_waste, pool_.policy()->big_cache_waste);
  if (wanted_ == 0) return;
  reserved_ = pool_.huge().reserve(reserved_, wanted_ * longest_);
  const auto blocks = static_cast<std::uint32_t>(reserved_ / longest_);
  reserved_ = pool_.huge().reserve(reserved_, blocks * longest_);
  assert(reserved_ == blocks * longest_ && "no more than it had");
  set(magazines_.limit[kTag], blocks);
}

void HugeMagazine::shut() { set(magazines_.limit[kTag], 0); }

/// The `count` blocks that were put first.
void HugeMagazine::give(std::uint32_t count) {
  BlockNumber given[kMagazineBlocks];
  const std::uint32_t depth = this->count();
  assert(count <= depth);
  std::copy_n(blocks(), count, given);
  std::copy(blocks() + count, blocks() + depth, blocks());
  set(magazines_.depth[kTag], depth - count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const NamedBlock block = find_block(pool_.space(), given[i]);
    Superslab& head = pool_.space().superslab(superslab_of(given[i]));
    if (block.is_huge && block.is_out && head.heap == &pool_.heap()) pool_.give_huge(&head);
  }
}

void HugeMagazine::spill() {
  const std::uint32_t depth = count();
  const std::uint32_t fitting = std::min(depth, get(magazines_.limit[kTag]));
  const std::uint32_t kept = fitting - std::min(fitting, std::max(fitting / 2, 1u));
  give(depth - kept);
}

void HugeMagazine::empty() {
  fold();
  shut();
  give(count());
  wanted_ = 0;
  longest_ = pool_.huge().longest_leased(owner_);
  if (reserved_ != 0) reserved_ = pool_.huge().reserve(reserved_, 0);
}

void HugeMagazine::trim_idle() {
  fold();
  const std::uint32_t now = magazines_.acquired[kTag];
  if (now == last_look_ && (wanted_ != 0 || count() != 0)) empty();
  last_look_ = now;
}

void HugeMagazine::fold() {
  const std::uint32_t now = magazines_.acquired[kTag];
  if (now == folded_) return;
  pool_.huge().count_reuses(now - folded_);
  folded_ = now;
}

std::uint32_t HugeMagazine::count() const {
  return std::min(get(magazines_.depth[kTag]), kMagazineBlocks);
}

ByteCount HugeMagazine::bytes() const {
  ByteCount sum = 0;
  const std::uint32_t depth = count();
  for (std::uint32_t i = 0; i < depth; ++i) {
    const BlockNumber n = racy_read(blocks()[i]);
    if (!pool_.space().has_entry(superslab_of(n))) continue;
    sum += racy_read(pool_.space().superslab(superslab_of(n)).charged_bytes);
  }
  return sum;
}

bool HugeMagazine::is_valid() const {
  const std::uint32_t depth = get(magazines_.depth[kTag]);
  if (depth > kMagazineBlocks) return false;
  for (std::uint32_t i = 0; i < depth; ++i) {
    const BlockNumber n = blocks()[i];
    const NamedBlock block = find_block(pool_.space(), n);
    if (!block.is_huge || !block.is_out) return false;
    if (pool_.space().superslab(superslab_of(n)).heap != &pool_.heap()) return false;
    if (std::find(blocks(), blocks() + i, n) != blocks() + i) return false;
  }
  return true;
}

}  // namespace superslab
