// Pages on their way from node to node, by move_pages(2).
#pragma once

#if defined(__linux__)

#include "os/numa_linux.h"
#include "os/os.h"

namespace superslab {

/// move_pages(2) on this process, of the pages of this process alone: to the node that `to` has for
/// each; without `to` it only looks. `status` then has the node of each page, or a negative errno.
/// False when the kernel refuses.
bool call_move_pages(void** pages, std::size_t count, const int* to, int* status);

/// The ordinals among `nodes` of the nodes that `count` pages lie on; kNoNode for those that are
/// not in memory, lie elsewhere, or when the kernel does not tell.
void nodes_of_pages(const void* const* pages, std::size_t count, const NodeSet& nodes,
                    NodeOrdinal* out);

/// Os::move_pages() for pages of `page_bytes`, to the node with the kernel's number `to`.
PageMoves move_ranges(const OsRange* ranges, std::size_t count, ByteCount page_bytes, unsigned to);

}  // namespace superslab

#endif
