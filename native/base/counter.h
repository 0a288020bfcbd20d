// A number that one thread writes and any thread may read.
#pragma once

#include <atomic>
#include <cstdint>

namespace superslab {

/// A plain increment on every current machine: a relaxed load and store, no locked instruction.
/// For several writers use shared_add().
class Counter {
 public:
  void add(std::uint64_t n) { value_.store(get() + n, std::memory_order_relaxed); }
  void shared_add(std::uint64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  void shared_sub(std::uint64_t n) { value_.fetch_sub(n, std::memory_order_relaxed); }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// The same for a level that goes up and down.
class Level {
 public:
  void set(std::uint32_t n) { value_.store(n, std::memory_order_relaxed); }
  std::uint32_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> value_{0};
};

}  // namespace superslab
