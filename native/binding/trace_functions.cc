// What traces tell: reading and replaying them needs no pool.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "binding/js_objects.h"
#include "binding/objects.h"
#include "learn/policy_contest.h"
#include "os/machine.h"
#include "replay/tuner.h"
#include "trace/trace_reader.h"

namespace superslab {
namespace {

constexpr std::string_view kKinds = "default|profile|fixed|rule|saved|contest|best";

Napi::Value number(Napi::Env env, double n) { return Napi::Number::New(env, n); }
Napi::Value number(Napi::Env env, std::uint64_t n) { return number(env, static_cast<double>(n)); }

Napi::Object facts_object(Napi::Env env, const trace::Trace& trace) {
  Napi::Object out = Napi::Object::New(env);
  std::uint64_t unknown_frees = 0;
  std::uint64_t lost_frees = 0;
  std::uint64_t threads = 0;
  Nanos longest = 0;
  for (const trace::TracedProcess& process : trace.processes) {
    unknown_frees += process.unknown_frees;
    lost_frees += process.lost_frees;
    threads += process.threads;
    if (!process.ops.empty()) longest = std::max(longest, process.ops.back().at);
  }
  out["superslab"] = trace.superslab;
  out["pageBytes"] = number(env, std::uint64_t{trace.page_bytes});
  out["processors"] = number(env, std::uint64_t{trace.processors});
  out["hasMalloc"] = (trace.sources & static_cast<unsigned>(trace::Source::kMalloc)) != 0;
  out["isFull"] = trace.is_full;
  out["dropped"] = number(env, trace.dropped);
  out["events"] = number(env, trace.events);
  out["processes"] = number(env, std::uint64_t{trace.processes.size()});
  out["threads"] = number(env, threads);
  out["unknownFrees"] = number(env, unknown_frees);
  out["lostFrees"] = number(env, lost_frees);
  out["seconds"] = number(env, static_cast<double>(longest) / 1e9);
  return out;
}

Napi::Object row_object(Napi::Env env, const TunedRow& row) {
  const ReplayCounts& counts = row.counts;
  Napi::Object out = Napi::Object::New(env);
  const std::string_view kind = word_at(kKinds, static_cast<std::size_t>(row.kind));
  out["kind"] = Napi::String::New(env, kind.data(), kind.size());
  out["name"] = row.name;
  out["costNs"] = number(env, row.cost);
  if (row.later_cost != 0) out["laterCostNs"] = number(env, row.later_cost);
  out["allocations"] = number(env, counts.allocations);
  out["failed"] = number(env, counts.failed);
  out["refills"] = number(env, counts.refills);
  out["spills"] = number(env, counts.spills);
  out["movedBlocks"] = number(env, counts.refilled_blocks + counts.spilled_blocks);
  out["remoteFrees"] = number(env, counts.remote_frees);
  out["faults"] = number(env, counts.faults);
  out["refaults"] = number(env, counts.refaults);
  out["purges"] = number(env, counts.purges);
  out["purgedPages"] = number(env, counts.purged_pages);
  out["peakBytes"] = number(env, std::uint64_t{counts.peak_bytes});
  out["mibSeconds"] = number(env, counts.resident_mib_seconds);
  return out;
}

/// `readTrace(file)`: what is in it, or an object with `error`.
Value read_trace_facts(const CallbackInfo& info) {
  trace::Trace trace;
  const std::string wrong = trace::read_trace_file(text_at(info, 0).c_str(), trace);
  if (!wrong.empty()) return error_object(info.Env(), "trace", wrong.c_str());
  return facts_object(info.Env(), trace);
}

/// Of [name, text] pairs. False for one that cannot be used here, with `error` filled in, and for
/// what cannot be read.
bool read_saved_policies(Napi::Env env, Napi::Value list, std::vector<SavedPolicy>& out,
                         PolicyError& error) {
  std::uint32_t length = 0;
  if (napi_get_array_length(env, list, &length) != napi_ok) return false;
  const MachineFacts machine = read_machine();
  for (std::uint32_t i = 0; i < length && out.size() < PolicyContest::kMaxPolicies; ++i) {
    Napi::Value pair;
    Napi::Value name;
    Napi::Value text;
    if (!read_element(env, list, i, pair) || !read_element(env, pair, 0, name) ||
        !read_element(env, pair, 1, text))
      return false;
    SavedPolicy saved;
    if (!read_saved_policy(text_of(env, text), text_of(env, name), machine, saved, error))
      return false;
    out.push_back(std::move(saved));
  }
  return true;
}

/// `tuneTrace(file, nsOfMibSecond, policies)`: every setting and rule on it, or an object with
/// `error`. A price of zero is the usual one. `policies`: [name, text] of saved ones, of which the
/// first kMaxPolicies compete.
Value tune_trace(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  trace::Trace trace;
  const std::string wrong = trace::read_trace_file(text_at(info, 0).c_str(), trace);
  if (!wrong.empty()) return error_object(env, "trace", wrong.c_str());
  if (trace.events == 0)
    return error_object(env, "trace", "it has no events; record a program that allocates");
  std::vector<SavedPolicy> saved;
  PolicyError error;
  if (!read_saved_policies(env, info[2], saved, error)) {
    const bool is_told = error.kind != PolicyErrorKind::kNone;
    return error_object(env, "policy", is_told ? error.message : "the policies cannot be read");
  }
  UnitCosts unit;
  if (const double price = figure_at(info, 1); price != 0) unit.mib_second = price;
  const Tuning tuning = tune(trace, unit, read_machine(), saved);
  Napi::Object out = Napi::Object::New(env);
  out["trace"] = facts_object(env, trace);
  Napi::Array rows = Napi::Array::New(env);
  for (const TunedRow& row : tuning.rows) rows[rows.Length()] = row_object(env, row);
  out["rows"] = rows;
  out["policy"] = tuning.policy;
  return out;
}

}  // namespace

void export_trace_functions(Napi::Object& exports) {
  export_function<read_trace_facts>(exports, "readTrace");
  export_function<tune_trace>(exports, "tuneTrace");
}

}  // namespace superslab
