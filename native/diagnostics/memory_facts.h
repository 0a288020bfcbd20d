// What the kernel says of the memory of a space: how much is there, in huge pages, swapped out, and
// on which node. See Os::visit_mappings() for what it costs: not on a thread that somebody waits
// for.
#pragma once

#include "base/types.h"
#include "os/os.h"
#include "space/space.h"

namespace superslab {

struct MemoryFacts {
  ByteCount rss_bytes = 0;
  ByteCount huge_page_bytes = 0;
  ByteCount swapped_bytes = 0;
  ByteCount node_bytes[kMaxNodes] = {};  // by the kernel's number; all 0 where it does not tell
};

/// kOk, or why there are none: then `out` has a part of them at most. A mapping that the kernel
/// joined with a neighbour of the space counts as a whole.
OsStatus read_memory_facts(const Space& space, MemoryFacts& out);

}  // namespace superslab
