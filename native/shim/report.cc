#include "shim/report.h"

#include <cstdio>

#include "include/superslab.h"
#include "malloc/fatal.h"
#include "runtime/process_heap.h"

namespace superslab {
namespace {

/// A process that starts with a SUPERSLAB_* variable that is wrong goes on with the default, and
/// somebody should know.
[[gnu::constructor]] void tell_of_wrong_environment() {
  const ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr || heap->environment_error().kind == PolicyErrorKind::kNone) return;
  char text[sizeof(PolicyError::message) + 64];
  std::snprintf(text, sizeof text, "superslab: %s\n", heap->environment_error().message);
  write_error(text);
}

/// SUPERSLAB_STATS. After the program's own handlers, which may still use memory.
[[gnu::destructor]] void report_at_exit() {
  const ProcessHeap* heap = ProcessHeap::get();
  if (heap != nullptr && heap->policy().stats) write_report();
}

}  // namespace

void write_report() {
  // Sixty-four classes of at most 450 characters, and the heap's own numbers.
  char text[32 * kKiB];
  ss_stats_json(text, sizeof text);
  write_error("superslab: ");
  write_error(text);
  write_error("\n");
}

}  // namespace superslab
