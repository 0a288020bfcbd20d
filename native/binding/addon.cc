// What the addon exports, as lib/addon/binding.ts declares it: attach(), from which everything that
// works with pools comes, and what needs nothing of that.
#include "base/clock.h"
#include "binding/js_objects.h"
#include "binding/objects.h"
#include "heap/size_class.h"
#include "policy/nearest_name.h"
#include "policy/value_text.h"

namespace superslab {
namespace {

/// `attach(onSignal)`: begins an evaluation. An object with `error` when the process cannot have
/// pools.
Value attach(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  AddonInstance& instance = AddonInstance::of(env);
  ProcessPools* process = ProcessPools::get();
  if (process == nullptr)
    return error_object(env, "noMemory", "no address space for the superslab tables");
  const PolicyError& wrong = process->environment_error();
  if (wrong.kind == PolicyErrorKind::kFile) return error_object(env, "policy", wrong.message);
  if (wrong.kind != PolicyErrorKind::kNone) return error_object(env, "environment", wrong.message);
  if (!info[0].IsFunction()) return env.Undefined();
  if (instance.environment == nullptr) instance.environment = new Environment(env, *process);
  Evaluation* evaluation = instance.environment->begin_evaluation(info[0]);
  if (evaluation == nullptr)
    return error_object(env, "noMemory", "the package was evaluated too often in this thread");
  return environment_object(env, *evaluation);
}

/// `nearestName(name, words)`: which of the words, "one|other", is most like it; empty when none
/// is.
Value nearest_name(const CallbackInfo& info) {
  const std::string name = text_at(info, 0);
  const std::string words = text_at(info, 1);
  NearestName nearest(name);
  for (std::size_t i = 0; i < word_count(words); ++i) nearest.offer(word_at(words, i));
  return Napi::String::New(info.Env(), nearest.name().data(), nearest.name().size());
}

/// `now()`: milliseconds of the monotonic clock. Programs cannot replace it, as fake timers do
/// with those of JavaScript.
Value now(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(precise_now()) / static_cast<double>(kMillisecond));
}

/// `slabCuts()`: { tag, bytes, slices, blocks } of each size class.
Value slab_cuts(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env, kFixedClasses);
  for (std::uint32_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    Napi::Object row = Napi::Object::New(env);
    row["tag"] = Napi::Number::New(env, tag_of(c));
    row["bytes"] = Napi::Number::New(env, size_class(c).block_bytes);
    row["slices"] = Napi::Number::New(env, size_class(c).slices);
    row["blocks"] = Napi::Number::New(env, size_class(c).block_count);
    out[i] = row;
  }
  return out;
}

/// `ringWithin(ms)`: has onSignal of every evaluation called within `ms`.
void ring_within(const CallbackInfo& info) {
  Environment* const environment = AddonInstance::of(info.Env()).environment;
  if (const auto ms = whole_at(info, 0); ms && environment != nullptr)
    environment->ring_within(*ms);
}

void define_objects(napi_env env, AddonInstance& instance) {
  add_environment_methods(instance.environment_methods);
  add_window_methods(instance.environment_methods);
  add_lease_methods(instance.environment_methods);
  add_byte_methods(instance.environment_methods);
  add_process_figure_methods(instance.environment_methods);
  add_scanner_maker(instance.environment_methods);
  add_records_finder(instance.environment_methods);
  add_file_opener(instance.environment_methods);
  add_shared_cache_opener(instance.environment_methods);

  Methods methods;
  add_pool_block_methods(methods);
  add_pool_policy_methods(methods);
  add_pool_upkeep_methods(methods);
  add_pool_figure_methods(methods);
  add_pool_record_methods(methods);
  add_pool_value_methods(methods);
  add_pool_page_methods(methods);
  instance.pools.define(env, "NativePool", methods);

  methods.clear();
  add_scanner_methods(methods);
  instance.scanners.define(env, "NativeScanner", methods);

  methods.clear();
  add_records_methods(methods);
  instance.records.define(env, "NativeRecords", methods);

  methods.clear();
  add_file_methods(methods);
  instance.files.define(env, "NativeFile", methods);

  methods.clear();
  add_shared_cache_methods(methods);
  instance.shared_caches.define(env, "NativeSharedCache", methods);
}

Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  auto* instance = new AddonInstance;
  env.SetInstanceData(instance);
  define_objects(env, *instance);
  export_function<attach>(exports, "attach");
  export_function<nearest_name>(exports, "nearestName");
  export_function<ring_within>(exports, "ringWithin");
  export_function<now>(exports, "now");
  export_function<slab_cuts>(exports, "slabCuts");
  export_tables(exports);
  export_trace_functions(exports);
  return exports;
}

}  // namespace
}  // namespace superslab

static Napi::Object init_superslab(Napi::Env env, Napi::Object exports) {
  return superslab::init_addon(env, exports);
}
NODE_API_MODULE(superslab, init_superslab)
