#include "addon/end_ledger.h"

#include <algorithm>

#include "diagnostics/leak_sites.h"

namespace superslab {
namespace {

template <class Blocks>
void sort(Blocks& blocks) {
  std::sort(blocks.begin(), blocks.end());
}

bool has(const std::vector<BlockNumber>& sorted, BlockNumber block) {
  return std::binary_search(sorted.begin(), sorted.end(), block);
}

/// A count may be one off: a worker is terminated between a block's way and its count.
Reclaimed without(Reclaimed all, const Reclaimed& part) {
  all.blocks -= std::min(part.blocks, all.blocks);
  all.bytes -= std::min(part.bytes, all.bytes);
  return all;
}

bool comes_before(const EndNote& a, const EndNote& b) { return a.block < b.block; }

}  // namespace

BufferPool& EndLedger::pool_of(BlockNumber block) const {
  return BufferPool::of(space_.superslab(superslab_of(block)));
}

void EndLedger::add_awaited(BlockNumber block, bool is_parked) {
  awaited_.push_back(block);
  if (is_parked) awaited_parked_.push_back(block);
}

void EndLedger::settle() {
  sort(awaited_);
  sort(awaited_parked_);
  for (PoolAccount* account : accounts_)
    std::sort(account->at_end.begin(), account->at_end.end(), comes_before);
  std::vector<Reclaimed> unnoted(accounts_.size());
  for (const BlockNumber block : awaited_)
    pool_of(block).count_transferred(capacity_of(space_, block));
  leases_.bury(
      holder_, awaited_,
      [this](BlockNumber block, bool is_last) {
        shared_.push_back(block);
        // One leak, however many references the environment had to it.
        if (is_last) pool_of(block).count_leak(1, capacity_of(space_, block));
      },
      [&](auto is_shared) {
        for (std::size_t i = 0; i < accounts_.size(); ++i) {
          if (accounts_[i]->cache != nullptr) unnoted[i] = settle_private(*accounts_[i], is_shared);
        }
      });
  sort(shared_);
  // Without the lease table's lock: that of the sites comes first.
  for (std::size_t i = 0; i < accounts_.size(); ++i) note_leaks(*accounts_[i], unnoted[i]);
}

/// Returns the leaks of which there is no note.
template <class IsShared>
Reclaimed EndLedger::settle_private(PoolAccount& account, IsShared is_shared) {
  Reclaimed parked = account.cache->parked();
  const Reclaimed records = account.cache->leaked_records();
  Reclaimed noted;
  const Reclaimed gone_home = account.cache->reclaim([&](BlockNumber block, ByteCount bytes) {
    if (is_shared(block)) {
      // Transferred, and counted as parked until now.
      if (has(awaited_parked_, block)) parked = without(parked, {1, bytes});
      return false;
    }
    // Several of a chunk of records.
    auto note = std::lower_bound(account.at_end.begin(), account.at_end.end(), block,
                                 [](const EndNote& a, BlockNumber b) { return a.block < b; });
    for (; note != account.at_end.end() && note->block == block; ++note) {
      note->was_leased = true;
      noted += {1, note->bytes};
    }
    return true;
  });
  Reclaimed leaked = without(gone_home, parked);
  leaked += records;
  account.cache->pool().count_leak(leaked.blocks, leaked.bytes);
  return without(leaked, noted);
}

void EndLedger::note_leaks(PoolAccount& account, Reclaimed unnoted) {
  LeakSites& sites = LeakSites::of_process();
  for (const EndNote& note : account.at_end) {
    // One that was released after it was noted is none.
    if (!note.was_leased && !has(shared_, note.block) && !has(awaited_, note.block)) continue;
    sites.note({account.heap, LeakReason::kThreadEnded, note.tag, note.stack},
               {account.watched_name, 1, 1, note.bytes, note.size, note.age_ms});
  }
  account.at_end.clear();
  if (account.watched_name.empty() || unnoted.blocks == 0) return;
  sites.note({account.heap, LeakReason::kThreadEnded, "", ""},
             {account.watched_name, unnoted.blocks, static_cast<double>(unnoted.blocks),
              unnoted.bytes, 0, 0});
}

}  // namespace superslab
