#include "binding/learning_objects.h"

#include "base/clock.h"
#include "heap/size_class.h"
#include "policy/knob.h"

namespace superslab {
namespace {

using Kind = CapacityEvent::Kind;
using Cause = CapacityEvent::Cause;

Napi::Number number(Napi::Env env, double n) { return Napi::Number::New(env, n); }

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kNone:
      break;
    case Kind::kTrial:
      return "trial";
    case Kind::kMoved:
      return "moved";
    case Kind::kKept:
      return "kept";
    case Kind::kBetter:
      return "better";
    case Kind::kRolledBack:
      return "rolledBack";
    case Kind::kJumped:
      return "jumped";
    case Kind::kFitted:
      return "fitted";
    case Kind::kFrozen:
      return "frozen";
    case Kind::kFellBack:
      return "fellBack";
  }
  return "";
}

const char* name_of(Cause cause) {
  switch (cause) {
    case Cause::kNone:
      break;
    case Cause::kClock:
      return "clock";
    case Cause::kLate:
      return "late";
    case Cause::kCounts:
      return "counts";
    case Cause::kNumber:
      return "number";
  }
  return "";
}

const char* name_of(Rollout::State state) {
  switch (state) {
    case Rollout::State::kWatching:
      return "watching";
    case Rollout::State::kTrial:
      return "trial";
    case Rollout::State::kResting:
      return "resting";
    case Rollout::State::kFrozen:
      return "frozen";
  }
  return "";
}

const char* name_of(IdleBand band) { return band == IdleBand::kSlabs ? "slabs" : "huge"; }

Napi::Object capacity_object(Napi::Env env, const CapacityEvent& event) {
  Napi::Object out = Napi::Object::New(env);
  out["controller"] = "capacity";
  out["kind"] = name_of(event.kind);
  if (event.cause != Cause::kNone) out["cause"] = name_of(event.cause);
  out["predictedGain"] = number(env, event.predicted_gain);
  out["measuredGain"] = number(env, event.measured_gain);
  if (event.from != event.to) {
    out["blockBytes"] = number(env, class_bytes(to_index(event.size_class)));
    out["from"] = number(env, event.from);
    out["to"] = number(env, event.to);
  }
  return out;
}

Napi::Object purge_object(Napi::Env env, const PurgeEvent& event) {
  Napi::Object out = Napi::Object::New(env);
  out["controller"] = "purge";
  out["kind"] = name_of(event.kind);
  if (event.cause != Cause::kNone) out["cause"] = name_of(event.cause);
  out["predictedGain"] = number(env, event.predicted_gain);
  out["measuredGain"] = number(env, 0);
  // One that fell back speaks for both.
  if (event.kind != Kind::kFellBack) out["band"] = name_of(event.band);
  if (event.from != event.to) {
    out["from"] = number(env, static_cast<double>(event.from));
    out["to"] = number(env, static_cast<double>(event.to));
  }
  return out;
}

Napi::Object event_object(Napi::Env env, const LearningFigures::Entry& entry) {
  const bool is_purge = entry.learner == LearningFigures::Learner::kPurge;
  Napi::Object out = is_purge ? purge_object(env, entry.purge) : capacity_object(env, entry.event);
  out["at"] = number(env, static_cast<double>(entry.at / kMillisecond));
  return out;
}

Napi::Array delay_objects(Napi::Env env, const PurgeDelays& delays) {
  Napi::Array out = Napi::Array::New(env);
  for (std::size_t i = 0; i < kIdleBands; ++i) {
    if (delays.of[i] == Millis{}) continue;
    Napi::Object one = Napi::Object::New(env);
    one["band"] = name_of(static_cast<IdleBand>(i));
    one["ms"] = number(env, static_cast<double>(delays.of[i]));
    out[out.Length()] = one;
  }
  return out;
}

}  // namespace

Napi::Value learning_value(Napi::Env env, const LearningFigures& figures) {
  if (figures.mode == LearnMode::kOff && figures.count == 0) return env.Undefined();
  Napi::Array capacities = Napi::Array::New(env);
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    if (figures.blocks[i] == 0) continue;
    Napi::Object one = Napi::Object::New(env);
    one["blockBytes"] = number(env, class_bytes(i));
    one["blocks"] = number(env, figures.blocks[i]);
    capacities[capacities.Length()] = one;
  }
  Napi::Array events = Napi::Array::New(env);
  for (const LearningFigures::Entry& entry : figures.events)
    if (entry.at != 0) events[events.Length()] = event_object(env, entry);
  const std::string_view mode =
      word_at(knob_row(KnobId::learn).words, static_cast<std::size_t>(figures.mode));
  Napi::Object out = Napi::Object::New(env);
  out["mode"] = Napi::String::New(env, mode.data(), mode.size());
  out["state"] = name_of(figures.state);
  out["ownBytes"] = number(env, static_cast<double>(figures.own_bytes));
  out["count"] = number(env, static_cast<double>(figures.count));
  out["capacities"] = capacities;
  out["purgeDelays"] = delay_objects(env, figures.delays);
  out["events"] = events;
  return out;
}

}  // namespace superslab
