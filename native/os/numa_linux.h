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

}  // namespace superslab

#endif
