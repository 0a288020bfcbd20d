#if defined(__linux__)

#include "os/numa_linux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>

#include "os/read_text.h"

namespace superslab {

namespace {

// From <linux/mempolicy.h>, which musl systems often lack.
constexpr int kPolicyPreferred = 1;
constexpr int kPolicyInterleave = 3;
constexpr unsigned long kMemsAllowed = 1ul << 2;

// The kernel takes one bit less than it is told of (mbind(2), "Bugs").
constexpr unsigned long kMaskBits = kMaxNodes + 1;

bool parse_number(const char** text, unsigned* number) {
  const char* p = *text;
  if (*p < '0' || *p > '9') return false;
  unsigned n = 0;
  for (; *p >= '0' && *p <= '9'; ++p) {
    n = n * 10 + static_cast<unsigned>(*p - '0');
    if (n >= kMaxNodes) return false;
  }
  *number = n;
  *text = p;
  return true;
}

}  // namespace

unsigned NodeSet::count() const {
  unsigned n = 0;
  for (unsigned long word : words_) n += static_cast<unsigned>(std::popcount(word));
  return n;
}

void NodeSet::intersect(const NodeSet& other) {
  for (unsigned i = 0; i < kWords; ++i) words_[i] &= other.words_[i];
}

int NodeSet::nth(unsigned ordinal) const {
  for (unsigned node = 0; node < kMaxNodes; ++node) {
    if (has(node) && ordinal-- == 0) return static_cast<int>(node);
  }
  return -1;
}

NodeOrdinal NodeSet::ordinal_of(unsigned node) const {
  if (node >= kMaxNodes || !has(node)) return kNoNode;
  unsigned below = 0;
  for (unsigned i = 0; i < node / kWordBits; ++i)
    below += static_cast<unsigned>(std::popcount(words_[i]));
  const unsigned long low = (1ul << (node % kWordBits)) - 1;
  return static_cast<NodeOrdinal>(
      below + static_cast<unsigned>(std::popcount(words_[node / kWordBits] & low)));
}

bool parse_node_list(const char* text, NodeSet* nodes) {
  NodeSet parsed;
  const char* p = text;
  const auto at_end = [&p] { return *p == '\0' || (*p == '\n' && p[1] == '\0'); };
  bool more = !at_end();
  while (more) {
    unsigned first = 0;
    if (!parse_number(&p, &first)) return false;
    unsigned last = first;
    if (*p == '-') {
      ++p;
      if (!parse_number(&p, &last) || last < first) return false;
    }
    for (unsigned node = first; node <= last; ++node) parsed.add(node);
    more = *p == ',';
    if (more) ++p;
  }
  if (!at_end()) return false;
  *nodes = parsed;
  return true;
}

NodeSet usable_nodes(const char* sys) {
  NodeSet nodes;
  char text[1024];
  // has_memory leaves out nodes of processors alone; "online" is what older kernels have.
  const bool known = (read_text(sys, "/devices/system/node/has_memory", text, sizeof text) &&
                      parse_node_list(text, &nodes) && nodes.count() > 0) ||
                     (read_text(sys, "/devices/system/node/online", text, sizeof text) &&
                      parse_node_list(text, &nodes) && nodes.count() > 0);
  if (known) {
    NodeSet allowed;
    // Containers' seccomp filters often refuse the call: then nothing is known to be forbidden.
    if (syscall(SYS_get_mempolicy, nullptr, allowed.words(), kMaskBits, nullptr, kMemsAllowed) ==
        0) {
      nodes.intersect(allowed);
    }
  }
  if (nodes.count() == 0) nodes.add(0);
  return nodes;
}

OsStatus bind_pages(void* address, ByteCount bytes, NodePlacement placement, const NodeSet& nodes) {
  int policy = kPolicyPreferred;
  NodeSet mask;
  const unsigned long* words = nullptr;  // "preferred" without a node means the toucher's own
  switch (placement.kind) {
    case NodePlacement::Kind::kLocal:
      break;
    case NodePlacement::Kind::kInterleave:
      policy = kPolicyInterleave;
      words = nodes.words();
      break;
    case NodePlacement::Kind::kNode: {
      const int node = nodes.nth(placement.node);
      if (node < 0) return OsStatus::kUnsupported;
      mask.add(static_cast<unsigned>(node));
      words = mask.words();
      break;
    }
  }
  const unsigned long bits = words == nullptr ? 0 : kMaskBits;
  if (syscall(SYS_mbind, address, bytes, policy, words, bits, 0) == 0) return OsStatus::kOk;
  // EFAULT: part of the range is not mapped. EINVAL: the node went away, or the cpuset changed.
  return errno == ENOMEM || errno == EFAULT ? OsStatus::kNoMemory : OsStatus::kUnsupported;
}

Nearness nearness_of_page(const void* address) {
  void* page = const_cast<void*>(address);
  int node = -1;
  unsigned own = 0;
  // The node, or a negative errno: -ENOENT for a page that is not in memory.
  if (syscall(SYS_move_pages, 0, 1ul, &page, nullptr, &node, 0) != 0 || node < 0 ||
      syscall(SYS_getcpu, nullptr, &own, nullptr) != 0) {
    return Nearness::kUnknown;
  }
  return static_cast<unsigned>(node) == own ? Nearness::kLocal : Nearness::kRemote;
}

int running_node() {
  unsigned node = 0;
  return syscall(SYS_getcpu, nullptr, &node, nullptr) == 0 ? static_cast<int>(node) : -1;
}

namespace {

/// The folder of a node in /sys, and a file of it.
struct NodePath {
  NodePath(unsigned node, const char* file) {
    snprintf(text, sizeof text, "/devices/system/node/node%u/%s", node, file);
  }
  char text[64];
};

[[gnu::noinline]] NodeSet online_nodes(const char* sys) {
  char text[1024];
  NodeSet nodes;
  if (read_text(sys, "/devices/system/node/online", text, sizeof text))
    static_cast<void>(parse_node_list(text, &nodes));
  return nodes;
}

/// The distances from a node: those to the nodes that are online, in rising order.
class Distances {
 public:
  Distances(const char* sys, unsigned from) : online_(online_nodes(sys)) {
    static_cast<void>(read_text(sys, NodePath(from, "distance").text, text_, sizeof text_));
  }
  /// 0 when it is not known.
  unsigned to(unsigned node) const {
    const NodeOrdinal place = online_.ordinal_of(node);
    if (place == kNoNode) return 0;
    const char* at = text_;
    unsigned long long distance = 0;
    for (unsigned i = 0; i <= place; ++i) {
      char* end = nullptr;
      distance = strtoull(at, &end, 10);
      if (end == at) return 0;
      at = end;
    }
    return static_cast<unsigned>(distance);
  }

 private:
  const NodeSet online_;
  char text_[1024];  // of two or three digits each: 256 nodes at least
};

/// Bytes that a line of a node's meminfo says, as "Node 0 MemFree:  1234 kB"; 0 when there is none.
ByteCount bytes_in(const char* text, const char* name) {
  const char* found = strstr(text, name);
  return found == nullptr ? 0 : strtoull(found + strlen(name), nullptr, 10) * kKiB;
}

}  // namespace

unsigned distance_between(const char* sys, unsigned from, unsigned to) {
  return Distances(sys, from).to(to);
}

NodeOrdinal nearest_node(const char* sys, unsigned from, const NodeSet& nodes) {
  const Distances distances(sys, from);
  NodeOrdinal nearest = 0;
  unsigned shortest = ~0u;
  for (NodeOrdinal i = 0; i < nodes.count(); ++i) {
    const unsigned distance = distances.to(static_cast<unsigned>(nodes.nth(i)));
    if (distance == 0 || distance >= shortest) continue;
    shortest = distance;
    nearest = i;
  }
  return nearest;
}

bool node_has_room(const char* sys, unsigned node, ByteCount bytes) {
  char text[512];  // both are in its first lines
  if (!read_text(sys, NodePath(node, "meminfo").text, text, sizeof text)) return true;
  // Below its watermarks, a hundredth of the memory or so, the kernel takes memory elsewhere.
  const ByteCount kept = bytes_in(text, "MemTotal:") / 64;
  return bytes_in(text, "MemFree:") >= bytes + kept;
}

}  // namespace superslab

#endif
