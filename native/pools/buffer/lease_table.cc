#include "pools/buffer/lease_table.h"

#include <sys/random.h>

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace superslab {

LeaseFault LeaseTable::share(LeaseHolder holder, BlockNumber block, ByteCount length,
                             ShareTicket& out) {
  assert(holder != nullptr && block != kNoBlock && length != 0);
  LockGuard guard(lock_);
  if (!draw_nonce(out.nonce)) return LeaseFault::kNoMemory;
  Entry& entry = entries_[block];
  if (entry.holders.empty()) entry.holders.push_back({holder, 1});  // private until now
  ++entry.tokens;
  out.id = next_id_++;
  tokens_[out.id] = {{out.nonce[0], out.nonce[1]}, block, length};
  return LeaseFault::kNone;
}

bool LeaseTable::draw_nonce(std::uint64_t (&nonce)[2]) {
  if (random_left_ < 2) {
    // Fails only before the kernel's generator is seeded at boot. 256 bytes never come in part.
    if (getrandom(random_, sizeof random_, 0) != sizeof random_) return false;
    random_left_ = std::size(random_);
  }
  for (std::uint64_t& word : nonce) word = std::exchange(random_[--random_left_], 0);
  return true;
}

LeaseTable::Token* LeaseTable::find(const ShareTicket& ticket, LeaseFault& fault) {
  if (ticket.id == 0 || ticket.id >= next_id_) {
    fault = LeaseFault::kForged;
    return nullptr;
  }
  const auto at = tokens_.find(ticket.id);
  if (at == tokens_.end()) {
    fault = LeaseFault::kUsed;
    return nullptr;
  }
  if (at->second.nonce[0] != ticket.nonce[0] || at->second.nonce[1] != ticket.nonce[1]) {
    fault = LeaseFault::kForged;
    return nullptr;
  }
  fault = LeaseFault::kNone;
  return &at->second;
}

AdoptedLease LeaseTable::adopt(LeaseHolder holder, const ShareTicket& ticket) {
  assert(holder != nullptr);
  LockGuard guard(lock_);
  LeaseFault fault;
  const Token* token = find(ticket, fault);
  if (token == nullptr) return {fault, kNoBlock, 0};
  const AdoptedLease lease{LeaseFault::kNone, token->block, token->length};
  tokens_.erase(ticket.id);
  Entry& entry = entries_[lease.block];
  assert(entry.tokens != 0 && "the token counts");
  --entry.tokens;
  for (Holder& one : entry.holders) {
    if (one.who != holder) continue;
    ++one.count;
    return lease;
  }
  entry.holders.push_back({holder, 1});
  return lease;
}

LeaseFault LeaseTable::revoke(const ShareTicket& ticket) {
  LockGuard guard(lock_);
  LeaseFault fault;
  const Token* token = find(ticket, fault);
  if (token == nullptr) return fault;
  const BlockNumber block = token->block;
  tokens_.erase(ticket.id);
  assert(entries_[block].tokens != 0 && "the token counts");
  --entries_[block].tokens;
  settle(block);
  return LeaseFault::kNone;
}

void LeaseTable::settle(BlockNumber block) {
  const auto at = entries_.find(block);
  assert(at != entries_.end() && "shared until now");
  if (!at->second.is_unused()) return;
  entries_.erase(at);
  send_home(space_, block);
}

void LeaseTable::release(LeaseHolder holder, BlockNumber block) {
  assert(holder != nullptr);
  LockGuard guard(lock_);
  const auto at = entries_.find(block);
  if (at == entries_.end()) return;  // not shared, or released to the last
  std::vector<Holder>& holders = at->second.holders;
  for (Holder& one : holders) {
    if (one.who != holder) continue;
    assert(one.count != 0);
    if (--one.count == 0) {
      one = holders.back();
      holders.pop_back();
    }
    break;
  }
  settle(block);
}

std::uint32_t LeaseTable::references(BlockNumber block) {
  LockGuard guard(lock_);
  const auto at = entries_.find(block);
  if (at == entries_.end()) return 0;
  std::uint32_t sum = at->second.tokens;
  for (const Holder& one : at->second.holders) sum += one.count;
  return sum;
}

std::uint64_t LeaseTable::outstanding() {
  LockGuard guard(lock_);
  return tokens_.size();
}

bool LeaseTable::is_valid() {
  LockGuard guard(lock_);
  return is_whole();
}

bool LeaseTable::is_whole() {
  std::unordered_map<BlockNumber, std::uint32_t> tokens;
  for (const auto& [id, token] : tokens_) {
    if (id == 0 || id >= next_id_ || token.length == 0) return false;
    ++tokens[token.block];
  }
  for (const auto& [block, entry] : entries_) {
    if (entry.is_unused() || !find_block(space_, block).is_out) return false;
    const auto counted = tokens.extract(block);
    if (entry.tokens != (counted.empty() ? 0 : counted.mapped())) return false;
    for (auto at = entry.holders.begin(); at != entry.holders.end(); ++at) {
      const auto is_same = [&](const Holder& other) { return other.who == at->who; };
      if (at->count == 0) return false;
      // What is transferred has an entry for each time.
      if (at->who != nullptr && std::any_of(entry.holders.begin(), at, is_same)) return false;
    }
  }
  return tokens.empty();
}

bool LeaseTable::drop_holder(Entry& entry, LeaseHolder who) {
  const auto own = std::find_if(entry.holders.begin(), entry.holders.end(),
                                [=](const Holder& one) { return one.who == who; });
  if (own == entry.holders.end()) return false;
  *own = entry.holders.back();
  entry.holders.pop_back();
  return true;
}

}  // namespace superslab
