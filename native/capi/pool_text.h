// A pool of the program in figures.
#pragma once

#include "capi/json_text.h"
#include "malloc/program_compressed.h"
#include "malloc/program_generational.h"
#include "malloc/program_packets.h"
#include "malloc/program_page_cache.h"
#include "pools/compressed/compressed_pool.h"
#include "pools/fixed/fixed_pool.h"

struct ss_pool_stats;
struct ss_page_stats;

namespace superslab {

enum class Detail : bool { kFew, kAll };

/// One object: what the pool is and how many objects are where, or all that is counted of it.
void write_pool(JsonText& json, const FixedPool& pool, Detail detail);

void write_pool(JsonText& json, const ProgramPackets& pool, Detail detail);
void write_pool(JsonText& json, const GenerationalPool& pool, Detail detail);

ss_pool_stats stats_of(const FixedPool& pool);
ss_pool_stats stats_of(const ProgramPackets& pool);
ss_pool_stats stats_of(const GenerationalPool& pool);

/// All pools of the program, as an array.
void write_pools(JsonText& json);

/// The same of compressed values: all that is counted of them.
void write_pool(JsonText& json, CompressedPool& pool);
void write_pool(JsonText& json, ProgramPageCache& cache);

ss_page_stats stats_of(ProgramPageCache& cache);

}  // namespace superslab
