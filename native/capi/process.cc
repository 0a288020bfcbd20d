// What concerns the heap as a whole.
#include <cerrno>

#include "capi/c_api.h"
#include "capi/json_text.h"
#include "capi/pool_text.h"
#include "capi/stats_text.h"
#include "heap/size_class.h"
#include "malloc/allocate.h"
#include "malloc/first_class_heap.h"
#include "malloc/program_kinds.h"
#include "malloc/program_pools.h"
#include "malloc/program_pressure.h"

using namespace superslab;

namespace {

void write_heap(JsonText& json, ProcessHeap& heap) {
  const HeapStats stats = heap.heap().stats();
#define HEAP_STAT(field, name, unit, meaning) json.add(name, stats.field);
#include "heap/stats.def"
  json.add("idleBytes", heap.space().idle_bytes());
  json.add("residentBytes", heap.space().resident_bytes() + heap.space().idle_bytes());
  json.add("memoryLimitBytes", heap.memory_limit() == kNoLimit ? 0 : heap.memory_limit());
  json.add("excessBytes", heap.heap().account().excess_bytes());
  json.add("regrettedBytes", heap.heap().account().regretted_bytes());
  json.add("earnedIdleBytes", heap.heap().account().earned_idle_bytes());
  json.add("mappedBytes", heap.mapped().bytes());
  const ProgramPressure::Figures pressure = ProgramPressure::figures();
  json.add("pressureLevel", static_cast<std::uint64_t>(pressure.state.finding.level));
  json.add("pressureRises", pressure.state.rises);
  json.add("pressureReliefs", pressure.reliefs);
  json.add("pressureBytes", pressure.bytes);
  const FirstClassHeap::Totals others = FirstClassHeap::totals();
  json.add("heaps", others.heaps);
  json.add("heapsCommittedBytes", others.committed_bytes);
}

void write_class(JsonText& json, const SizeClass& size, const ClassStats& stats) {
  json.open('{');
  json.add("blockBytes", size.block_bytes);
#define CLASS_STAT(field, name, unit, meaning) json.add(name, stats.field);
#define LEASE_CLASS_STAT(field, name, unit, meaning)
#include "heap/stats.def"
  json.close('}');
}

}  // namespace

void superslab::write_stats(JsonText& json) {
  json.open('{');
  if (ProcessHeap* heap = ProcessHeap::get(); heap != nullptr) {
    write_heap(json, *heap);
    json.key("classes");
    json.open('[');
    for (std::size_t i = 0; i < kFixedClasses; ++i) {
      const ClassStats stats = heap->heap().class_stats(static_cast<ClassIndex>(i));
      if (stats.refills != 0 || stats.flushes != 0) write_class(json, kSizeClasses[i], stats);
    }
    json.close(']');
    json.key("pools");
    write_pools(json);
  }
  json.close('}');
}

size_t ss_stats_json(char* buffer, size_t size) {
  const int before = errno;
  JsonText json(buffer, size);
  superslab::write_stats(json);
  errno = before;
  return json.length();
}

size_t ss_trim(void) {
  ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr) return 0;
  const int before = errno;
  // The other heaps first: what they give back idles in the space then.
  const ByteCount others =
      FirstClassHeap::trim_all() + ProgramPool::trim_all() + ProgramKind::trim_all();
  const ByteCount bytes = others + heap->trim();
  errno = before;
  return bytes;
}

int ss_watch_pressure(int on) {
  const int before = errno;
  if (on == 0) {
    ProgramPressure::end();
  } else if (!ProgramPressure::begin()) {
    errno = EAGAIN;
    return -1;
  }
  errno = before;
  return 0;
}
