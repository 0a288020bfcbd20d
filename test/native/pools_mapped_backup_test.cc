// Copies of a mapped pool that are made while it is used.
#include "check.h"
#include "mapped_fixture.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

constexpr char kCopy[] = "/copy";

std::unique_ptr<MappedPool> copy_of(FakeFiles& files) {
  std::unique_ptr<MappedPool> pool;
  static_cast<void>(MappedPool::open(files, kCopy, small_options(), &pool));
  return pool;
}

TEST(pools, "a backup that is made while the pool works is what the last commit left") {
  for (unsigned seed = 0; seed < 40; seed += kTrialStep) {
    const Context context("seed " + std::to_string(seed));
    FakeFiles files;
    Workload work(seed);
    auto pool = opened(files, small_options());
    CHECK(work.run(*pool, seed * 5));
    CHECK(pool->begin_backup(kCopy, 0600).ok());
    CHECK(pool->begin_backup(kCopy, 0600).fault == Fault::kBackup);
    MappedPool::BackupProgress progress;
    do {
      CHECK(pool->go_on_with_backup(50'000, &progress).ok());
      CHECK(work.run(*pool, 10));
    } while (progress.done < progress.total);
    CHECK(files.content(kCopy).empty());  // not before it is finished
    CHECK(pool->finish_backup().ok());
    const Content& expected = work.states[work.acknowledged];
    // The machine may lose power at once: the copy is durable.
    const auto after = files.after_power_failure(seed);
    for (FakeFiles* const there : {&files, after.get()}) {
      const auto copy = copy_of(*there);
      CHECK(copy != nullptr);
      CHECK_EQ(copy->check().wrong, 0u);
      CHECK(content_of(*copy) == expected);
    }
    CHECK(work.run(*pool, 50));
    CHECK_EQ(pool->check().wrong, 0u);
  }
}

TEST(pools, "a backup that is given up, or whose disk is full, leaves no copy and no harm") {
  FakeFiles files;
  Workload work(3);
  auto pool = opened(files, small_options());
  CHECK(work.run(*pool, 50));
  CHECK(pool->finish_backup().fault == Fault::kBackup);
  CHECK(pool->begin_backup(kCopy, 0600).ok());
  pool->end_backup();
  MappedPool::BackupProgress progress;
  CHECK(pool->go_on_with_backup(1, &progress).fault == Fault::kBackup);
  CHECK(pool->begin_backup(kCopy, 0600).ok());
  files.fail_nth(2, {FileStatus::kNoSpace, 28}, FakeFiles::Lasts::kFromThenOn);
  Failure failure;
  do {
    failure = pool->go_on_with_backup(100'000, &progress);
  } while (failure.ok() && progress.done < progress.total);
  if (failure.ok()) failure = pool->finish_backup();
  files.fail_none();
  CHECK(failure.fault == Fault::kFile && failure.file.status == FileStatus::kNoSpace);
  CHECK(files.content(kCopy).empty());
  CHECK(pool->broken().ok());
  CHECK(work.run(*pool, 50));
  // A file that is there is left as it is.
  CHECK(pool->begin_backup(kPath, 0600).ok());
  while (pool->go_on_with_backup(1 << 20, &progress).ok() && progress.done < progress.total) {
  }
  failure = pool->finish_backup();
  CHECK(failure.fault == Fault::kFile && failure.file.status == FileStatus::kExists);
  CHECK(pool->begin_backup("/other", 0600).ok());
  CHECK(pool->close().ok());
  CHECK(pool->go_on_with_backup(1, &progress).fault == Fault::kClosed);
}

}  // namespace
}  // namespace superslab_test

#endif
