// Figures.
#include <memory>

#include "binding/calls.h"
#include "binding/stats_objects.h"
#include "diagnostics/heap_figures.h"
#include "diagnostics/memory_facts.h"

namespace superslab {
namespace {

/// `stats(pool)`: undefined once the pool is closed and everything of it is home.
Value stats(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  if (cache == nullptr) return info.Env().Undefined();
  cache->fold();
  ProcessPools& process = environment_of(info).process();
  HeapFigures figures;
  figures.id = process.id_of(cache->pool());
  read_figures(cache->pool(), process.space().os().fault_counts(), figures);
  return figures_object(info.Env(), figures);
}

/// `processStats()`: of every heap of the process.
Value process_stats(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  environment.fold();
  return process_object(info.Env(), environment.process());
}

/// `recordSize(pool, size, capacity, weight)`: a lease that stands for `weight` of them.
void record_size(const CallbackInfo& info) {
  if (BufferThreadCache* cache = cache_at(info)) {
    const auto size = whole_at(info, 1);
    const auto capacity = whole_at(info, 2);
    const auto weight = whole_at(info, 3);
    if (size && capacity && weight)
      cache->pool().lease_histograms().add_size(*size, *capacity, *weight);
  }
}

/// `recordLifetime(pool, microseconds, weight)`.
void record_lifetime(const CallbackInfo& info) {
  if (BufferThreadCache* cache = cache_at(info)) {
    const auto microseconds =
        static_cast<std::uint64_t>(std::min(figure_at(info, 1), static_cast<double>(kMaxWhole)));
    if (const auto weight = whole_at(info, 2))
      cache->pool().lease_histograms().lifetimes.add(microseconds, *weight);
  }
}

/// One reading of the kernel's files on its way.
struct MemoryReading {
  const Space& space;
  MemoryFacts facts = {};
  OsStatus status = OsStatus::kOk;
  napi_deferred promise = nullptr;
  napi_async_work work = nullptr;
};

/// On a thread of libuv's pool.
void run_reading(napi_env, void* data) {
  auto& reading = *static_cast<MemoryReading*>(data);
  reading.status = read_memory_facts(reading.space, reading.facts);
}

/// On the environment's thread. When that is being stopped nobody hears of it any more.
void finish_reading(napi_env env, napi_status, void* data) {
  const std::unique_ptr<MemoryReading> reading(static_cast<MemoryReading*>(data));
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value result = nullptr;
  napi_get_undefined(env, &result);
  if (reading->status == OsStatus::kOk) result = memory_object(env, reading->facts);
  // What was read of it is no figure of anything.
  if (reading->status == OsStatus::kNoMemory) napi_get_null(env, &result);
  napi_resolve_deferred(env, reading->promise, result);
  napi_delete_async_work(env, reading->work);
  napi_close_handle_scope(env, scope);
}

/// `memoryFacts()`: a promise of what the kernel says; of undefined where it says nothing, and of
/// null when reading broke off.
Value memory_facts(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto reading = std::make_unique<MemoryReading>(environment_of(info).process().space());
  napi_value promise = nullptr;
  if (napi_create_promise(env, &reading->promise, &promise) != napi_ok) {
    Napi::Error::New(env, "Node.js makes no promise").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  if (queue_work(env, "superslab:memoryFacts", run_reading, finish_reading, reading.get(),
                 reading->work)) {
    static_cast<void>(reading.release());
  } else {
    const Napi::Error error = Napi::Error::New(env, "Node.js cannot start reading");
    napi_reject_deferred(env, reading->promise, error.Value());
  }
  return {env, promise};
}

}  // namespace

void export_stats_calls(Napi::Object& exports) {
  export_function<stats>(exports, "stats");
  export_function<process_stats>(exports, "processStats");
  export_function<memory_facts>(exports, "memoryFacts");
  export_function<record_size>(exports, "recordSize");
  export_function<record_lifetime>(exports, "recordLifetime");
}

}  // namespace superslab
