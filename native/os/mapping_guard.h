// What becomes of a touched page that its file cannot fill: the file was cut by somebody, or the
// disk failed. The kernel sends SIGBUS; for a guarded range, a page of zeros is put there, the
// range is marked lost, and the instruction goes on. Faults elsewhere go to the handler that was
// there before, as if there were no guard.
#pragma once

#include <atomic>

#include "base/types.h"

namespace superslab {

/// A range whose SIGBUS is answered. Lives until it is unguarded.
struct GuardedMapping {
  std::atomic<std::uintptr_t> from{0};  // 0: nothing
  std::atomic<std::uintptr_t> to{0};
  /// Bytes from `from` of the first page that was lost, plus 1; 0: none. Set by the handler.
  std::atomic<std::uint64_t> lost{0};

  bool is_lost() const { return lost.load(std::memory_order_relaxed) != 0; }
};

/// Guards a mapping from now on, any thread; nullptr when kMaxGuardedMappings are guarded.
GuardedMapping* guard_mapping(void* address, ByteCount bytes);
/// Before the range is unmapped. The struct means nothing from then on.
void unguard_mapping(GuardedMapping* mapping);

constexpr std::size_t kMaxGuardedMappings = 1024;

}  // namespace superslab
