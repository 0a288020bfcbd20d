// The big cache: free blocks beyond 2 MiB, kept for the next request of about their size. Bounded
// in bytes and in age. The caller holds the heap's lock.
#pragma once

#include "base/types.h"
#include "heap/superslab_list.h"

namespace superslab {

class BigCache {
 public:
  explicit BigCache(ByteCount max_bytes) : max_bytes_(max_bytes) {}

  /// From now on; see within_limit().
  void set_max_bytes(ByteCount max_bytes) { max_bytes_ = max_bytes; }

  /// The smallest block of `bytes` to `longest` that serves the threads of `node`, taken out;
  /// nullptr when there is none. Where a heap is not divided by nodes, all serve node 0.
  Superslab* take(ByteCount bytes, ByteCount longest, NodeOrdinal node = 0) {
    Superslab* best = nullptr;
    for (Superslab* s = blocks_.first(); s != nullptr; s = s->next) {
      if (s->huge_bytes < bytes || s->huge_bytes > longest) continue;
      if (s->home_node.load(std::memory_order_relaxed) != node) continue;
      if (best == nullptr || s->huge_bytes < best->huge_bytes) best = s;
    }
    if (best != nullptr) remove(best);
    return best;
  }

  void put(Superslab* s, Nanos now) {
    s->idle_since = now;
    blocks_.push(s);
    bytes_ += s->huge_bytes;
  }

  /// False: the owner must pop blocks until it is true again.
  bool within_limit() const { return bytes_ <= max_bytes_; }

  /// The one that was put first, taken out, if it was put at `before` or earlier.
  Superslab* pop_oldest(Nanos before) {
    Superslab* oldest = nullptr;
    for (Superslab* s = blocks_.first(); s != nullptr; s = s->next) {
      if (s->idle_since <= before && (oldest == nullptr || s->idle_since <= oldest->idle_since))
        oldest = s;
    }
    if (oldest != nullptr) remove(oldest);
    return oldest;
  }

  ByteCount bytes() const { return bytes_; }

  /// Whether it holds what it says, all of it free. For assertions.
  bool is_valid() const {
    ByteCount sum = 0;
    for (const Superslab* s = blocks_.first(); s != nullptr; s = s->next) {
      if (s->charged_bytes != 0 || s->lessee != nullptr) return false;
      sum += s->huge_bytes;
    }
    return blocks_.is_valid() && sum == bytes_;
  }

 private:
  void remove(Superslab* s) {
    blocks_.remove(s);
    bytes_ -= s->huge_bytes;
  }

  ByteCount max_bytes_;
  ByteCount bytes_ = 0;
  SuperslabList blocks_;
};

}  // namespace superslab
