// Statistics as plain JavaScript objects. lib/addon/binding.ts declares their shapes.
#pragma once

#include <napi.h>

#include "addon/process_pools.h"
#include "diagnostics/leak_sites.h"
#include "diagnostics/memory_facts.h"
#include "pools/pool_figures.h"

namespace superslab {

/// [{ scope, kind, name, unit, meaning }]: the list of heap/stats.def.
Napi::Array statistic_rows(Napi::Env env);

/// { heapId, name, closed, heap: { name: number }, classes: [{ blockBytes, name: number }], slow,
/// histograms, sizeBytes, capacityBytes, objects, file, adaptations }, classes in use only.
Napi::Object figures_object(Napi::Env env, const PoolFigures& figures);

/// { rssBytes, hugeBytes, hugeCoverage, swappedBytes, nodes: [{ node, bytes }] }
Napi::Object memory_object(Napi::Env env, const MemoryFacts& facts);

/// { pools: [figures_object], space, faults, outstandingTokens }
Napi::Object process_object(Napi::Env env, ProcessPools& process);

/// { pool, tag, reason, size, count, estimated, bytes, oldestMs, stack }
Napi::Object leak_site_object(Napi::Env env, const LeakSite& site);

/// Those of the process for which is_wanted(site).
template <class IsWanted>
Napi::Array leak_site_list(Napi::Env env, IsWanted is_wanted) {
  Napi::Array out = Napi::Array::New(env);
  // Copied first: no JavaScript object is made while they are locked.
  for (const LeakSite& site : LeakSites::of_process().copy()) {
    if (is_wanted(site)) out[out.Length()] = leak_site_object(env, site);
  }
  return out;
}

}  // namespace superslab
