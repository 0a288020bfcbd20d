// Free objects between the threads' magazines and the slabs: what one thread has too many of and
// another will want. A stack, in nodes of the space's metadata, so that it is as large as what lies
// in it.
//
// Its objects are out of their slabs, and constructed where the pool constructs them. The child of
// a fork finds each object in one place at most: it leaves one before it comes to another.
#pragma once

#include <atomic>
#include <cstdint>

#include "space/space.h"

namespace superslab {

/// Under the pool's lock, but for count().
class Depot {
 public:
  explicit Depot(Space& space) : space_(space) {}
  /// Empty.
  ~Depot();
  Depot(const Depot&) = delete;
  Depot& operator=(const Depot&) = delete;

  /// Puts the first of `count` objects on top, as many as `limit` in all allow and there is memory
  /// for. Returns how many.
  std::size_t push(void* const* objects, std::size_t count, std::size_t limit);

  /// Takes up to `wanted` objects and returns how many. out[0] was put last.
  std::size_t pop(void** out, std::size_t wanted);

  /// Any thread, as far as another one can tell.
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }

  /// Fewest objects that were in it since the last call: more than were needed.
  std::size_t take_low_water() {
    const std::size_t low = low_water_;
    low_water_ = count();
    return low;
  }

  /// In the child of a fork, after a vanished thread was changing it.
  void survive_fork();

  /// Calls good(void*) for each object. False when one is not, or the count is wrong.
  template <class Good>
  bool all_are(Good good) const {
    std::size_t found = 0;
    for (const Node* node = top_; node != nullptr; node = node->next) {
      if (node->count > kNodeObjects) return false;
      for (std::uint32_t i = 0; i < node->count; ++i)
        if (!good(node->objects[i])) return false;
      found += node->count;
    }
    return found == count();
  }

 private:
  static constexpr std::uint32_t kNodeObjects = 126;
  struct Node {
    Node* next;
    std::uint32_t count;
    void* objects[kNodeObjects];
  };
  static_assert(sizeof(Node) == 1024);

  /// A node with room, on top; nullptr without memory.
  Node* node_with_room();
  /// The top node is empty.
  void take_off();

  Space& space_;
  Node* top_ = nullptr;
  Node* spare_ = nullptr;  // the last one that was empty: the next push may want it
  std::atomic<std::size_t> count_{0};
  std::size_t low_water_ = 0;
};

}  // namespace superslab
