#include "capi/pool_text.h"

#include "capi/c_api.h"

namespace superslab {

ss_pool_stats stats_of(const FixedPool& pool) {
  const HeapStats heap = pool.heap().stats({});
  const ClassStats objects = pool.heap().class_stats(pool.block_class());
  return {
      .struct_bytes = sizeof(ss_pool_stats),
      .object_bytes = pool.options().object_bytes,
      .block_bytes = pool.block_bytes(),
      .max = pool.options().max,
      .in_use = objects.in_use_blocks,
      .cached = objects.cached_blocks,
      .committed_bytes = heap.committed_bytes,
      .exhausted = heap.exhausted,
      .double_puts = heap.double_frees,
      .foreign_puts = pool.foreign_puts(),
  };
}

namespace {

void write_counts(JsonText& json, const FixedPool& pool) {
  const HeapStats heap = pool.heap().stats();
#define HEAP_STAT(field, name, unit, meaning) json.add(name, heap.field);
#define LEASE_STAT(field, name, unit, meaning)
#define LEASE_LEVEL(field, name, unit, meaning)
#define PROCESS_STAT(field, name, unit, meaning)
#define PROCESS_LEVEL(field, name, unit, meaning)
#include "heap/stats.def"
  const ClassStats objects = pool.heap().class_stats(pool.block_class());
#define CLASS_STAT(field, name, unit, meaning) json.add(name, objects.field);
#define LEASE_CLASS_STAT(field, name, unit, meaning)
#include "heap/stats.def"
}

}  // namespace

void write_pool(JsonText& json, const FixedPool& pool, Detail detail) {
  const ss_pool_stats stats = stats_of(pool);
  json.open('{');
  json.key("name");
  json.text(pool.name().data());
  json.key("kind");
  json.text("fixed");
  json.key("isClosed");
  json.boolean(pool.is_closed());
  json.add("objectBytes", stats.object_bytes);
  json.add("max", stats.max);
  json.add("initial", pool.options().initial);
  json.add("inUse", stats.in_use);
  json.add("cached", stats.cached);
  json.add("foreignPuts", stats.foreign_puts);
  if (detail == Detail::kAll) {
    json.add("blockBytes", stats.block_bytes);
    json.key("isPerCpu");
    json.boolean(pool.has_cpu_magazines());
    write_counts(json, pool);
  } else {
    json.add("committedBytes", stats.committed_bytes);
  }
  json.close('}');
}

void write_pool(JsonText& json, CompressedPool& pool) {
  const TierFigures figures = pool.tiers().figures();
  json.open('{');
  json.key("name");
  json.text(pool.name().data());
  json.key("kind");
  json.text("compressed");
  json.key("isClosed");
  json.boolean(pool.is_closed());
  json.add("hotBytes", pool.heap().budget().charged());
  json.add("hotLimit", pool.heap().budget().max_bytes());
  json.add("coldBytes", pool.cold().heap().budget().charged());
  json.add("coldLimit", pool.cold().heap().budget().max_bytes());
  json.add("committedBytes", pool.committed_bytes());
  json.add("hotValues", figures.hot_values);
  json.add("hotValueBytes", figures.hot_bytes);
  json.add("coldValues", figures.cold_values);
  json.add("coldValueBytes", figures.cold_bytes);
  json.add("compressedBytes", figures.compressed_bytes);
  json.add("repeatedValues", figures.repeated_values);
  json.add("cooled", figures.cooled);
  json.add("heated", figures.heated);
  json.add("rejected", figures.rejected);
  json.add("inVain", figures.in_vain);
  json.add("refused", figures.refused);
  json.add("evicted", pool.evicted());
  json.add("corrupt", figures.corrupt);
  json.close('}');
}

}  // namespace superslab
