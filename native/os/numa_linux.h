// NUMA by system call: libnuma is not always there and its policy calls are thin wrappers.
// Sources: set_mempolicy(2), mbind(2), Documentation/admin-guide/mm/numa_memory_policy.rst.
#pragma once

#if defined(__linux__)

#include "base/types.h"
#include "os/os.h"

namespace superslab {

/// A set of the kernel's node ids, laid out as mbind(2) takes it.
class NodeSet {
 public:
  static constexpr unsigned kWordBits = sizeof(unsigned long) * 8;
  static constexpr unsigned kWords = kMaxNodes / kWordBits;

  void add(unsigned node) { words_[node / kWordBits] |= 1ul << (node % kWordBits); }
  bool has(unsigned node) const {
    return (words_[node / kWordBits] >> (node % kWordBits) & 1) != 0;
  }
  unsigned count() const;
  void intersect(const NodeSet& other);

  /// The node id with `ordinal` smaller ones in the set, or -1.
  int nth(unsigned ordinal) const;
  /// The reverse: how many smaller ones are in the set, or kNoNode for one that is not in it.
  NodeOrdinal ordinal_of(unsigned node) const;

  const unsigned long* words() const { return words_; }
  unsigned long* words() { return words_; }

 private:
  unsigned long words_[kWords] = {};
};

/// Parses the kernel's list format: "0", "0-3", "0,2-5\n"; an empty list is an empty set.
/// False when the text is anything else or names a node >= kMaxNodes.
bool parse_node_list(const char* text, NodeSet* nodes);

/// Nodes with memory according to /sys (`sys` is its mount point), less those that this process's
/// cpuset forbids. {0} where the kernel tells nothing.
NodeSet usable_nodes(const char* sys);

/// mbind(2) for a placement among `nodes`, whatever their number. Uses "preferred" rather than
/// "bind", whose pages are never had from elsewhere: touching a full node would kill the process.
OsStatus bind_pages(void* address, ByteCount bytes, NodePlacement placement, const NodeSet& nodes);

/// Compares the node of the page at `address` with that of the processor that the calling thread
/// runs on. Asks move_pages(2), which only looks: get_mempolicy(2) would bring the page in.
Nearness nearness_of_page(const void* address);

/// The kernel's number of the node that the calling thread runs on; -1 when it does not tell.
int running_node();

/// The distance from node `from` to node `to`, both the kernel's numbers; 0 when /sys does not
/// tell.
unsigned distance_between(const char* sys, unsigned from, unsigned to);

/// The one of `nodes` that is nearest to `from`, the kernel's number of any node: the first of
/// those that are equally near. 0 when /sys does not tell.
NodeOrdinal nearest_node(const char* sys, unsigned from, const NodeSet& nodes);

/// Whether node `node` has `bytes` free beside what the kernel keeps for itself; true when /sys
/// does not tell.
bool node_has_room(const char* sys, unsigned node, ByteCount bytes);

}  // namespace superslab

#endif
