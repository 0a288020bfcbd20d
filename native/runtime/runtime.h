// What one process has one of: the address space, the policy from the environment, the default
// heap, the lease table. Built at the first use, never destroyed: memory that a view of any thread
// may reach must outlive everything.
#pragma once

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/lock.h"
#include "heap/heap.h"
#include "heap/lease_table.h"
#include "os/limits.h"
#include "policy/policy_error.h"
#include "policy/snapshot.h"
#include "runtime/heap_figures.h"
#include "space/space.h"

namespace superslab {

class Runtime {
 public:
  /// The process's runtime; nullptr without address space for its tables. Any thread.
  static Runtime* get();

  /// What is wrong with the SUPERSLAB_* variables, as they were at the first get(); kNone when
  /// nothing is.
  const PolicyError& environment_error() const { return environment_error_; }

  /// Policy from the environment, which options then refine.
  const Snapshot& policy() const { return policy_; }

  Heap& default_heap() { return default_heap_; }

  /// A heap of its own for a pool of that name; nullptr without memory.
  Heap* make_heap(const Snapshot& policy, std::string_view name);

  /// The pool of `heap` was closed: nothing is taken from it any more.
  void note_closed(const Heap* heap);

  HeapId id_of(const Heap& heap);

  /// The figures of every heap, the default one first and then by age. Any thread.
  std::vector<HeapFigures> all_figures();

  /// Calls visit(Heap&, HeapId) for each heap. Heaps neither come nor go meanwhile, so let it be
  /// short. Any thread.
  template <class Visit>
  void for_each_heap(Visit visit) {
    LockGuard guard(lock_);
    for (const Entry& entry : heaps_) visit(*entry.heap, entry.id);
  }

  /// Its creator is done with it. The heap ends when the last of its blocks is home.
  void retire_heap(Heap* heap);

  /// Ends retired heaps that have become empty. True while some are left.
  bool sweep();

  Space& space() { return space_; }

  /// Whether the process's malloc is ours too, and its core serves both.
  bool shares_core() const { return &space_ != &own_space_; }
  LeaseTable& leases() { return leases_; }

 private:
  Runtime();

  Space own_space_;
  Space& space_;  // its own, or that of libsuperslab.so
  bool usable_;
  SystemClock clock_;
  PolicyError environment_error_{};
  OsLimits limits_;
  Snapshot policy_;
  Heap default_heap_;
  LeaseTable leases_;
  struct Entry {
    Heap* heap;
    HeapId id;
    bool closed;
    char name[HeapFigures::kNameBytes];
  };
  void add_entry(Heap* heap, std::string_view name);

  Mutex lock_{LockRank::kRegistry};
  std::vector<Entry> heaps_;  // from oldest to youngest
  HeapId next_id_ = 0;
  std::vector<Heap*> retired_;
};

}  // namespace superslab
