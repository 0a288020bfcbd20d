// Who computes which value. A claim is its member's; that of a member that died is anybody's.
#include "pools/shared_cache/locked_shard.h"

namespace superslab::shared_cache {

void Shard::set_owner(Claim& claim, std::uint64_t owner) {
  const std::uint64_t in_use = head_.claims_in_use.load(std::memory_order_relaxed);
  const bool was_in_use = claim.owner.load(std::memory_order_relaxed) != 0;
  // Whoever dies between the two stores leaves a number that is too high, which costs time alone.
  if (owner != 0 && !was_in_use) head_.claims_in_use.store(in_use + 1, std::memory_order_relaxed);
  claim.owner.store(owner, std::memory_order_release);
  if (owner != 0) return;
  if (was_in_use && in_use > 0) head_.claims_in_use.store(in_use - 1, std::memory_order_relaxed);
  // Whoever dies here wakes those who wait by its death.
  const std::uint64_t awaited = head_.awaited.load(std::memory_order_relaxed);
  if ((awaited & bit_of(claim)) == 0) return;
  head_.awaited.store(awaited & ~bit_of(claim), std::memory_order_relaxed);
  has_news_ = true;
}

std::uint64_t Shard::bit_of(const Claim& claim) const {
  return std::uint64_t{1} << (&claim - head_.claims);
}

/// With the lock: the claim of a key that somebody has; nullptr for none.
Claim* Shard::claim_of(std::uint64_t hash) {
  if (head_.claims_in_use.load(std::memory_order_relaxed) == 0) return nullptr;
  for (Claim& claim : head_.claims) {
    if (claim.owner.load(std::memory_order_relaxed) != 0 &&
        claim.hash.load(std::memory_order_relaxed) == hash)
      return &claim;
  }
  return nullptr;
}

void Shard::void_claims(std::uint64_t hash) {
  while (Claim* const claim = claim_of(hash)) set_owner(*claim, 0);
}

Claimed Shard::claim(const Key& key, std::uint64_t now_ms, std::uint64_t* ticket) {
  const LockedShard lock(*this);
  if (!lock.is_locked()) return Claimed::kNoPlace;
  // With the lock nobody writes, so that it needs no pin.
  if (const Place place = slot_of(key); !place.is_none()) {
    Record record;
    if (read_value(place.word().load(std::memory_order_relaxed) & kPositionMask, &record) &&
        !is_over(record, now_ms))
      return Claimed::kPresent;
  }
  Claim* own = nullptr;
  for (Claim& claim : head_.claims) {
    const std::uint64_t owner = claim.owner.load(std::memory_order_relaxed);
    if (owner != 0 && claim.hash.load(std::memory_order_relaxed) == key.hash &&
        members_.is_alive(owner)) {
      head_.awaited.store(head_.awaited.load(std::memory_order_relaxed) | bit_of(claim),
                          std::memory_order_relaxed);
      return Claimed::kOther;
    }
    if (own == nullptr && (owner == 0 || !members_.is_alive(owner))) own = &claim;
  }
  if (own == nullptr) return Claimed::kNoPlace;
  void_claims(key.hash);
  *ticket = head_.next_ticket.fetch_add(1, std::memory_order_relaxed) % kMaxPosition + 1;
  own->hash.store(key.hash, std::memory_order_relaxed);
  own->ticket.store(*ticket, std::memory_order_relaxed);
  set_owner(*own, members_.own_word());
  count(&Counters::computations);
  return Claimed::kOwn;
}

void Shard::end_claim(const Key& key, std::uint64_t ticket) {
  const LockedShard lock(*this);
  if (!lock.is_locked()) return;
  Claim* const claim = claim_of(key.hash);
  if (claim != nullptr && claim->ticket.load(std::memory_order_relaxed) == ticket)
    set_owner(*claim, 0);
}

}  // namespace superslab::shared_cache
