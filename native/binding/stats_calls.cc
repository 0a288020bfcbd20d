// Figures.
#include "binding/calls.h"
#include "binding/stats_objects.h"
#include "runtime/heap_figures.h"

namespace superslab {
namespace {

/// `stats(pool)`: undefined once the pool is closed and everything of it is home.
Value stats(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  if (cache == nullptr) return info.Env().Undefined();
  cache->fold();
  HeapFigures figures;
  figures.id = environment_of(info).runtime().id_of(cache->heap());
  read_figures(cache->heap(), figures);
  return figures_object(info.Env(), figures);
}

/// `processStats()`: of every heap of the process.
Value process_stats(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  environment.fold();
  return process_object(info.Env(), environment.runtime());
}

/// `recordSize(pool, size, capacity, weight)`: a lease that stands for `weight` of them.
void record_size(const CallbackInfo& info) {
  if (LeaseCache* cache = cache_at(info)) {
    cache->heap().lease_histograms().add_size(static_cast<ByteCount>(number_at(info, 1)),
                                              static_cast<ByteCount>(number_at(info, 2)),
                                              static_cast<std::uint64_t>(number_at(info, 3)));
  }
}

/// `recordLifetime(pool, microseconds, weight)`.
void record_lifetime(const CallbackInfo& info) {
  if (LeaseCache* cache = cache_at(info)) {
    cache->heap().lease_histograms().lifetimes.add(static_cast<std::uint64_t>(number_at(info, 1)),
                                                   static_cast<std::uint64_t>(number_at(info, 2)));
  }
}

}  // namespace

void export_stats_calls(Napi::Object& exports) {
  export_function<stats>(exports, "stats");
  export_function<process_stats>(exports, "processStats");
  export_function<record_size>(exports, "recordSize");
  export_function<record_lifetime>(exports, "recordLifetime");
}

}  // namespace superslab
