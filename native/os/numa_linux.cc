#if defined(__linux__)

#include "os/numa_linux.h"

#include <errno.h>
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

}  // namespace superslab

#endif
