// What the kernel says of the memory of a space: how much is there, in huge pages, swapped out, and
// on which node. From /proc/self/smaps and numa_maps, whose reading walks the page tables of the
// whole process: milliseconds for a large one. Not on a thread that somebody waits for.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"
#include "space/space.h"

namespace superslab {

struct NodeBytes {
  unsigned node;  // the kernel's number
  ByteCount bytes;
};

struct MemoryFacts {
  ByteCount rss_bytes = 0;  // explicit huge pages too, which the kernel leaves out of its own count
  ByteCount huge_bytes = 0;
  ByteCount swapped_bytes = 0;
  std::vector<NodeBytes> nodes;  // by number; empty where the kernel does not tell
};

/// False where there is no smaps to read. `root` goes before /proc.
bool read_memory_facts(const Space& space, MemoryFacts& out, const char* root = "");

}  // namespace superslab
