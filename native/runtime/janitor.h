// Gives memory back while nobody allocates.
//
// Purging rides on allocations as long as there are some. A process that frees and then sleeps
// makes none, so a thread of ours comes for as long as there is something to give back, and ends.
#pragma once

#include <atomic>

#include "base/types.h"

namespace superslab {

class ProcessHeap;

class Janitor {
 public:
  explicit Janitor(ProcessHeap& heap) : heap_(heap) {}

  /// There may be something to give back: starts the thread unless it runs. Any thread, with no
  /// lock held; errno stays.
  void call() {
    if (!is_running_.load(std::memory_order_relaxed)) start();
  }

  /// In the child of a fork the thread is gone.
  void forget_thread() { is_running_.store(false, std::memory_order_relaxed); }

 private:
  static void* run(void* self);
  void start();

  ProcessHeap& heap_;
  std::atomic<bool> is_running_{false};
};

}  // namespace superslab
