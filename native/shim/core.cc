// The core of this library for others in the process: the addon takes its memory from here, so that
// there is one address space, one directory and one place that knows them.
#include "malloc/process_heap.h"
#include "shim/export.h"
#include "space/layout.h"

using namespace superslab;

/// The Space that serves malloc, if `layout` says that the caller was built with the same; else
/// nullptr.
extern "C" SHIM_EXPORT Space* superslab_core(std::uint64_t layout);

Space* superslab_core(std::uint64_t layout) {
  ProcessHeap* heap = layout == kSpaceLayout ? ProcessHeap::get() : nullptr;
  return heap == nullptr ? nullptr : &heap->space();
}
