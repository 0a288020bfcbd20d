// Figures of a pool, and what JavaScript counts for it.
#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "binding/adaptation_objects.h"
#include "binding/objects.h"
#include "binding/stats_objects.h"
#include "diagnostics/leak_sites.h"

namespace superslab {
namespace {

/// `stats()`: undefined once the pool is closed and everything of it is home.
Value stats(const CallbackInfo& info, EnvironmentPool& pool) {
  if (pool.cache() == nullptr) return info.Env().Undefined();
  pool.cache()->fold();
  pool.environment.for_each_share(pool,
                                  [](const EnvironmentPool& share) { share.cache()->fold(); });
  PoolFigures figures;
  figures.id = pool.account.heap;
  const Pool& own = pool.cache()->pool();
  own.stats(pool.environment.space().os().fault_counts(), figures);
  return figures_object(info.Env(), figures);
}

/// `history()`: undefined for a pool that does not adapt, once it is closed and everything of it is
/// home, and without memory.
Value history(const CallbackInfo& info, EnvironmentPool& pool) {
  const std::unique_ptr<DemandHistory> copy(new (std::nothrow) DemandHistory);
  if (pool.cache() == nullptr || copy == nullptr || !pool.cache()->pool().history(*copy))
    return info.Env().Undefined();
  return history_object(info.Env(), *copy);
}

/// `recordSize(size, capacity, weight)`: a lease that stands for `weight` of them.
void record_size(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto size = whole_at(info, 0);
  const auto capacity = whole_at(info, 1);
  const auto weight = whole_at(info, 2);
  if (pool.cache() != nullptr && size && capacity && weight)
    pool.cache()->pool().lease_histograms().add_size(*size, *capacity, *weight);
}

/// `recordLifetime(microseconds, weight)`
void record_lifetime(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto microseconds =
      static_cast<std::uint64_t>(std::min(figure_at(info, 0), static_cast<double>(kMaxWhole)));
  const auto weight = whole_at(info, 1);
  if (pool.cache() != nullptr && weight)
    pool.cache()->pool().lease_histograms().lifetimes.add(microseconds, *weight);
}

/// `watch(name)`: what the thread still has leased of the pool when it ends is noted under this
/// name. Returns the size of the machine's pages.
Value watch(const CallbackInfo& info, EnvironmentPool& pool) {
  pool.account.watched_name = text_at(info, 0);
  return Napi::Number::New(info.Env(), static_cast<double>(system_os().page_bytes()));
}

/// `noteLeak({ tag, stack, bytes, size, ageMs, estimated })`: of a lease whose buffer was
/// collected; how many leaks the site has had.
Value note_leak(const CallbackInfo& info, EnvironmentPool& pool) {
  const Fields given(info, 0);
  const std::string tag = given.text("tag");
  const std::string stack = given.text("stack");
  const auto bytes = given.whole("bytes");
  const auto size = given.whole("size");
  const double age_ms = given.figure("ageMs");
  const double estimated = given.figure("estimated");
  if (!bytes || !size) return Napi::Number::New(info.Env(), 0);
  if (pool.cache() != nullptr) pool.cache()->pool().count_collected(*bytes);
  const std::uint64_t count = LeakSites::of_process().note(
      {pool.account.heap, LeakReason::kCollected, tag, stack},
      {pool.account.watched_name, 1, estimated, *bytes, *size, age_ms});
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

/// `noteAtEnd({ block, tag, stack, bytes, size, ageMs })`: the thread is about to end, and with it
/// a lease, which is a leak if nobody releases it before.
void note_at_end(const CallbackInfo& info, EnvironmentPool& pool) {
  const Fields given(info, 0);
  const auto block = given.whole("block", UINT32_MAX);
  const auto bytes = given.whole("bytes");
  const auto size = given.whole("size");
  EndNote note;
  note.block = block ? static_cast<BlockNumber>(*block) : kNoBlock;
  note.bytes = bytes.value_or(0);
  note.size = size.value_or(0);
  note.age_ms = given.figure("ageMs");
  note.tag = given.text("tag");
  note.stack = given.text("stack");
  if (block && bytes && size) pool.account.at_end.push_back(std::move(note));
}

/// `leakSites()`
Value leak_sites(const CallbackInfo& info, EnvironmentPool& pool) {
  return leak_site_list(info.Env(),
                        [&](const LeakSite& site) { return site.heap == pool.account.heap; });
}

/// `countGuardReport(isPoison)`
void count_guard_report(const CallbackInfo& info, EnvironmentPool& pool) {
  if (pool.cache() != nullptr) pool.cache()->pool().count_guard_report(bool_at(info, 0));
}

}  // namespace

void add_pool_figure_methods(Methods& methods) {
  add_shared_method<EnvironmentPool, stats>(methods, "stats");
  add_shared_method<EnvironmentPool, history>(methods, "history");
  add_hot_method<EnvironmentPool, record_size>(methods, "recordSize");
  add_hot_method<EnvironmentPool, record_lifetime>(methods, "recordLifetime");
  add_shared_method<EnvironmentPool, watch>(methods, "watch");
  add_shared_method<EnvironmentPool, note_leak>(methods, "noteLeak");
  add_shared_method<EnvironmentPool, note_at_end>(methods, "noteAtEnd");
  add_shared_method<EnvironmentPool, leak_sites>(methods, "leakSites");
  add_shared_method<EnvironmentPool, count_guard_report>(methods, "countGuardReport");
}

}  // namespace superslab
