#include "binding/adaptation_objects.h"

#include "base/clock.h"

namespace superslab {
namespace {

Napi::Number number(Napi::Env env, std::uint64_t n) {
  return Napi::Number::New(env, static_cast<double>(n));
}

const char* name_of(Action::Kind kind) {
  switch (kind) {
    case Action::Kind::kKeep:
      return "keep";
    case Action::Kind::kShrink:
      return "shrink";
    case Action::Kind::kMove:
      return "move";
    case Action::Kind::kExpand:
      return "expand";
    case Action::Kind::kPressure:
      return "pressure";
  }
  return "";
}

Napi::Object action_object(Napi::Env env, const AdaptationFigures::Entry& entry) {
  const Action& action = entry.action;
  Napi::Object out = Napi::Object::New(env);
  out["at"] = number(env, entry.at / kMillisecond);
  out["kind"] = name_of(action.kind);
  if (action.kind != Action::Kind::kPressure)
    out["blockBytes"] = number(env, class_bytes(to_index(action.size_class)));
  if (action.kind == Action::Kind::kMove)
    out["fromBlockBytes"] = number(env, class_bytes(to_index(action.from)));
  out["bytes"] = number(env, action.bytes);
  out["evidenceBytes"] = number(env, action.evidence_bytes);
  return out;
}

Napi::Object class_object(Napi::Env env, std::size_t index, const ClassDemand& demand) {
  const ByteCount block_bytes = class_bytes(index);
  const ByteCount slab_bytes = size_class(static_cast<ClassIndex>(index)).slices * kSliceBytes;
  Napi::Object out = Napi::Object::New(env);
  out["blockBytes"] = number(env, block_bytes);
  out["acquires"] = number(env, demand.acquires);
  out["bytes"] = number(env, demand.acquires * block_bytes);
  out["peakBytes"] = number(env, demand.peak_slabs * slab_bytes);
  return out;
}

Napi::Object interval_object(Napi::Env env, const DemandHistory::Interval& interval) {
  Napi::Array classes = Napi::Array::New(env);
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const ClassDemand& demand = interval.classes[i];
    if (demand.acquires == 0 && demand.peak_slabs == 0) continue;
    classes[classes.Length()] = class_object(env, i, demand);
  }
  Napi::Object out = Napi::Object::New(env);
  out["startedAt"] = number(env, interval.started / kMillisecond);
  out["hugeAcquires"] = number(env, interval.huge_acquires);
  out["classes"] = classes;
  return out;
}

}  // namespace

Napi::Array adaptation_list(Napi::Env env, const AdaptationFigures& figures) {
  Napi::Array out = Napi::Array::New(env);
  for (const AdaptationFigures::Entry& entry : figures.actions)
    if (entry.at != 0) out[out.Length()] = action_object(env, entry);
  return out;
}

Napi::Object history_object(Napi::Env env, const DemandHistory& history) {
  Napi::Array intervals = Napi::Array::New(env);
  for (std::size_t age = history.count; age-- > 0;)
    intervals[intervals.Length()] = interval_object(env, history.intervals[age]);
  Napi::Object out = Napi::Object::New(env);
  out["intervalMs"] = number(env, history.interval / kMillisecond);
  out["intervals"] = intervals;
  return out;
}

}  // namespace superslab
