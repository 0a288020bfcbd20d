#include "shim/report.h"

#include <cstdio>

#include "capi/stats_text.h"
#include "malloc/fatal.h"
#include "malloc/foreign.h"
#include "malloc/process_heap.h"
#include "malloc/program_pressure.h"

namespace superslab {
namespace {

/// A process that starts with a SUPERSLAB_* variable that is wrong goes on with the default, and
/// somebody should know.
void tell_of_wrong_environment() {
  const ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr || heap->environment_error().kind == PolicyErrorKind::kNone) return;
  char text[sizeof(PolicyError::message) + 64];
  std::snprintf(text, sizeof text, "superslab: %s\n", heap->environment_error().message);
  write_error(text);
}

/// SUPERSLAB_MALLOC_PRESSURE. Where there is no thread for it, malloc does without.
void watch_pressure() {
  const ProcessHeap* heap = ProcessHeap::get();
  if (heap != nullptr && heap->policy().malloc_pressure)
    static_cast<void>(ProgramPressure::begin());
}

/// While the program has one thread and none of its locks: what takes locks of the C library's is
/// done here, so that no call of malloc or free has to.
[[gnu::constructor]] void start() {
  tell_of_wrong_environment();
  find_next_allocator();
  watch_pressure();
}

/// SUPERSLAB_STATS. After the program's own handlers, which may still use memory.
[[gnu::destructor]] void report_at_exit() {
  const ProcessHeap* heap = ProcessHeap::get();
  if (heap != nullptr && heap->policy().stats) write_report();
}

}  // namespace

void write_report() {
  // Piece by piece: a thread's stack may be a few pages.
  char piece[512];
  write_error("superslab: ");
  {
    JsonText json(piece, sizeof piece, write_error);
    write_stats(json);
  }
  write_error("\n");
}

}  // namespace superslab
