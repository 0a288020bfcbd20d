#include "binding/stats_objects.h"

#include <cmath>

#include "binding/adaptation_objects.h"
#include "binding/learning_objects.h"
#include "heap/size_class.h"

namespace superslab {
namespace {

Napi::Number number(Napi::Env env, std::uint64_t n) {
  return Napi::Number::New(env, static_cast<double>(n));
}

Napi::Object histogram_object(Napi::Env env, const HistogramFigures& figures, const char* unit) {
  Napi::Array buckets = Napi::Array::New(env, Histogram::kBuckets);
  std::uint64_t count = 0;
  for (std::uint32_t i = 0; i < Histogram::kBuckets; ++i) {
    buckets[i] = number(env, figures.buckets[i]);
    count += figures.buckets[i];
  }
  Napi::Object out = Napi::Object::New(env);
  out["unit"] = Napi::String::New(env, unit);
  out["buckets"] = buckets;
  out["count"] = number(env, count);
  out["samples"] = number(env, figures.samples);
  return out;
}

/// undefined for a pool that lends no objects.
Napi::Value objects_value(Napi::Env env, const ObjectCounts& counts) {
  if (counts.is_counted == 0) return env.Undefined();
  Napi::Object out = Napi::Object::New(env);
  out["acquires"] = counts.acquires;
  out["exhausted"] = counts.exhausted;
#define OBJECT_STAT(field, json, unit, meaning) out[json] = counts.field;
#include "heap/stats.def"
  return out;
}

/// undefined for a pool that is in no file.
Napi::Value file_value(Napi::Env env, const FileCounts& counts) {
  if (counts.is_counted == 0) return env.Undefined();
  Napi::Object out = Napi::Object::New(env);
#define FILE_STAT(field, json, unit, meaning) out[json] = counts.field;
#include "heap/stats.def"
  return out;
}

Napi::Object records_object(Napi::Env env, const RecordFigures& figures) {
  Napi::Object out = Napi::Object::New(env);
  out["chunkBytes"] = number(env, figures.shape.chunk_bytes);
  out["chunkRecords"] = number(env, figures.shape.chunk_records);
  out["recordBytes"] = number(env, figures.shape.record_bytes);
  out["out"] = number(env, figures.out);
  return out;
}

}  // namespace

Napi::Array statistic_rows(Napi::Env env) {
  Napi::Array rows = Napi::Array::New(env);
  const auto add = [&](const char* scope, const char* kind, const char* name, const char* unit,
                       const char* meaning) {
    Napi::Object row = Napi::Object::New(env);
    row["scope"] = Napi::String::New(env, scope);
    row["kind"] = Napi::String::New(env, kind);
    row["name"] = Napi::String::New(env, name);
    row["unit"] = Napi::String::New(env, unit);
    row["meaning"] = Napi::String::New(env, meaning);
    rows[rows.Length()] = row;
  };
#define HEAP_STAT(field, json, unit, meaning) add("heap", "counter", json, unit, meaning);
#define HEAP_LEVEL(field, json, unit, meaning) add("heap", "level", json, unit, meaning);
#define PROCESS_STAT(field, json, unit, meaning) add("process", "counter", json, unit, meaning);
#define PROCESS_LEVEL(field, json, unit, meaning) add("process", "level", json, unit, meaning);
#define CLASS_STAT(field, json, unit, meaning) add("class", "counter", json, unit, meaning);
#define CLASS_LEVEL(field, json, unit, meaning) add("class", "level", json, unit, meaning);
#define LATENCY_LEVEL(field, json, unit, meaning) add("latency", "level", json, unit, meaning);
#define HISTOGRAM_STAT(field, json, unit, meaning) add("histogram", "counter", json, unit, meaning);
#define POOL_STAT(json, unit, meaning) add("pool", "counter", json, unit, meaning);
#define POOL_LEVEL(json, unit, meaning) add("pool", "level", json, unit, meaning);
#define POOL_PROCESS_LEVEL(json, unit, meaning) add("process", "level", json, unit, meaning);
#define POOL_PROCESS_STAT(json, unit, meaning) add("process", "counter", json, unit, meaning);
#define POOL_CLASS_LEVEL(json, unit, meaning) add("class", "level", json, unit, meaning);
#define OBJECT_STAT(field, json, unit, meaning) add("objects", "counter", json, unit, meaning);
#define OBJECT_LEVEL(field, json, unit, meaning) add("objects", "level", json, unit, meaning);
#define FILE_STAT(field, json, unit, meaning) add("file", "counter", json, unit, meaning);
#define FILE_LEVEL(field, json, unit, meaning) add("file", "level", json, unit, meaning);
#define MEMORY_LEVEL(json, unit, meaning) add("memory", "level", json, unit, meaning);
#define NODE_LEVEL(json, unit, meaning) add("node", "level", json, unit, meaning);
#include "heap/stats.def"
  return rows;
}

Napi::Object figures_object(Napi::Env env, const PoolFigures& figures) {
  Napi::Object totals = Napi::Object::New(env);
#define HEAP_STAT(field, json, unit, meaning) totals[json] = number(env, figures.heap.field);
#include "heap/stats.def"

  Napi::Array classes = Napi::Array::New(env);
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const ClassStats& one = figures.classes[i];
    if (one.refills == 0) continue;
    Napi::Object row = Napi::Object::New(env);
    row["blockBytes"] = number(env, class_bytes(i));
#define CLASS_STAT(field, json, unit, meaning) row[json] = number(env, one.field);
#include "heap/stats.def"
    classes[classes.Length()] = row;
  }

  Napi::Object slow = Napi::Object::New(env);
#define LATENCY_LEVEL(field, json, unit, meaning) slow[json] = number(env, figures.slow.field);
#include "heap/stats.def"

  Napi::Object histograms = Napi::Object::New(env);
#define HISTOGRAM_STAT(field, json, unit, meaning) \
  histograms[json] = histogram_object(env, figures.field, unit);
#include "heap/stats.def"

  Napi::Object out = Napi::Object::New(env);
  out["heapId"] = number(env, figures.id);
  out["name"] = Napi::String::New(env, figures.name);
  out["closed"] = Napi::Boolean::New(env, figures.closed);
  out["heap"] = totals;
  out["classes"] = classes;
  out["slow"] = slow;
  out["histograms"] = histograms;
  out["sizeBytes"] = number(env, figures.size_bytes);
  out["capacityBytes"] = number(env, figures.capacity_bytes);
  out["objects"] = objects_value(env, figures.objects);
  out["file"] = file_value(env, figures.file);
  out["adaptations"] = adaptation_list(env, figures.adaptation);
  out["learning"] = learning_value(env, figures.learning);
  if (figures.records.shape.chunk_records != 0)
    out["records"] = records_object(env, figures.records);
  return out;
}

Napi::Object memory_object(Napi::Env env, const MemoryFacts& facts) {
  Napi::Array nodes = Napi::Array::New(env);
  for (unsigned i = 0; i < kMaxNodes; ++i) {
    if (facts.node_bytes[i] == 0) continue;
    Napi::Object node = Napi::Object::New(env);
    node["node"] = number(env, i);
    node["bytes"] = number(env, facts.node_bytes[i]);
    nodes[nodes.Length()] = node;
  }
  const auto rss = static_cast<double>(facts.rss_bytes);
  Napi::Object out = Napi::Object::New(env);
  out["rssBytes"] = number(env, facts.rss_bytes);
  out["hugeBytes"] = number(env, facts.huge_page_bytes);
  out["hugeCoverage"] =
      Napi::Number::New(env, rss == 0 ? 0 : static_cast<double>(facts.huge_page_bytes) / rss);
  out["swappedBytes"] = number(env, facts.swapped_bytes);
  out["nodes"] = nodes;
  return out;
}

Napi::Object process_object(Napi::Env env, ProcessPools& process) {
  // Copied first: no JavaScript object is made while heaps are locked.
  const std::vector<PoolFigures> all = process.all_figures();
  ByteCount committed_bytes = 0;
  std::uint64_t superslabs = 0;
  Napi::Array pools = Napi::Array::New(env, all.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    pools[i] = figures_object(env, all[i]);
    committed_bytes += all[i].heap.committed_bytes;
    superslabs += all[i].heap.superslabs_taken - all[i].heap.superslabs_given;
  }

  const ByteCount idle_bytes = process.space().idle_bytes();
  Napi::Object space = Napi::Object::New(env);
  space["reservedBytes"] = number(env, process.space().reserved_bytes());
  space["committedBytes"] = number(env, committed_bytes + idle_bytes);
  space["superslabs"] = number(env, superslabs);
  space["arenas"] = number(env, process.space().arena_count());
  space["idleBytes"] = number(env, idle_bytes);

  const FaultCounts counts = process.space().os().fault_counts();
  Napi::Object faults = Napi::Object::New(env);
  faults["minor"] = number(env, counts.minor);
  faults["major"] = number(env, counts.major);

  Napi::Object out = Napi::Object::New(env);
  out["pools"] = pools;
  out["space"] = space;
  out["faults"] = faults;
  return out;
}

Napi::Object leak_site_object(Napi::Env env, const LeakSite& site) {
  Napi::Object out = Napi::Object::New(env);
  out["pool"] = site.pool_name;
  out["tag"] = site.tag;
  out["reason"] = site.reason == LeakReason::kCollected ? "collected" : "threadEnded";
  out["size"] = static_cast<double>(site.last_size);
  out["count"] = static_cast<double>(site.count);
  out["estimated"] = std::round(site.estimated);
  out["bytes"] = static_cast<double>(site.bytes);
  out["oldestMs"] = site.oldest_ms;
  out["stack"] = site.stack;
  return out;
}

}  // namespace superslab
