// Memory on its way to the node whose threads use it most.
//
// A region is a superslab that is cut into slabs, or a block beyond 2 MiB with its span. Once an
// interval it is looked at who uses each: the owner of a slab, or who leased the block, by the node
// that its thread runs on; and whoever adopted a block of it since. Fast paths know nothing of
// that.
#pragma once

#include "heap/heap_core.h"

namespace superslab {

class Migrator {
 public:
  /// `heap` is what Superslab::heap says of its superslabs.
  Migrator(HeapCore& core, const void* heap) : core_(core), heap_(heap) {}
  Migrator(const Migrator&) = delete;
  Migrator& operator=(const Migrator&) = delete;

  /// Whether memory of the heap may move: there are several nodes, and the policy leaves the choice
  /// of a node to the heap. Any thread.
  bool is_wanted() const;

  /// Ends the interval if it is over, and moves what is due as far as the policy's bytes a second
  /// allow. Returns how long the caller may wait before the next call. One thread at a time, with
  /// no lock held.
  Nanos step(Nanos now);

  /// A thread on the calling thread's node uses memory of the superslab from now on, though it has
  /// no owner that says so. Any thread that keeps the superslab in its heap.
  static void note_use_here(const Os& os, Superslab& head) {
    if (os.node_count() == 1) return;
    const NodeOrdinal lies_on = head.lies_on.load(std::memory_order_relaxed);
    if (lies_on != kNoNode) head.uses.note(os.current_node(), lies_on);
  }

 private:
  /// Regions that are looked at together.
  static constexpr std::size_t kLook = 64;

  /// Calls visit(Superslab&) for each region of the heap from `from` on, until it returns false;
  /// where that was, or the end.
  template <class Visit>
  SuperslabIndex visit_from(SuperslabIndex from, Visit visit);
  bool is_ours(const Superslab& s) const;
  void end_interval();
  void look_at(Superslab* const* regions, std::size_t count);
  void count_uses(Superslab& s);
  void count_slab_uses(Superslab& s, NodeOrdinal lies_on);
  const void* some_page(const Superslab& s) const;

  struct Batch;
  ByteCount bytes_of(const Superslab& s) const;
  bool gather(Batch& batch);
  bool move_some();
  bool begin_move(Superslab& s, NodeOrdinal to);
  void finish_move(Superslab& s, NodeOrdinal to);
  void refill(Nanos now);

  HeapCore& core_;
  const void* const heap_;
  Nanos interval_ends_ = 0;
  std::uint32_t turn_ = 0;     // of intervals
  bool is_due_ = false;        // some region is to move
  SuperslabIndex at_ = 0;      // where the next batch begins
  SuperslabIndex moving_ = 0;  // the region of which a part has moved; 0: none
  ByteCount moved_ = 0;        // of that
  Nanos refilled_ = 0;
  std::int64_t allowance_ = 0;  // bytes that may move now; below 0 when the last batch was too long
};

}  // namespace superslab
