// Blocks that more than one JavaScript lease refers to: shared between threads by token.
//
// A private lease is in no table. The first share() of a block enters it here, with one count for
// each thread that holds it and one for each token that nobody adopted yet; when the last is gone
// the block goes home. The table's lock is held from the removal of an entry until the block's free
// bit is set, so that whoever holds the lock sees each block of a slab as private, shared or free.
#pragma once

#include <cassert>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/lock.h"
#include "base/types.h"
#include "pools/buffer/block_number.h"

namespace superslab {

/// Who holds leases: one JavaScript environment. Only its identity counts.
using LeaseHolder = const void*;

/// Right to adopt a lease, once. The nonce is random, so that a token cannot be made up.
struct ShareTicket {
  std::uint64_t id;
  std::uint64_t nonce[2];
};

enum class LeaseFault : std::uint8_t {
  kNone,
  kForged,  // no such token was ever given out, or its nonce is wrong
  kUsed,    // adopted, revoked, or its block is gone
  kNoMemory,
  kRefused,  // by the binding: no leased block, or not so many bytes of it
};

struct AdoptedLease {
  LeaseFault fault;
  BlockNumber block;
  ByteCount length;
};

/// One for a process. Every function may be called from any thread.
class LeaseTable {
 public:
  explicit LeaseTable(Space& space) : space_(space) {}

  /// `holder` has the block by a lease of its own, which it keeps, now as a shared one.
  LeaseFault share(LeaseHolder holder, BlockNumber block, ByteCount length, ShareTicket& out);

  /// Turns the token into a lease of `holder`.
  AdoptedLease adopt(LeaseHolder holder, const ShareTicket& ticket);

  /// Turns the token into nothing; the block goes home if that was its last reference.
  LeaseFault revoke(const ShareTicket& ticket);

  /// Ends one shared lease that `holder` has.
  void release(LeaseHolder holder, BlockNumber block);

  /// How many leases and tokens refer to a shared block; 0 when it is not shared.
  std::uint32_t references(BlockNumber block);

  /// Tokens that nobody has adopted or revoked.
  std::uint64_t outstanding();

  /// Whether every shared block is out of its slab and referred to, each token counts once, and no
  /// holder stands twice or with no lease. Takes as long as the table is.
  bool is_valid();

  /// For an environment that died, all under the lock: those of `transferred`, of which it has a
  /// lease, count as shared for ever; its shared leases end, dropped(block, is_last) for each block
  /// before a last one goes home; reclaim(is_shared) then sees to what it had leased privately.
  template <class Dropped, class Reclaim>
  void bury(LeaseHolder holder, const std::vector<BlockNumber>& transferred, Dropped dropped,
            Reclaim reclaim) {
    assert(holder != nullptr);
    LockGuard guard(lock_);
    assert(is_whole());
    for (const BlockNumber block : transferred) entries_[block].holders.push_back({nullptr, 1});
    for (auto at = entries_.begin(); at != entries_.end();) {
      const auto entry = at++;  // it may go
      const BlockNumber block = entry->first;
      if (!drop_holder(entry->second, holder)) continue;
      dropped(block, entry->second.is_unused());
      settle(block);
    }
    reclaim([this](BlockNumber block) NO_THREAD_SAFETY_ANALYSIS {  // called under the lock
      return entries_.count(block) != 0;
    });
    assert(is_whole());
  }

 private:
  struct Holder {
    LeaseHolder who;  // nullptr has what is transferred
    std::uint32_t count;
  };
  struct Entry {
    std::uint32_t tokens = 0;
    std::vector<Holder> holders;

    /// Otherwise somebody has it, or may get it.
    bool is_unused() const { return tokens == 0 && holders.empty(); }
  };
  struct Token {
    std::uint64_t nonce[2];
    BlockNumber block;
    ByteCount length;
  };

  bool draw_nonce(std::uint64_t (&nonce)[2]) REQUIRES(lock_);
  Token* find(const ShareTicket& ticket, LeaseFault& fault) REQUIRES(lock_);
  void settle(BlockNumber block) REQUIRES(lock_);
  bool is_whole() REQUIRES(lock_);
  /// All that `who` has of it. False when that is nothing.
  static bool drop_holder(Entry& entry, LeaseHolder who);

  Space& space_;
  Mutex lock_{LockRank::kLeases};
  std::unordered_map<BlockNumber, Entry> entries_ GUARDED_BY(lock_);
  std::unordered_map<std::uint64_t, Token> tokens_ GUARDED_BY(lock_);
  std::uint64_t next_id_ GUARDED_BY(lock_) = 1;
  std::uint64_t random_[32] GUARDED_BY(
      lock_);  // drawn in batches: a system call for each token is half its cost
  std::size_t random_left_ GUARDED_BY(lock_) = 0;
};

}  // namespace superslab
