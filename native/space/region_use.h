// Who uses the memory of a superslab, by node: in constant memory, however many nodes there are.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "os/os.h"

namespace superslab {

/// Of uses by threads on several nodes, the node that has most of them, if it has more than all
/// others together (Boyer and Moore, "MJRTY", 1981). `lead`: by how many at least.
struct MajorityVote {
  std::uint32_t lead = 0;
  NodeOrdinal candidate = kNoNode;

  constexpr void add(NodeOrdinal node, std::uint32_t votes) {
    if (node == candidate || lead == 0) {
      candidate = node;
      lead += votes;
    } else if (votes <= lead) {
      lead -= votes;
    } else {
      candidate = node;
      lead = votes - lead;
    }
  }
};

/// Uses in one interval.
struct RegionUse {
  std::uint32_t local = 0;   // by threads on the node that the memory lies on
  std::uint32_t remote = 0;  // by others,
  MajorityVote vote;         // and by which of them most

  constexpr std::uint32_t total() const { return local + remote; }
  constexpr void add_remote(NodeOrdinal node, std::uint32_t uses) {
    remote += uses;
    vote.add(node, uses);
  }
};

/// The same as threads count it, each of its own uses. Stops at 65,535 of a kind.
class RegionUseCounter {
 public:
  /// Any thread. `weight`: how many uses.
  void note(NodeOrdinal user, NodeOrdinal lies_on, std::uint32_t weight = 1) {
    std::uint64_t before = word_.load(std::memory_order_relaxed);
    std::uint64_t after;
    do {
      RegionUse use = unpack(before);
      if (user == lies_on) {
        use.local += weight;
      } else {
        use.add_remote(user, weight);
      }
      after = pack(use);
    } while (!word_.compare_exchange_weak(before, after, std::memory_order_relaxed));
  }

  /// What was counted since the last call.
  RegionUse take() { return unpack(word_.exchange(0, std::memory_order_relaxed)); }

 private:
  static constexpr std::uint32_t kMost = 0xffff;

  static RegionUse unpack(std::uint64_t word) {
    const auto part = [word](unsigned i) { return static_cast<std::uint32_t>(word >> i & kMost); };
    return {part(0), part(16), {part(48), static_cast<NodeOrdinal>(part(32))}};
  }
  static std::uint64_t pack(const RegionUse& use) {
    const auto part = [](std::uint32_t n, unsigned i) {
      return std::uint64_t{std::min(n, kMost)} << i;
    };
    return part(use.local, 0) | part(use.remote, 16) | part(use.vote.candidate, 32) |
           part(use.vote.lead, 48);
  }

  std::atomic<std::uint64_t> word_{0};
};

/// What is remembered of a region from one interval to the next.
struct RegionHistory {
  std::uint32_t local = 0;     // uses in the intervals below
  MajorityVote vote;           // of the others
  std::uint8_t intervals = 0;  // in a row in which too much of the use was remote
};

}  // namespace superslab
