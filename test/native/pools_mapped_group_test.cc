// Commits of a mapped pool that share syncs.
#include <cerrno>

#include "check.h"
#include "mapped_fixture.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

void alloc_named(MappedPool& pool, const char* name, const std::string& text) {
  Block block;
  CHECK(pool.alloc(text.size(), &block).ok());
  std::memcpy(pool.data() + block.offset, text.data(), text.size());
  CHECK(pool.set_root(name, block.handle).ok());
}

constexpr std::uint64_t kNotCommitted = UINT64_MAX;

std::uint64_t committed_later(MappedPool& pool) {
  std::uint64_t sequence = 0;
  return pool.commit_later(&sequence).ok() ? sequence : kNotCommitted;
}

void sync_once(MappedPool& pool) {
  const MappedPool::GroupSync sync = pool.begin_sync();
  CHECK(pool.end_sync(sync, sync.file->sync(SyncLevel::kData)).ok());
}

/// Nothing when the file cannot be opened, or is not whole.
Content left_by_power_failure(FakeFiles& files, unsigned seed) {
  const auto after = files.after_power_failure(seed);
  const auto pool = opened(*after, small_options());
  return pool != nullptr && pool->check().wrong == 0 ? content_of(*pool) : Content{};
}

TEST(pools, "commits that share syncs are durable after the second, whatever was written since") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  alloc_named(*pool, "a", "first");
  const std::uint64_t first = committed_later(*pool);
  alloc_named(*pool, "b", "second");
  const std::uint64_t second = committed_later(*pool);
  CHECK(first != 0 && second > first);
  CHECK(pool->durable_through() < first);
  const Content durable = content_of(*pool);
  sync_once(*pool);
  CHECK(pool->durable_through() < first);
  CHECK(pool->stats().undurable_bytes > 0);
  // What comes between the two syncs is no part of what they make durable.
  alloc_named(*pool, "c", "third");
  const std::uint64_t third = committed_later(*pool);
  sync_once(*pool);
  CHECK_EQ(pool->durable_through(), second);
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Content content = left_by_power_failure(files, seed);
    CHECK(content.roots.contains("a") && content.roots.contains("b"));
    for (const auto& [handle, text] : durable.blocks) CHECK(content.blocks.at(handle) == text);
  }
  sync_once(*pool);
  CHECK_EQ(pool->durable_through(), third);
  CHECK_EQ(pool->stats().undurable_bytes, 0u);
  CHECK_EQ(pool->stats().commits, 3u);
}

TEST(pools,
     "a sync that ends after a commit with one, a checkpoint or the end has nothing to add") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  alloc_named(*pool, "a", "first");
  const std::uint64_t first = committed_later(*pool);
  const MappedPool::GroupSync sync = pool->begin_sync();
  alloc_named(*pool, "b", "second");
  CHECK(pool->commit().ok());
  CHECK(pool->durable_through() > first);
  CHECK(pool->end_sync(sync, sync.file->sync(SyncLevel::kData)).ok());
  CHECK_EQ(committed_later(*pool), 0u);  // there is nothing that is not durable
  const MappedPool::GroupSync late = pool->begin_sync();
  CHECK(pool->close().ok());
  CHECK(pool->end_sync(late, late.file->sync(SyncLevel::kData)).fault == Fault::kClosed);
  pool = opened(files, small_options());  // the lock went with the pool, not with the sync
  CHECK(pool != nullptr);
  CHECK_EQ(content_of(*pool).roots.size(), 2u);
}

TEST(pools, "a sync that fails on its thread breaks the pool") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  alloc_named(*pool, "a", "first");
  CHECK(committed_later(*pool) != kNotCommitted);
  const MappedPool::GroupSync sync = pool->begin_sync();
  CHECK(pool->end_sync(sync, {FileStatus::kIo, EIO}).fault == Fault::kFailed);
  std::uint64_t sequence = 0;
  CHECK(pool->commit_later(&sequence).fault == Fault::kFailed);
  CHECK(pool->broken().fault == Fault::kFailed);
}

TEST(pools, "space that was freed is used again once the free is durable") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(100000, &block).ok());
  CHECK(pool->commit().ok());
  const std::uint64_t used = pool->stats().free_bytes;
  CHECK(pool->free(block.handle).ok());
  CHECK(committed_later(*pool) != kNotCommitted);
  Block other;
  CHECK(pool->alloc(10, &other).ok());
  CHECK(committed_later(*pool) != kNotCommitted);  // the free is not durable yet
  CHECK(pool->stats().free_bytes <= used);
  sync_once(*pool);
  sync_once(*pool);
  CHECK(pool->stats().free_bytes <= used);
  CHECK(committed_later(*pool) != kNotCommitted);  // this one applies it
  CHECK(pool->stats().free_bytes > used);
  CHECK_EQ(pool->check().wrong, 0u);
}

TEST(pools, "with writes a commit cannot wait") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(10, &block).ok());
  CHECK(pool->commit().ok());
  const std::uint8_t bytes[3] = {1, 2, 3};
  CHECK(pool->write(block.handle, 0, bytes).ok());
  CHECK_EQ(committed_later(*pool), 0u);
  CHECK_EQ(content_of(*pool, block).substr(0, 3), std::string("\1\2\3"));
}

}  // namespace
}  // namespace superslab_test

#endif
