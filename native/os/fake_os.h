// For tests: a real Os whose calls are counted, checked against the contract, and made to fail.
// Memory is real, so what runs on it runs as it would. Thread-safe. Uses the standard library's
// containers freely, and so never serves as the Os of a process whose malloc is ours.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "os/fake_range_set.h"
#include "os/os.h"

namespace superslab {

class FakeOs final : public Os {
 public:
  enum class Call : std::uint8_t {
    kReserve,
    kReserveAt,
    kUnreserve,
    kCommit,
    kPurge,
    kPopulate,
    kPlace,
    kProtect,
    kUnprotect,
    kVisitMappings,
    kMovePages,
  };
  static constexpr std::size_t kCalls = 11;

  /// Bytes of the mapping that starts at `from`.
  struct NodeShare {
    std::uintptr_t from;
    unsigned node;
    ByteCount bytes;
  };

  enum class Lasts : std::uint8_t { kOnce, kFromThenOn };

  /// Sums since the start; what a call that failed asked for is not in them.
  struct Totals {
    ByteCount reserved = 0;
    ByteCount unreserved = 0;
    ByteCount committed = 0;
    ByteCount purged = 0;
    ByteCount populated = 0;
    ByteCount placed = 0;
  };

  /// The ways to break the contract that are counted, and then not done.
  struct Misuse {
    unsigned misaligned = 0;         // not a multiple of page_bytes(), or of the huge page
    unsigned outside_reserved = 0;   // commit, unreserve or unprotect of what was not reserved
    unsigned committed_twice = 0;    // commit of what was committed
    unsigned outside_committed = 0;  // purge, populate, place, move or protect of what was not
                                     // committed
    unsigned no_such_node = 0;       // place on a node >= node_count(), or move there
    unsigned oversized_batch = 0;    // more than kMoveBatchPages moved by one call
    unsigned total() const {
      return misaligned + outside_reserved + committed_twice + outside_committed + no_such_node +
             oversized_batch;
    }
  };

  explicit FakeOs(Os& real);

  /// Makes the nth call from now (1 is the next) fail with `status`; a failing reserve returns
  /// nullptr. The call does nothing else. Unreserve cannot fail and is not counted here. Replaces
  /// what an earlier fail_nth set for the same kind of call, or for any.
  void fail_nth(std::uint64_t n, OsStatus status, Lasts lasts = Lasts::kOnce);
  void fail_nth(Call call, std::uint64_t n, OsStatus status, Lasts lasts = Lasts::kOnce);
  /// No call fails any more.
  void fail_none();

  /// Simulated NUMA nodes, at least 1; the real machine's policy is then left alone. 1 at first.
  void set_nodes(unsigned count);
  /// Where the calling thread runs from now on; every other thread runs on node 0 at first.
  void run_on(NodeOrdinal node);
  /// How far it is from `from` to `to`, and back; 20 at first.
  void set_distance(NodeOrdinal from, NodeOrdinal to, unsigned distance);
  /// Memory that a node has left; without limit at first. What is moved there takes from it.
  void set_room(NodeOrdinal node, ByteCount bytes);
  /// Pages of this range that move_pages() finds in use from now on, so that they stay.
  void keep_busy(const void* address, ByteCount bytes, bool busy = true);
  /// Where the page lies: where it was placed or moved to, or node 0. Whether it is in memory the
  /// real system says.
  NodeOrdinal node_of(const void* address) const;
  /// What every page is from now on.
  void set_nearness(Nearness nearness) { nearness_.store(nearness); }
  /// Explicit huge pages that commit may use up, by size; none at first. The memory behind them is
  /// ordinary. unreserve returns them.
  void set_huge_pages(HugePages size, std::uint64_t count);
  /// What every protect() refuses of what it is asked for, as RLIMIT_MEMLOCK does; nothing at
  /// first.
  void refuse(Secrecy what);
  /// What visit_mappings() shows; nothing at first. One that is made to fail shows the first
  /// mapping alone.
  void set_mappings(std::vector<MappingFacts> mappings, std::vector<NodeShare> shares = {});
  /// A larger base page; a multiple of the real one. Set before anything is reserved.
  void set_page_bytes(ByteCount bytes);

  /// Calls so far, failed ones included.
  std::uint64_t calls(Call call) const;
  std::uint64_t calls() const;
  std::uint64_t failed_calls() const;
  Totals totals() const;
  Misuse misuse() const;
  ByteCount reserved_bytes() const;   // now
  ByteCount committed_bytes() const;  // now
  /// Committed bytes that were purged and not populated since: an upper bound of what came back,
  /// for a later touch is not seen.
  ByteCount purged_bytes() const;
  /// Bytes of the range that are protected by `one`.
  ByteCount protected_bytes(const void* address, ByteCount bytes, Secrecy one) const;
  ByteCount protected_bytes(Secrecy one) const;
  std::uint64_t free_huge_pages(HugePages size) const;
  NodePlacement last_node_placement() const;
  HugePages last_commit_pages() const;

  ByteCount page_bytes() const override;
  void* reserve(ByteCount bytes, ByteCount alignment) override;
  OsStatus reserve_at(void* address, ByteCount bytes) override;
  OsRange quiet_addresses() const override { return real_.quiet_addresses(); }
  void unreserve(void* address, ByteCount bytes) override;
  OsStatus commit(void* address, ByteCount bytes, HugePages pages) override;
  OsStatus purge(const OsRange* ranges, std::size_t count) override;
  OsStatus populate(void* address, ByteCount bytes) override;
  OsStatus place(void* address, ByteCount bytes, NodePlacement placement) override;
  Secrecy protect(void* address, ByteCount bytes, Secrecy what) override;
  Secrecy unprotect(void* address, ByteCount bytes, Secrecy what) override;
  unsigned node_count() const override;
  bool is_resident(const void* address) const override { return real_.is_resident(address); }
  bool is_mapped(const void* address) const override { return real_.is_mapped(address); }
  NodeOrdinal current_node() const override;
  unsigned node_distance(NodeOrdinal from, NodeOrdinal to) const override;
  bool has_room(NodeOrdinal node, ByteCount bytes) const override;
  void nodes_of(const void* const* pages, std::size_t count, NodeOrdinal* nodes) const override;
  PageMoves move_pages(const OsRange* ranges, std::size_t count, NodeOrdinal node) override;
  Nearness nearness(const void*) const override { return nearness_.load(); }
  FaultCounts fault_counts() const override { return real_.fault_counts(); }
  OsStatus visit_mappings(MappingVisitor& visitor) const override;

 private:
  struct Plan {
    std::uint64_t in = 0;  // calls until it fails; 0: none planned
    OsStatus status = OsStatus::kOk;
    Lasts lasts = Lasts::kOnce;

    OsStatus next();
  };
  struct HugePool {
    std::uint64_t free = 0;
    FakeRangeSet used;
  };
  using Guard = std::lock_guard<std::mutex>;

  /// Of one node.
  struct Node {
    std::map<NodeOrdinal, unsigned> distances;
    ByteCount room = ~ByteCount{0};
    FakeRangeSet pages;  // of nodes but the first: what lies there when it is in memory
  };

  OsStatus begin(Call call) const;
  NodeOrdinal where(std::uintptr_t page) const;
  void put_on(NodeOrdinal node, std::uintptr_t first, ByteCount bytes);
  bool aligned(const void* address, ByteCount bytes, ByteCount unit);
  bool usable(const void* address, ByteCount bytes);
  HugePool& pool(HugePages size) { return pools_[size == HugePages::k1GiB ? 1 : 0]; }
  const HugePool& pool(HugePages size) const { return pools_[size == HugePages::k1GiB ? 1 : 0]; }

  Os& real_;
  mutable std::mutex mutex_;
  ByteCount page_bytes_;
  std::vector<Node> nodes_{1};
  std::map<std::thread::id, NodeOrdinal> running_;
  FakeRangeSet busy_;
  std::atomic<Nearness> nearness_{Nearness::kUnknown};
  mutable std::array<std::uint64_t, kCalls> calls_{};
  mutable std::uint64_t failed_calls_ = 0;
  mutable std::array<Plan, kCalls> plans_{};
  mutable Plan any_plan_;
  Totals totals_;
  Misuse misuse_;
  FakeRangeSet reserved_;
  FakeRangeSet committed_;
  FakeRangeSet purged_;
  std::array<HugePool, 2> pools_;
  std::array<FakeRangeSet, std::size(kEverySecrecy)> protected_;
  Secrecy refused_ = Secrecy::kNone;
  NodePlacement last_node_placement_;
  HugePages last_commit_pages_ = HugePages::kOff;
  std::vector<MappingFacts> mappings_;
  std::vector<NodeShare> shares_;
};

}  // namespace superslab
