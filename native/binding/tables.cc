// The lists and tables of the core as plain objects, from which scripts/generate.mjs writes
// TypeScript and documentation. Programs never ask for them.
#include <string_view>

#include "binding/arguments.h"
#include "binding/tables.h"
#include "policy/knob.h"

namespace superslab {
namespace {

Napi::String text(Napi::Env env, std::string_view s) {
  return Napi::String::New(env, s.data(), s.size());
}

template <class Rows, class ToObject>
Napi::Array array_of(Napi::Env env, const Rows& rows, ToObject to_object) {
  Napi::Array out = Napi::Array::New(env);
  for (const auto& row : rows) out[out.Length()] = to_object(env, row);
  return out;
}

/// The words of a knob, separated by |, as an array.
Napi::Array word_list(Napi::Env env, std::string_view words) {
  Napi::Array out = Napi::Array::New(env);
  const std::size_t count = words.empty() ? 0 : word_count(words);
  for (std::size_t i = 0; i < count; ++i) out[out.Length()] = text(env, word_at(words, i));
  return out;
}

const char* type_name(KnobType type) {
  switch (type) {
    case KnobType::bytes:
      return "bytes";
    case KnobType::milliseconds:
      return "milliseconds";
    case KnobType::count:
      return "count";
    case KnobType::choice:
      return "choice";
    case KnobType::flag:
      return "flag";
    case KnobType::placement:
      return "placement";
  }
  return "";
}

/// A limit as users write it; empty where only words count.
Napi::Value limit_text(Napi::Env env, const Knob& knob, std::uint64_t limit) {
  if (knob.type == KnobType::choice || knob.type == KnobType::flag) return text(env, "");
  char buffer[kValueTextBytes];
  // The limits of a placement are numbers of nodes, whose codes come after those of its words.
  const bool is_node = knob.type == KnobType::placement;
  return text(env, format_value(knob, is_node ? limit + word_count(knob.words) : limit, buffer));
}

Napi::Object knob_object(Napi::Env env, const Knob& knob) {
  Napi::Object out = Napi::Object::New(env);
  out["option"] = text(env, knob.option);
  out["isLive"] = Napi::Boolean::New(env, knob.scope == PolicyScope::heap);
  out["variable"] = text(env, knob.variable);
  out["type"] = type_name(knob.type);
  out["unit"] = text(env, knob.unit);
  out["words"] = word_list(env, knob.words);
  out["min"] = limit_text(env, knob, knob.min);
  out["max"] = limit_text(env, knob, knob.max);
  out["default"] = text(env, knob.default_text);
  out["meaning"] = text(env, knob.meaning);
  return out;
}

Napi::Object profile_default_object(Napi::Env env, const ProfileDefault& row) {
  char buffer[kValueTextBytes];
  const Knob& knob = knob_row(row.id);
  const std::string_view profiles = knob_row(KnobId::profile).words;
  Napi::Object out = Napi::Object::New(env);
  out["profile"] = text(env, word_at(profiles, static_cast<KnobCode>(row.profile)));
  out["variable"] = text(env, knob.variable);
  out["value"] = text(env, format_value(knob, row.code, buffer));
  return out;
}

struct Statistic {
  const char* owner;  // whose figures it is one of
  const char* name;
  const char* unit;
  const char* meaning;
};

constexpr Statistic kStatistics[] = {
#define HEAP_STAT(field, json, unit, meaning) {"heap", json, unit, meaning},
#define CLASS_STAT(field, json, unit, meaning) {"class", json, unit, meaning},
#define LATENCY_LEVEL(field, json, unit, meaning) {"latency", json, unit, meaning},
#define HISTOGRAM_STAT(field, json, unit, meaning) {"histogram", json, unit, meaning},
#define POOL_STAT(json, unit, meaning) {"pool", json, unit, meaning},
#define POOL_CLASS_LEVEL(json, unit, meaning) {"poolClass", json, unit, meaning},
#define OBJECT_STAT(field, json, unit, meaning) {"objects", json, unit, meaning},
#define FILE_STAT(field, json, unit, meaning) {"file", json, unit, meaning},
#define SHOWN_STAT(part, json, unit, meaning) {#part, json, unit, meaning},
#define MEMORY_LEVEL(json, unit, meaning) {"memory", json, unit, meaning},
#define NODE_LEVEL(json, unit, meaning) {"node", json, unit, meaning},
#include "heap/stats.def"
};

Napi::Object statistic_object(Napi::Env env, const Statistic& row) {
  Napi::Object out = Napi::Object::New(env);
  out["owner"] = row.owner;
  out["name"] = row.name;
  out["unit"] = row.unit;
  out["meaning"] = row.meaning;
  return out;
}

Napi::Object value_object(Napi::Env env, const tables::Value& value) {
  Napi::Object out = Napi::Object::New(env);
  out["name"] = value.name;
  out["value"] = static_cast<double>(value.value);
  if (value.length != 0) out["length"] = static_cast<double>(value.length);
  out["meaning"] = value.meaning;
  return out;
}

Napi::Object table_object(Napi::Env env, const tables::Table& table) {
  Napi::Object out = Napi::Object::New(env);
  out["name"] = table.name;
  out["meaning"] = table.meaning;
  out["values"] = array_of(env, table.values, value_object);
  return out;
}

Napi::Object module_object(Napi::Env env, const tables::Module& module) {
  Napi::Object out = Napi::Object::New(env);
  out["constants"] = array_of(env, module.constants, value_object);
  out["tables"] = array_of(env, module.tables, table_object);
  return out;
}

/// `tables()`: { knobs, profiles, statistics, modules }.
Value all_tables(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object modules = Napi::Object::New(env);
  for (const tables::Module& module : tables::kModules)
    modules[module.name] = module_object(env, module);
  Napi::Object out = Napi::Object::New(env);
  out["knobs"] = array_of(env, kKnobs, knob_object);
  out["profiles"] = array_of(env, kProfileDefaults, profile_default_object);
  out["statistics"] = array_of(env, kStatistics, statistic_object);
  out["modules"] = modules;
  return out;
}

}  // namespace

void export_tables(Napi::Object& exports) {
  exports.Set("tables", Napi::Function::New<all_tables>(exports.Env(), "tables"));
}

}  // namespace superslab
