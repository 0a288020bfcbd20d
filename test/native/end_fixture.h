// The end of an environment that has one pool.
#pragma once

#include "addon/end_ledger.h"
#include "heap_fixture.h"

namespace superslab_test {

/// For BufferThreadCache::reclaim().
constexpr auto kAllGoHome = [](superslab::BlockNumber, superslab::ByteCount) { return true; };

/// Settles what the environment had, as the addon does; `script` is its holder. Those of `parked`
/// are awaited too.
inline void end_environment(superslab::LeaseTable& table, Script& script,
                            const superslab::Space& space,
                            const std::vector<superslab::BlockNumber>& awaited = {},
                            const std::vector<superslab::BlockNumber>& parked = {}) {
  superslab::EndLedger ledger(space, table, &script);
  superslab::PoolAccount account{&script.cache(), 0};
  for (const superslab::BlockNumber block : awaited) ledger.add_awaited(block, false);
  for (const superslab::BlockNumber block : parked) ledger.add_awaited(block, true);
  ledger.add_pool(account);
  ledger.settle();
}

}  // namespace superslab_test
