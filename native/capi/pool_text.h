// A pool of the program in figures.
#pragma once

#include "capi/json_text.h"
#include "pools/compressed/compressed_pool.h"
#include "pools/fixed/fixed_pool.h"

struct ss_pool_stats;

namespace superslab {

enum class Detail : bool { kFew, kAll };

/// One object: what the pool is and how many objects are where, or all that is counted of it.
void write_pool(JsonText& json, const FixedPool& pool, Detail detail);

ss_pool_stats stats_of(const FixedPool& pool);

/// The same of compressed values: all that is counted of them.
void write_pool(JsonText& json, CompressedPool& pool);

}  // namespace superslab
