// The statistics as structs, from the one list in heap/stats.def.
#pragma once

#include <cstdint>

#include "heap/counter.h"

namespace superslab {

/// Counters that live in a Heap; gauges that are computed on request stay zero here.
struct HeapCounters {
#define HEAP_STAT(field, json, unit, meaning) Counter field;
#define CLASS_STAT(field, json, unit, meaning)
#include "heap/stats.def"
#undef HEAP_STAT
#undef CLASS_STAT
};

/// Counters of one class, written by the thread that owns them.
struct ClassCounters {
#define HEAP_STAT(field, json, unit, meaning)
#define CLASS_STAT(field, json, unit, meaning) Counter field;
#include "heap/stats.def"
#undef HEAP_STAT
#undef CLASS_STAT
};

struct HeapStats {
#define HEAP_STAT(field, json, unit, meaning) std::uint64_t field = 0;
#define CLASS_STAT(field, json, unit, meaning)
#include "heap/stats.def"
#undef HEAP_STAT
#undef CLASS_STAT
};

struct ClassStats {
#define HEAP_STAT(field, json, unit, meaning)
#define CLASS_STAT(field, json, unit, meaning) std::uint64_t field = 0;
#include "heap/stats.def"
#undef HEAP_STAT
#undef CLASS_STAT
};

inline void add_to(ClassStats& sum, const ClassCounters& counters) {
#define HEAP_STAT(field, json, unit, meaning)
#define CLASS_STAT(field, json, unit, meaning) sum.field += counters.field.get();
#include "heap/stats.def"
#undef HEAP_STAT
#undef CLASS_STAT
}

}  // namespace superslab
