// Figures of the process: statistics, what the kernel says of its memory, leaks and misuse.
#include <memory>
#include <utility>

#include "binding/async_work.h"
#include "binding/objects.h"
#include "binding/stats_objects.h"
#include "diagnostics/leak_sites.h"
#include "diagnostics/memory_facts.h"
#include "diagnostics/misuse_sites.h"

namespace superslab {
namespace {

/// `processStats()`: of every heap of the process.
Value process_stats(const CallbackInfo& info, Evaluation& own) {
  own.environment.fold();
  return process_object(info.Env(), own.process());
}

/// `pressure()`: how scarce memory is.
Value pressure(const CallbackInfo& info, Evaluation& own) {
  const PressureState state = own.process().poll_pressure();
  const Napi::Env env = info.Env();
  const auto number = [env](auto n) { return Napi::Number::New(env, static_cast<double>(n)); };
  Napi::Object out = Napi::Object::New(env);
  out["level"] = number(state.finding.level);
  out["reason"] = number(state.finding.reason);
  out["share"] = Napi::Number::New(env, state.finding.permille / 1000.0);
  out["limitBytes"] = number(state.finding.limit);
  out["step"] = number(state.step);
  out["reliefs"] = number(state.reliefs);
  out["rises"] = number(state.rises);
  out["changedAtMs"] = number(state.changed_at / kMillisecond);
  return out;
}

/// `readPressureFrom(root)`: the folder that stands in front of the paths of the kernel's files.
void read_pressure_from(const CallbackInfo& info, Evaluation& own) {
  if (info[0].IsString()) own.process().read_pressure_from(text_at(info, 0));
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
Value memory_facts(const CallbackInfo& info, Evaluation& own) {
  const Napi::Env env = info.Env();
  auto reading = std::make_unique<MemoryReading>(own.space());
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

/// `leakSites()`: those of the process.
Value leak_sites(const CallbackInfo& info, Evaluation&) {
  return leak_site_list(info.Env(), [](const LeakSite&) { return true; });
}

/// `noteMisuse({ kind, pool, tag, size, detail, acquired, released, noticed, nowMs })`: how many
/// the site has had.
Value note_misuse(const CallbackInfo& info, Evaluation&) {
  const Fields given(info, 0);
  MisuseSite misuse;
  misuse.kind = given.text("kind");
  misuse.pool = given.text("pool");
  misuse.tag = given.text("tag");
  misuse.size = given.whole("size").value_or(0);
  misuse.detail = given.text("detail");
  misuse.acquired = given.text("acquired");
  misuse.released = given.text("released");
  misuse.noticed = given.text("noticed");
  const double now_ms = given.figure("nowMs");
  const std::uint64_t count = MisuseSites::of_process().note(std::move(misuse), now_ms);
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

Napi::Object misuse_object(Napi::Env env, const MisuseSite& site) {
  Napi::Object out = Napi::Object::New(env);
  out["kind"] = site.kind;
  out["pool"] = site.pool;
  out["tag"] = site.tag;
  out["size"] = static_cast<double>(site.size);
  out["count"] = static_cast<double>(site.count);
  out["firstAt"] = site.first_ms;
  out["lastAt"] = site.last_ms;
  out["detail"] = site.detail;
  out["acquired"] = site.acquired;
  out["released"] = site.released;
  out["noticed"] = site.noticed;
  return out;
}

Value misuse_sites(const CallbackInfo& info, Evaluation&) {
  Napi::Array out = Napi::Array::New(info.Env());
  for (const MisuseSite& site : MisuseSites::of_process().copy())
    out[out.Length()] = misuse_object(info.Env(), site);
  return out;
}

/// `misuseChanges()`: another number when misuseSites() gives something else.
Value misuse_changes(const CallbackInfo& info, Evaluation&) {
  return Napi::Number::New(info.Env(), static_cast<double>(MisuseSites::of_process().changes()));
}

}  // namespace

void add_process_figure_methods(Methods& methods) {
  add_bound_method<Evaluation, process_stats>(methods, "processStats");
  add_bound_method<Evaluation, memory_facts>(methods, "memoryFacts");
  add_bound_method<Evaluation, pressure>(methods, "pressure");
  add_bound_method<Evaluation, read_pressure_from>(methods, "readPressureFrom");
  add_bound_method<Evaluation, leak_sites>(methods, "leakSites");
  add_bound_method<Evaluation, note_misuse>(methods, "noteMisuse");
  add_bound_method<Evaluation, misuse_sites>(methods, "misuseSites");
  add_bound_method<Evaluation, misuse_changes>(methods, "misuseChanges");
}

}  // namespace superslab
