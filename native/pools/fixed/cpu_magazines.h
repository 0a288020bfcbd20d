// A magazine for each processor instead of one for each thread: for programs with many more threads
// than processors, in which most of what threads cache would lie idle. Needs restartable sequences
// (os/restartable.h).
//
// What lies in a processor's magazine can be had by a thread that runs there, and by nobody else.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "space/space.h"

namespace superslab {

class CpuMagazines {
 public:
  /// Threads on processors beyond have no magazine.
  static constexpr std::uint32_t kMaxCpus = 256;
  static constexpr std::uint32_t kMaxObjects = 64;

  /// nullptr without memory, or where the system has no restartable sequences. `limit`: most
  /// objects of a processor, at most kMaxObjects.
  static CpuMagazines* make(Space& space, std::uint32_t limit);

  /// Empty.
  void end(Space& space);

  /// nullptr where there is none. Any thread.
  void* pop();
  /// False where there is no room. Any thread.
  bool push(void* object);

  /// In all of them, as far as another thread can tell.
  std::size_t count() const;

  // While nobody else uses them -----------------------------------------------------------------

  /// Takes up to `wanted` objects of any processor.
  std::size_t take(void** out, std::size_t wanted);

  bool are_deep_enough() const;
  /// Whether good(void*) holds of each.
  template <class Good>
  bool all_are(Good good) const {
    for (const PerCpu& cpu : cpus_)
      for (std::uint64_t i = 0; i < cpu.count; ++i)
        if (!good(cpu.objects[i])) return false;
    return true;
  }

 private:
  friend class Metadata;
  struct alignas(kCacheLinePair) PerCpu {
    std::uint64_t count;
    void* objects[kMaxObjects];
  };
  CpuMagazines(std::ptrdiff_t area_offset, std::uint32_t limit);
  ~CpuMagazines() = default;

  PerCpu cpus_[kMaxCpus];  // not touched before their processor's first object
  const std::ptrdiff_t area_offset_;
  const std::uint64_t limit_;
};

}  // namespace superslab
