// The policy of a pool that is open: what is in force now, and others in its place.
#include "binding/js_objects.h"
#include "binding/objects.h"

namespace superslab {
namespace {

Value failure(const CallbackInfo& info, std::string_view message) {
  return error_object(info.Env(), "option", message);
}

/// All that the pool goes by now.
Policy policy_of(const EnvironmentPool& own) {
  Policy policy = own.environment.process().policy();
  const BufferPool& pool = own.cache()->pool();
  static_cast<HeapSnapshot&>(policy) = *pool.policy();
  static_cast<PoolSnapshot&>(policy) = *pool.pool_policy();
  return policy;
}

/// The first option that is fixed when a pool is opened and differs; nullptr without one.
const Knob* fixed_option(const Policy& now, const Policy& next) {
  for (const Knob& knob : kKnobs) {
    if (knob.scope != PolicyScope::heap && knob_code(now, knob.id) != knob_code(next, knob.id))
      return &knob;
  }
  return nullptr;
}

/// `tune(options)`: [name, value] pairs of options that a heap goes by. undefined, or what is wrong
/// with them; then none is applied.
Value tune(const CallbackInfo& info, EnvironmentPool& own) {
  if (own.cache() == nullptr || !info[0].IsArray()) return info.Env().Undefined();
  const Policy now = policy_of(own);
  Policy next = now;
  PolicyError wrong{};
  if (!apply_options(info[0].As<Napi::Array>(), next, wrong)) {
    return failure(
        info, wrong.kind == PolicyErrorKind::kNone ? "the options cannot be read" : wrong.message);
  }
  if (const Knob* const fixed = fixed_option(now, next); fixed != nullptr)
    return failure(info, std::string(fixed->option) + " is fixed when a pool is opened");
  // Getters of the options may have closed the pool.
  if (own.cache() == nullptr || own.cache()->pool().publish(next)) return info.Env().Undefined();
  describe_conflict(PolicyOrigin::kOption, knob_row(KnobId::huge_pages),
                    knob_code(next, KnobId::huge_pages), knob_row(KnobId::guard),
                    "what is behind a block is on the same huge page; give thp or off", wrong);
  return failure(info, wrong.message);
}

/// `maxBytes()`: 0 is no limit.
Value max_bytes(const CallbackInfo& info, EnvironmentPool& own) {
  const ByteCount bytes = own.cache() == nullptr ? 0 : own.cache()->pool().policy()->max_bytes;
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

/// `purgeDelayMs()`
Value purge_delay_ms(const CallbackInfo& info, EnvironmentPool& own) {
  const Millis delay =
      own.cache() == nullptr ? Millis{} : purge_delay_of(*own.cache()->pool().policy());
  return Napi::Number::New(info.Env(), static_cast<double>(delay));
}

}  // namespace

void add_pool_policy_methods(Methods& methods) {
  add_shared_method<EnvironmentPool, tune>(methods, "tune");
  add_shared_method<EnvironmentPool, max_bytes>(methods, "maxBytes");
  add_shared_method<EnvironmentPool, purge_delay_ms>(methods, "purgeDelayMs");
}

}  // namespace superslab
