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

ss_pool_stats stats_of(const ProgramPackets& pool) {
  ss_pool_stats stats = stats_of(pool.rooms());
  stats.object_bytes = pool.packets().options().size;
  stats.committed_bytes += pool.segments().heap().stats({}).committed_bytes;
  stats.double_puts = pool.packets().misuses();
  return stats;
}

ss_pool_stats stats_of(const GenerationalPool& pool) {
  const HeapStats heap = pool.heap().stats({});
  ss_pool_stats stats{};
  stats.struct_bytes = sizeof stats;
  stats.in_use = pool.values();
  stats.committed_bytes = heap.committed_bytes;
  stats.exhausted = heap.exhausted;
  stats.double_puts = pool.stale();
  return stats;
}

namespace {

void write_head(JsonText& json, const Pool& pool, const char* kind) {
  json.open('{');
  json.key("name");
  json.text(pool.name().data());
  json.key("kind");
  json.text(kind);
  json.key("isClosed");
  json.boolean(pool.is_closed());
}

void write_heap(JsonText& json, const HeapStats& heap) {
#define HEAP_STAT(field, name, unit, meaning) json.add(name, heap.field);
#define LEASE_STAT(field, name, unit, meaning)
#define LEASE_LEVEL(field, name, unit, meaning)
#define PROCESS_STAT(field, name, unit, meaning)
#define PROCESS_LEVEL(field, name, unit, meaning)
#include "heap/stats.def"
}

void write_counts(JsonText& json, const FixedPool& pool) {
  write_heap(json, pool.heap().stats());
  const ClassStats objects = pool.heap().class_stats(pool.block_class());
#define CLASS_STAT(field, name, unit, meaning) json.add(name, objects.field);
#define LEASE_CLASS_STAT(field, name, unit, meaning)
#include "heap/stats.def"
}

}  // namespace

void write_pool(JsonText& json, const FixedPool& pool, Detail detail) {
  const ss_pool_stats stats = stats_of(pool);
  write_head(json, pool, "fixed");
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

void write_pool(JsonText& json, const ProgramPackets& pool, Detail detail) {
  const ss_pool_stats stats = stats_of(pool);
  const PacketPoolOptions& options = pool.packets().options();
  write_head(json, pool.rooms(), "packet");
  json.add("size", options.size);
  json.add("headroom", options.headroom);
  json.add("tailroom", options.tailroom);
  json.add("max", stats.max);
  json.add("initial", pool.rooms().options().initial);
  json.add("inUse", stats.in_use);
  json.add("cached", stats.cached);
  json.add("segmentsInUse", pool.segments().in_use());
  json.add("misuses", stats.double_puts);
  json.add("committedBytes", stats.committed_bytes);
  if (detail == Detail::kAll) {
    json.add("blockBytes", stats.block_bytes);
    json.key("rooms");
    json.open('{');
    write_counts(json, pool.rooms());
    json.close('}');
    json.key("segments");
    json.open('{');
    write_counts(json, pool.segments());
    json.close('}');
  }
  json.close('}');
}

void write_pool(JsonText& json, const GenerationalPool& pool, Detail detail) {
  const ss_pool_stats stats = stats_of(pool);
  const Collector& collector = pool.collector();
  write_head(json, pool, "generational");
  json.add("young", pool.options().young);
  json.add("old", pool.options().old);
  json.add("permanent", pool.options().permanent);
  json.add("maxBytes", pool.options().max_bytes);
  json.add("inUse", stats.in_use);
  json.add("liveBytes", pool.live_bytes());
  json.add("youngHeldBytes", pool.held(Generation::kYoung) + pool.held(Generation::kLeaving));
  json.add("oldHeldBytes", pool.held(Generation::kOld));
  json.add("permanentHeldBytes", pool.held(Generation::kPermanent));
  json.add("scopesHeldBytes", pool.held(Generation::kScope));
  json.add("collections", collector.collections());
  json.add("movedValues", collector.moved_values());
  json.add("promotedBytes", collector.promoted_bytes());
  json.add("pretenured", pool.pretenured());
  json.add("staleHandles", stats.double_puts);
  if (detail == Detail::kAll) {
    json.add("chunkBytes", pool.chunk_bytes());
    write_heap(json, pool.heap().stats());
  } else {
    json.add("committedBytes", stats.committed_bytes);
  }
  json.close('}');
}

ss_page_stats stats_of(ProgramPageCache& cache) {
  const pages::PageFigures figures = cache.cache().figures();
  const pages::PageCacheOptions& options = cache.cache().options();
  return {
      .struct_bytes = sizeof(ss_page_stats),
      .page_bytes = options.page_bytes,
      .max_bytes = options.frames * options.page_bytes,
      .committed_bytes = cache.frames().heap().committed_bytes(),
      .file_pages = figures.file_pages,
      .pages = figures.pages,
      .pinned = figures.pinned,
      .dirty = figures.dirty,
      .hits = cache.hits(),
      .misses = figures.misses,
      .prefetches = figures.prefetches,
      .reads = figures.reads,
      .writes = figures.writes,
      .write_calls = figures.write_calls,
      .writes_ahead = figures.writes_ahead,
      .evictions = figures.evictions,
      .waits = figures.waits,
      .checkpoints = figures.checkpoints,
      .damaged = figures.damaged,
      .write_failures = figures.write_failures,
  };
}

void write_pool(JsonText& json, ProgramPageCache& cache) {
  const ss_page_stats stats = stats_of(cache);
  write_head(json, cache.frames(), "page-cache");
  json.key("path");
  json.text(cache.path().c_str());
  json.add("pageBytes", stats.page_bytes);
  json.add("maxBytes", stats.max_bytes);
  json.add("committedBytes", stats.committed_bytes);
  json.add("filePages", stats.file_pages);
  json.add("pages", stats.pages);
  json.add("pinned", stats.pinned);
  json.add("dirty", stats.dirty);
  json.add("hits", stats.hits);
  json.add("misses", stats.misses);
  json.add("prefetches", stats.prefetches);
  json.add("reads", stats.reads);
  json.add("writes", stats.writes);
  json.add("writeCalls", stats.write_calls);
  json.add("writesAhead", stats.writes_ahead);
  json.add("evictions", stats.evictions);
  json.add("waits", stats.waits);
  json.add("checkpoints", stats.checkpoints);
  json.add("damaged", stats.damaged);
  json.add("writeFailures", stats.write_failures);
  json.close('}');
}

void write_pools(JsonText& json) {
  json.open('[');
  ProgramPool::for_each([&](const ProgramPool& pool) {
    if (!pool.is_part()) write_pool(json, pool.fixed(), Detail::kFew);
  });
  ProgramKind::for_each([&](ProgramKind& pool) {
    switch (pool.kind()) {
      case ProgramKind::Kind::kPackets:
        return write_pool(json, static_cast<const ProgramPackets&>(pool), Detail::kFew);
      case ProgramKind::Kind::kGenerational:
        return write_pool(json, static_cast<const ProgramGenerational&>(pool).values(),
                          Detail::kFew);
      case ProgramKind::Kind::kCompressed:
        return write_pool(json, static_cast<ProgramCompressedPool&>(pool).values());
      case ProgramKind::Kind::kPageCache:
        return write_pool(json, static_cast<ProgramPageCache&>(pool));
    }
  });
  json.close(']');
}

}  // namespace superslab
