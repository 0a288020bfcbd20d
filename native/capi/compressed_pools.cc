// Pools of compressed values. An ss_compressed_pool is a ProgramCompressedPool whose type C does
// not know.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/keep_errno.h"
#include "capi/c_api.h"
#include "capi/json_text.h"
#include "capi/pool_text.h"
#include "malloc/program_compressed.h"

using namespace superslab;

namespace {

using Fault = CompressedPool::Fault;
using Result = CompressedPool::Result;

ProgramCompressedPool& from(const ss_compressed_pool* pool,
                            const char* function = __builtin_FUNCTION()) {
  auto* found = reinterpret_cast<ProgramKind*>(const_cast<ss_compressed_pool*>(pool));
  ProgramCompressedPool::check(function, found);
  return *static_cast<ProgramCompressedPool*>(found);
}

int error_of(TierFault fault) {
  switch (fault) {
    case TierFault::kNone:
    case TierFault::kCold:
    case TierFault::kForeign:
      break;
    case TierFault::kStale:
      return ESTALE;
    case TierFault::kPinned:
      return EBUSY;
    case TierFault::kUnpinned:
      return EALREADY;
    case TierFault::kTooManyPins:
      return EOVERFLOW;
    case TierFault::kCorrupt:
      return EBADMSG;
  }
  return 0;
}

int error_of(Result result) {
  switch (result.fault) {
    case Fault::kNone:
      break;
    case Fault::kNoMemory:
      return ENOMEM;
    case Fault::kNoRoom:
      return ENOBUFS;
    case Fault::kTooLarge:
      return EMSGSIZE;
    case Fault::kClosed:
      return ESHUTDOWN;
    case Fault::kOfValue:
      return error_of(result.value);
  }
  return 0;
}

/// 0, or -1 with errno, which stays as it was where nothing is wrong.
template <class Call>
int with_errno(Call call) {
  const int before = errno;
  const Result result = call();
  const int error = error_of(result);
  errno = error == 0 ? before : error;
  return error == 0 ? 0 : -1;
}

/// What the caller's struct has that ours has not must be 0.
bool read_options(const ss_compressed_pool_options* given, ss_compressed_pool_options& out) {
  out = SS_COMPRESSED_POOL_OPTIONS;
  if (given == nullptr || given->struct_bytes < sizeof given->struct_bytes) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof out; i < given->struct_bytes; ++i)
    if (bytes[i] != 0) return false;
  std::memcpy(&out, given, std::min(given->struct_bytes, sizeof out));
  if (out.min_ratio == 0) out.min_ratio = 1.25;
  if (out.cpu_budget == 0) out.cpu_budget = 0.25;
  if (out.watermark == 0) out.watermark = 0.8;
  if (out.hot_bytes == 0) out.hot_bytes = 64 * kMiB;
  const auto is_share = [](double share) { return share > 0 && share <= 1; };
  // Written so that NaN is none of these.
  return out.hot_bytes >= 64 * kKiB && out.min_ratio >= 1 && out.min_ratio < 1e9 &&
         is_share(out.cpu_budget) && is_share(out.watermark) &&
         (out.cold_bytes == 0 || out.cold_bytes >= 64 * kKiB) && out.flags == 0;
}

}  // namespace

int ss_compressed_pool_has_lz4(void) { return has_lz4() ? 1 : 0; }

ss_compressed_pool* ss_compressed_pool_new(const ss_compressed_pool_options* options) {
  ss_compressed_pool_options given;
  if (!read_options(options, given) || !has_lz4()) {
    errno = has_lz4() ? EINVAL : ENOSYS;
    return nullptr;
  }
  CompressedPool::Options own;
  own.tiers.hot_bytes = given.hot_bytes;
  own.tiers.watermark = given.watermark;
  own.tiers.min_ratio = given.min_ratio;
  own.cold_bytes = given.cold_bytes;
  own.hook = {given.evicted, given.context};
  ProgramCompressedPool::Made made;
  with_errno([&] {
    made =
        ProgramCompressedPool::make(own, given.cpu_budget, given.name == nullptr ? "" : given.name);
    return Result{made.fault};
  });
  return reinterpret_cast<ss_compressed_pool*>(static_cast<ProgramKind*>(made.pool));
}

ss_value ss_compressed_pool_put(ss_compressed_pool* pool, const void* bytes, size_t length) {
  TierHandle handle = 0;
  ProgramCompressedPool& own = from(pool);
  with_errno([&] { return own.put(bytes, length, handle); });
  return handle;
}

void* ss_compressed_pool_access(ss_compressed_pool* pool, ss_value value, size_t* length) {
  void* bytes = nullptr;
  ByteCount found = 0;
  ProgramCompressedPool& own = from(pool);
  with_errno([&] { return own.access(value, bytes, found); });
  if (bytes != nullptr && length != nullptr) *length = found;
  return bytes;
}

int ss_compressed_pool_release(ss_compressed_pool* pool, ss_value value) {
  ProgramCompressedPool& own = from(pool);
  return with_errno([&] { return own.release(value); });
}

int ss_compressed_pool_free(ss_compressed_pool* pool, ss_value value) {
  ProgramCompressedPool& own = from(pool);
  return with_errno([&] { return own.values().free(value); });
}

size_t ss_compressed_pool_pinned(ss_compressed_pool* pool, ss_value* out, size_t count) {
  std::size_t pinned = 0;
  from(pool).values().tiers().for_each_pinned(UINT32_MAX,
                                              [&](TierHandle handle, std::uint32_t, std::uint32_t) {
                                                if (pinned < count) out[pinned] = handle;
                                                ++pinned;
                                              });
  return pinned;
}

size_t ss_compressed_pool_cool(ss_compressed_pool* pool, size_t bytes) {
  const KeepErrno keep;
  CompressedPool& values = from(pool).values();
  std::size_t done = 0;
  while (done < bytes && !values.is_closed()) {
    ByteCount freed = 0;
    const Cooled result = values.tiers().cool_one(freed);
    if (result == Cooled::kDone) done += freed;
    if (result == Cooled::kNothing || result == Cooled::kFull || result == Cooled::kNoMemory) break;
  }
  return done;
}

size_t ss_compressed_pool_trim(ss_compressed_pool* pool) {
  const KeepErrno keep;
  CompressedPool& values = from(pool).values();
  return values.is_closed() ? 0 : values.trim(0);
}

size_t ss_compressed_pool_close(ss_compressed_pool* pool) {
  if (pool == nullptr) return 0;
  const KeepErrno keep;
  return from(pool).close();
}

const char* ss_compressed_pool_name(const ss_compressed_pool* pool) {
  return from(pool).values().name().data();
}

int ss_compressed_pool_stats(const ss_compressed_pool* pool, ss_compressed_stats* stats) {
  if (stats == nullptr || stats->struct_bytes < sizeof stats->struct_bytes) {
    errno = EINVAL;
    return -1;
  }
  CompressedPool& values = from(pool).values();
  const TierFigures figures = values.tiers().figures();
  const ss_compressed_stats all = {
      .struct_bytes = sizeof all,
      .hot_values = figures.hot_values,
      .hot_bytes = figures.hot_bytes,
      .cold_values = figures.cold_values,
      .cold_bytes = figures.cold_bytes,
      .chunk_bytes = values.cold().heap().budget().charged(),
      .repeated_values = figures.repeated_values,
      .committed_bytes = values.committed_bytes(),
      .cooled = figures.cooled,
      .heated = figures.heated,
      .rejected = figures.rejected,
      .in_vain = figures.in_vain,
      .refused = figures.refused,
      .evicted = values.evicted(),
      .corrupt = figures.corrupt,
      .exhausted = values.heap().stats({}).exhausted,
      .cpu_ns = from(pool).cooler().cpu(),
  };
  const std::size_t bytes = stats->struct_bytes;
  std::memset(stats, 0, bytes);
  std::memcpy(stats, &all, std::min(bytes, sizeof all));
  stats->struct_bytes = bytes;
  return 0;
}

size_t ss_compressed_pool_stats_json(const ss_compressed_pool* pool, char* buffer, size_t size) {
  const KeepErrno keep;
  JsonText json(buffer, size);
  write_pool(json, from(pool).values());
  return json.length();
}

const char* ss_compressed_pool_check(const ss_compressed_pool* pool) {
  CompressedPool& values = from(pool).values();
  if (values.tiers().contradiction() != nullptr) return "values";
  return values.check() == PoolFault::kNone ? nullptr : "heap";
}
