// Which node serves a thread.
#pragma once

#include "os/os.h"

namespace superslab {

/// `from`, or the nearest node that has `bytes` of memory, the first of several that are equally
/// near; `from` itself when none has: the kernel then decides. Costs a file or more.
inline NodeOrdinal nearest_with_room(const Os& os, NodeOrdinal from, ByteCount bytes) {
  if (os.has_room(from, bytes)) return from;
  NodeOrdinal nearest = from;
  unsigned shortest = ~0u;
  const auto count = static_cast<NodeOrdinal>(os.node_count());
  for (NodeOrdinal node = 0; node < count; ++node) {
    if (node == from || !os.has_room(node, bytes)) continue;
    const unsigned distance = os.node_distance(from, node);
    if (distance >= shortest) continue;
    shortest = distance;
    nearest = node;
  }
  return nearest;
}

}  // namespace superslab
