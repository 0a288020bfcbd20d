// Sensitive files: what was freed, undone or never committed is overwritten, whatever moment the
// process or the machine ends at; and files that are destroyed.
#include "check.h"
#include "mapped_fixture.h"
#include "pools/mapped/zeros.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

MappedOptions sensitive_options(SyncLevel promise = SyncLevel::kData) {
  MappedOptions options = small_options(promise);
  options.sensitive = Sensitive::kYes;
  return options;
}

/// Bytes of the data that are not zero, and that no block has.
std::uint64_t remains(MappedPool& pool) {
  std::uint64_t found = 0;
  std::uint64_t from = 0;
  const auto count_up_to = [&](std::uint64_t to) {
    for (; from < to; ++from) found += pool.data()[from] != 0;
  };
  std::uint64_t cursor = 0;
  for (Block block; pool.next(&cursor, &block);) {
    count_up_to(block.offset);
    from = block.offset + block.bytes;
  }
  count_up_to(pool.data_bytes());
  return found;
}

bool is_journal_empty(const FakeFiles& files, const Layout& layout) {
  const auto bytes = files.content(kPath);
  return is_zero(bytes.data() + layout.half_at(0), layout.journal_bytes);
}

/// Opens the file as it was left, and looks for what should not be there.
void check_after(FakeFiles& files, const Workload& work, std::size_t oldest,
                 const MappedOptions& options) {
  auto pool = opened(files, options);
  CHECK(pool != nullptr && pool->layout().is_sensitive);
  CHECK_EQ(pool->check().wrong, 0u);
  CHECK_EQ(remains(*pool), 0u);
  const Content content = content_of(*pool);
  bool is_known = false;
  for (std::size_t i = oldest; i < work.states.size(); ++i) is_known |= content == work.states[i];
  CHECK(is_known);
  for (const auto& [handle, text] : content.blocks) CHECK(pool->free(handle).ok());
  CHECK(pool->commit(SyncLevel::kData).ok());
  CHECK_EQ(remains(*pool), 0u);
  const Layout layout = pool->layout();
  CHECK(pool->close().ok());
  CHECK(is_journal_empty(files, layout));
  const auto bytes = files.content(kPath);
  CHECK(is_zero(bytes.data() + layout.data_at(), bytes.size() - layout.data_at()));
}

TEST(pools,
     "a sensitive file has nothing but its blocks after a durable commit, and after a kill") {
  for (unsigned seed = 0; seed < 12; seed += kTrialStep) {
    const Context context("seed " + std::to_string(seed));
    const bool promises = seed % 3 != 0;
    const MappedOptions options = sensitive_options(promises ? SyncLevel::kData : SyncLevel::kNone);
    FakeFiles files;
    Workload work(seed);
    auto pool = opened(files, options);
    CHECK(pool != nullptr);
    for (int i = 0; i < 20; ++i) {
      CHECK(work.run(*pool, 25));
      const auto killed = files.after_kill();
      check_after(*killed, work, work.acknowledged, small_options(options.promise));
      CHECK(work.commit(*pool, SyncLevel::kData));
      CHECK_EQ(remains(*pool), 0u);
      CHECK(content_of(*pool) == work.now());
    }
    const Layout layout = pool->layout();
    CHECK(pool->close().ok());
    CHECK(is_journal_empty(files, layout));
  }
}

TEST(pools, "a sensitive file is overwritten after a kill and a power failure at any call") {
  std::uint64_t calls = UINT64_MAX;
  for (std::uint64_t n = 1; n <= calls; n += 5 * kTrialStep) {
    const Context context("call " + std::to_string(n));
    const MappedOptions options = sensitive_options();
    FakeFiles files;
    files.write_back_by_chance(n % 2 == 0);
    Workload work(80);
    files.fail_nth(n, {FileStatus::kIo, 5}, FakeFiles::Lasts::kFromThenOn);
    {
      const auto pool = opened(files, options);
      if (pool != nullptr) work.run(*pool, 250);
    }
    if (files.calls() < n) calls = n;
    const auto killed = files.after_kill();
    check_after(*killed, work, work.acknowledged, options);
    const auto off = files.after_power_failure(static_cast<unsigned>(n));
    check_after(*off, work, work.durable, options);
  }
}

TEST(pools, "recovery of a sensitive file can be cut off at any call") {
  FakeFiles files;
  Workload work(81);
  auto pool = opened(files, sensitive_options());
  CHECK(work.run(*pool, 300));
  std::uint64_t calls = UINT64_MAX;
  for (std::uint64_t n = 1; n <= calls; n += kTrialStep) {
    const Context context("call " + std::to_string(n));
    const auto killed = files.after_kill();
    killed->fail_nth(n, {FileStatus::kIo, 5}, FakeFiles::Lasts::kFromThenOn);
    pool = opened(*killed, sensitive_options());
    if (killed->calls() < n) calls = n;
    pool.reset();
    const auto again = killed->after_kill();
    check_after(*again, work, work.acknowledged, sensitive_options());
  }
}

TEST(pools,
     "room that a sensitive file has freed is had again after a commit that follows a request") {
  FakeFiles files;
  auto pool = opened(files, sensitive_options());
  Block block;
  CHECK(pool->alloc(3 * kMiB, &block).ok() && pool->commit().ok());
  CHECK(pool->free(block.handle).ok());
  CHECK(pool->alloc(3 * kMiB, &block).fault == Fault::kFull);
  CHECK(pool->commit().ok());
  CHECK(pool->alloc(3 * kMiB, &block).ok());
}

TEST(pools, "whether a file is sensitive is fixed when it is made") {
  FakeFiles files;
  opened(files, sensitive_options());
  Failure failure;
  MappedOptions other = small_options();
  other.sensitive = Sensitive::kNo;
  opened(files, other, &failure);
  CHECK(failure.fault == Fault::kOtherSensitive);
  FakeFiles plain;
  opened(plain, small_options());
  opened(plain, sensitive_options(), &failure);
  CHECK(failure.fault == Fault::kOtherSensitive);
}

TEST(pools, "a file that is destroyed is zeros without a name, at any call that fails") {
  std::uint64_t calls = UINT64_MAX;
  for (std::uint64_t n = 1; n <= calls; n += kTrialStep) {
    const Context context("call " + std::to_string(n));
    FakeFiles files;
    Workload work(82);
    auto pool = opened(files, small_options());
    CHECK(work.run(*pool, 200));
    const std::uint64_t before = files.calls();
    files.fail_nth(n, {FileStatus::kIo, 5}, FakeFiles::Lasts::kFromThenOn);
    const Failure failure = pool->destroy(kPath);
    const bool is_over = files.calls() - before < n;
    CHECK_EQ(failure.ok(), is_over);
    Block block;
    CHECK(pool->alloc(10, &block).fault == Fault::kClosed);
    CHECK(pool->commit().fault == Fault::kClosed);
    CHECK(pool->destroy(kPath).fault == Fault::kClosed);
    files.fail_none();
    CHECK(pool->close().ok());
    if (!is_over) continue;
    calls = n;
    std::unique_ptr<File> file;
    CHECK(files.open(kPath, FileAccess::kRead, 0600, &file).status == FileStatus::kNotFound);
  }
}

TEST(pools, "a file whose name leads elsewhere is overwritten, and the other one is left alone") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  CHECK(pool->destroy("/other").file.status == FileStatus::kNotFound);
  CHECK(pool->close().ok());
  CHECK(is_zero(files.content(kPath).data(), files.content(kPath).size()));
}

}  // namespace
}  // namespace superslab_test

#endif
