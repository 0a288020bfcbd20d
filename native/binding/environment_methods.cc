// An evaluation of the package opens pools.
#include <string>
#include <vector>

#include "binding/js_objects.h"
#include "binding/objects.h"
#include "heap/size_class.h"
#include "policy/policy_file.h"

namespace superslab {
namespace {

/// `openPool(options, name, isPlain, hasNodes)`: options are [name, value] pairs; undefined is the
/// default pool. `isPlain`: its slabs are not coloured. `hasNodes`: it has a share for each node.
Value open_pool(const CallbackInfo& info, Evaluation& own) {
  const Napi::Env env = info.Env();
  Policy policy = own.process().policy();
  PolicyError wrong{};
  const bool is_default = info[0].IsUndefined();
  const bool can_apply =
      is_default || (info[0].IsArray() && apply_options(info[0].As<Napi::Array>(), policy, wrong));
  if (!can_apply || own.has_ended()) {
    return error_object(
        env, "option",
        wrong.kind == PolicyErrorKind::kNone ? "the options cannot be read" : wrong.message);
  }
  EnvironmentPool* pool = own.environment.open_pool(
      own, is_default ? nullptr : &policy, text_at(info, 1), !bool_at(info, 2), bool_at(info, 3));
  if (pool == nullptr) return error_object(env, "noMemory", "no memory for another pool");
  return pool_object(env, *pool, policy);
}

/// `currentNode()`: which of facts.nodes serves this thread where it runs now.
Value current_node(const CallbackInfo& info, Evaluation& own) {
  return Napi::Number::New(info.Env(), own.space().os().current_node());
}

/// `policyText()`: what the process goes by, as text of a policy file: the rows that differ from
/// the defaults, and the capacities of single classes in the default pool. Empty when it is too
/// long.
Value policy_text(const CallbackInfo& info, Evaluation& own) {
  Policy policy = own.process().policy();
  policy.class_blocks = own.process().default_pool().policy()->class_blocks;
  const PurgeDelays learned = own.process().default_pool().policy()->learned_delays;
  if (learned.of[0] != Millis{}) policy.purge_delay_ms = learned.of[0];
  if (learned.of[1] != Millis{}) policy.big_cache_age_ms = learned.of[1];
  // What was set by hand wins over what was learned, here as in the heap.
  for (const SizeBlocks& one : policy.size_blocks)
    if (one.blocks != 0) policy.class_blocks[to_index(class_for(one.bytes))] = one.blocks;
  const Policy defaults;
  std::vector<KnobId> rows;
  for (const Knob& knob : kKnobs)
    if (knob_code(policy, knob.id) != knob_code(defaults, knob.id)) rows.push_back(knob.id);
  std::string text(kMaxPolicyFileBytes, '\0');
  text.resize(write_policy_file(policy, rows, read_machine(), {text.data(), text.size()}));
  return Napi::String::New(info.Env(), text);
}

}  // namespace

void add_environment_methods(Methods& methods) {
  add_bound_method<Evaluation, open_pool>(methods, "openPool");
  add_bound_method<Evaluation, current_node>(methods, "currentNode");
  add_bound_method<Evaluation, policy_text>(methods, "policyText");
}

}  // namespace superslab
