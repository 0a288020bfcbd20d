// Statistics as plain JavaScript objects. lib/addon/binding.ts declares their shapes.
#pragma once

#include <napi.h>

#include "addon/process_pools.h"
#include "diagnostics/heap_figures.h"
#include "diagnostics/memory_facts.h"

namespace superslab {

/// [{ scope, kind, name, unit, meaning }]: the list of heap/stats.def.
Napi::Array statistic_rows(Napi::Env env);

/// { heapId, name, closed, heap: { name: number }, classes: [{ blockBytes, name: number }], slow,
/// histograms, sizeBytes, capacityBytes }, classes in use only.
Napi::Object figures_object(Napi::Env env, const HeapFigures& figures);

/// { rssBytes, hugeBytes, hugeCoverage, swappedBytes, nodes: [{ node, bytes }] }
Napi::Object memory_object(Napi::Env env, const MemoryFacts& facts);

/// { pools: [figures_object], space, faults, outstandingTokens }
Napi::Object process_object(Napi::Env env, ProcessPools& process);

}  // namespace superslab
