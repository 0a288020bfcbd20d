// Pools: attaching to the core, opening and closing.
#include "binding/calls.h"
#include "binding/js_objects.h"
#include "heap/heap.h"
#include "policy/nearest_name.h"
#include "policy/value_text.h"

namespace superslab {
namespace {

/// `attach(onSignal)`: begins an evaluation. An object with `error` when the process cannot have
/// pools.
Value attach(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* state = env.GetInstanceData<EnvironmentSlot>();
  ProcessPools* process = ProcessPools::get();
  if (process == nullptr)
    return error_object(env, "noMemory", "no address space for the superslab tables");
  const PolicyError& wrong = process->environment_error();
  if (wrong.kind != PolicyErrorKind::kNone) return error_object(env, "environment", wrong.message);
  if (!info[0].IsFunction()) return env.Undefined();
  if (state->environment == nullptr) state->environment = new Environment(env, *process);
  const EvaluationId evaluation = state->environment->begin_evaluation(info[0]);
  if (evaluation == kNoEvaluation)
    return error_object(env, "noMemory", "the package was evaluated too often in this thread");
  return facts_object(env, *process, evaluation);
}

/// `openPool(evaluation, options, name)`: options are [name, value] pairs; undefined is the default
/// pool.
Value open_pool(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = environment_of(info);
  Policy policy = environment.process().policy();
  PolicyError wrong{};
  const EvaluationId evaluation = evaluation_at(info, 0);
  const bool is_default = info[1].IsUndefined();
  if (evaluation == kNoEvaluation ||
      (!is_default &&
       (!info[1].IsArray() || !apply_options(info[1].As<Napi::Array>(), policy, wrong)))) {
    return error_object(
        env, "option",
        wrong.kind == PolicyErrorKind::kNone ? "the options cannot be read" : wrong.message);
  }
  PoolId id = 0;
  if (!environment.open_pool(evaluation, is_default ? nullptr : &policy, text_at(info, 2), id)) {
    return error_object(env, "noMemory", "no memory for another pool");
  }
  return pool_object(env, id, environment, policy);
}

void close_pool(const CallbackInfo& info) {
  const PoolId id = pool_at(info);
  if (id != kNoPool) environment_of(info).close_pool(id);
}

/// `isSettled(pool)`: closed, and everything of it is home.
Value is_settled(const CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), cache_at(info) == nullptr);
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

}  // namespace

void export_pool_calls(Napi::Object& exports) {
  export_free_function<attach>(exports, "attach");
  export_function<open_pool>(exports, "openPool");
  export_function<close_pool>(exports, "closePool");
  export_function<is_settled>(exports, "isSettled");
  export_free_function<nearest_name>(exports, "nearestName");
}

}  // namespace superslab
