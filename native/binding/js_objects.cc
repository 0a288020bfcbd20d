#include "binding/js_objects.h"

#include <string>

#include "binding/arguments.h"
#include "binding/external.h"
#include "binding/objects.h"
#include "binding/stats_objects.h"
#include "heap/huge.h"
#include "heap/size_class.h"
#include "policy/knob.h"
#include "pools/compressed/lz4_codec.h"

namespace superslab {
namespace {

Napi::String text(Napi::Env env, std::string_view s) {
  return Napi::String::New(env, s.data(), s.size());
}

Napi::Number number(Napi::Env env, std::uint64_t n) {
  return Napi::Number::New(env, static_cast<double>(n));
}

Napi::Array knob_rows(Napi::Env env, const Policy& policy) {
  Napi::Array rows = Napi::Array::New(env, kKnobCount);
  for (std::size_t i = 0; i < kKnobCount; ++i) {
    const Knob& knob = kKnobs[i];
    char buffer[kValueTextBytes];
    Napi::Object row = Napi::Object::New(env);
    row["isFlag"] = Napi::Boolean::New(env, knob.type == KnobType::flag);
    row["option"] = text(env, knob.option);
    row["variable"] = text(env, knob.variable);
    row["unit"] = text(env, knob.unit);
    row["words"] = text(env, knob.words);
    row["meaning"] = text(env, knob.meaning);
    row["default"] = text(env, knob.default_text);
    row["value"] = text(env, format_value(knob, knob_code(policy, knob.id), buffer));
    rows[static_cast<std::uint32_t>(i)] = row;
  }
  return rows;
}

}  // namespace

bool read_element(Napi::Env env, napi_value list, std::uint32_t i, Napi::Value& out) {
  napi_value element = nullptr;
  if (napi_get_element(env, list, i, &element) != napi_ok) return false;
  out = Napi::Value(env, element);
  return true;
}

Napi::Object error_object(Napi::Env env, const char* error, std::string_view message) {
  Napi::Object out = Napi::Object::New(env);
  out["error"] = text(env, error);
  out["message"] = text(env, message);
  return out;
}

Napi::Value mapped_buffer(Napi::Env env, void* data, ByteCount bytes) {
  // Undefined where the host forbids external buffers, as Electron does; the facade says so.
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, data, bytes, [](node_api_basic_env, void*, void*) {}, nullptr, &buffer);
  return status == napi_ok ? Napi::Value(env, buffer) : env.Undefined();
}

namespace {

Napi::Array node_numbers(Napi::Env env, ProcessPools& process) {
  const Os& os = process.space().os();
  Napi::Array out = Napi::Array::New(env);
  for (unsigned i = 0; i < os.node_count(); ++i)
    out[i] = number(env, os.node_number(static_cast<NodeOrdinal>(i)));
  return out;
}

Napi::Object facts_object(Napi::Env env, ProcessPools& process, EvaluationId evaluation) {
  const Policy& policy = process.policy();
  Napi::Object out = Napi::Object::New(env);
  const std::size_t granules = kMaxClassBytes / kGranuleBytes + 1;
  Napi::Uint8Array tags = Napi::Uint8Array::New(env, granules);
  Napi::Uint32Array bytes = Napi::Uint32Array::New(env, kFixedClasses + 1);
  if (tags.IsEmpty() || bytes.IsEmpty()) return out;  // the thread is told to stop
  for (std::size_t i = 0; i < granules; ++i) tags[i] = tag_of(lease_class_for(i * kGranuleBytes));
  for (std::size_t i = 0; i < kFixedClasses; ++i) bytes[i + 1] = class_bytes(i);
  out["evaluation"] = number(env, static_cast<std::uint64_t>(evaluation));
  out["tagOfGranules"] = tags;
  out["bytesOfTag"] = bytes;
  out["maxBlockBytes"] = number(env, kMaxHugeBytes);
  out["pageBytes"] = number(env, system_os().page_bytes());
  out["nodes"] = node_numbers(env, process);
  out["knobs"] = knob_rows(env, policy);
  out["statistics"] = statistic_rows(env);
  out["hasLz4"] = Napi::Boolean::New(env, has_lz4());
  out["sharesCore"] = Napi::Boolean::New(env, process.shares_core());
  out["reportAtExit"] = Napi::Boolean::New(env, policy.stats);
  return out;
}

/// JavaScript's view of the magazines; undefined where the host forbids external ArrayBuffers.
Napi::Value magazines_value(Napi::Env env, LeaseMagazines& magazines) {
  magazines.retain();
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, &magazines, kMappedMagazineBytes,
      [](node_api_basic_env, void* data, void*) { static_cast<LeaseMagazines*>(data)->release(); },
      nullptr, &buffer);
  if (!will_finalize(status)) magazines.release();
  return status == napi_ok ? Napi::Value(env, buffer) : env.Undefined();
}

}  // namespace

Napi::Value environment_object(Napi::Env env, Evaluation& evaluation) {
  napi_value object = nullptr;
  if (napi_create_object(env, &object) != napi_ok ||
      !bind_methods(env, object, AddonInstance::of(env).environment_methods, evaluation))
    return env.Undefined();
  Napi::Object out(env, object);
  out["facts"] = facts_object(env, evaluation.process(), evaluation.id);
  return out;
}

namespace {

Napi::Value share_object(Napi::Env env, EnvironmentPool& pool, const Policy& policy) {
  const napi_value object = AddonInstance::of(env).pools.make(env, &pool);
  if (object == nullptr) return env.Undefined();
  Napi::Object out(env, object);
  out["id"] = number(env, static_cast<std::uint64_t>(pool.id));
  out["heapId"] = number(env, pool.account.heap);
  out["magazines"] = magazines_value(env, pool.cache()->magazines());
  out["zero"] = number(env, static_cast<std::uint64_t>(zeroing_of(policy)));
  out["sensitive"] = Napi::Boolean::New(env, policy.sensitive);
  out["lockMemory"] = Napi::Boolean::New(env, policy.lock_memory);
  out["onExhausted"] = number(env, static_cast<std::uint64_t>(policy.on_exhausted));
  out["waitMs"] = number(env, static_cast<std::uint64_t>(policy.wait_ms));
  out["leakDetection"] = number(env, static_cast<std::uint64_t>(policy.leak_detection));
  out["leakSample"] = number(env, policy.leak_sample);
  out["leakFrames"] = number(env, policy.leak_frames);
  out["guard"] = number(env, static_cast<std::uint64_t>(policy.guard));
  out["quarantineBytes"] = number(env, policy.quarantine_bytes);
  return out;
}

}  // namespace

Napi::Value pool_object(Napi::Env env, EnvironmentPool& pool, const Policy& policy) {
  const Napi::Value first = share_object(env, pool, policy);
  if (!first.IsObject() || !pool.has_shares) return first;
  Napi::Array shares = Napi::Array::New(env);
  pool.environment.for_each_share(pool, [&](EnvironmentPool& share) {
    shares[shares.Length()] = share_object(env, share, policy);
  });
  first.As<Napi::Object>()["shares"] = shares;
  return first;
}

bool apply_options(const Napi::Array& pairs, Policy& policy, PolicyError& error) {
  bool is_zero_chosen = false;
  for (std::uint32_t i = 0; i < pairs.Length(); ++i) {
    Napi::Value pair;
    Napi::Value key;
    Napi::Value value;
    if (!read_element(pairs.Env(), pairs, i, pair) || !read_element(pairs.Env(), pair, 0, key) ||
        !read_element(pairs.Env(), pair, 1, value))
      return false;
    const std::string name = text_of(pairs.Env(), key);
    const bool applied =
        value.IsNumber() ? apply_option(policy, name, value.As<Napi::Number>().DoubleValue(), error)
                         : apply_option(policy, name, text_of(pairs.Env(), value), error);
    if (!applied) return false;
    is_zero_chosen |= name == knob_row(KnobId::zero).option;
  }
  return check_conflicts(policy, PolicyOrigin::kOption, is_zero_chosen, error) &&
         check_node(policy, PolicyOrigin::kOption, system_os().node_count(), error);
}

}  // namespace superslab
