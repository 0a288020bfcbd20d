// The heap of a replay: a real one, with a thread cache for each thread of the trace, on ReplayOs
// and a clock that the replay moves. It does what malloc does (malloc/allocate.cc), from one
// thread: so what it counts is what malloc's heap counts for the same events.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "heap/heap.h"
#include "heap/thread_cache.h"
#include "replay/replay_os.h"

namespace superslab {

class ReplayClock final : public Clock {
 public:
  Nanos now() const override { return now_; }
  void set(Nanos now) { now_ = now; }

 private:
  // Later than any delay: at zero nothing could be old.
  static constexpr Nanos kStart = Nanos{1} << 50;
  Nanos now_ = kStart;

 public:
  static constexpr Nanos start() { return kStart; }
};

class ReplayHeap {
 public:
  explicit ReplayHeap(const Policy& policy);
  ~ReplayHeap();
  ReplayHeap(const ReplayHeap&) = delete;
  ReplayHeap& operator=(const ReplayHeap&) = delete;

  bool is_open() const { return is_open_; }

  /// Where the time stands since the replay began. Never goes back.
  void set_time(Nanos at) { clock_.set(ReplayClock::start() + at); }

  /// The block of `thread`; nullptr where this machine has no addresses for it.
  void* allocate(std::uint32_t thread, ByteCount bytes);
  void free(std::uint32_t thread, void* block);
  void end_thread(std::uint32_t thread);

  /// See Heap::publish().
  [[nodiscard]] bool publish(const HeapSnapshot& next) { return heap_->publish(next); }

  Heap& heap() { return *heap_; }
  const ReplayOs& os() const { return os_; }

 private:
  ThreadCache* cache_of(std::uint32_t thread);
  void* allocate_huge(ThreadCache& cache, ByteCount bytes);
  void take_turn(ThreadCache& cache);
  void tick();
  void give_back_excess();

  ReplayOs os_;
  ReplayClock clock_;
  Space space_;
  bool is_open_;
  std::unique_ptr<Heap> heap_;
  std::vector<ThreadCache*> caches_;
  ThreadCache* running_ = nullptr;  // the cache of the thread whose event is replayed
  Nanos next_tick_ = 0;
};

}  // namespace superslab
