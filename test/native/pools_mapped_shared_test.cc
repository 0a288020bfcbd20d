// A mapped pool that several processes have open.
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "check.h"
#include "dying_files.h"
#include "mapped_fixture.h"
#include "os_temp_tree.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

MappedOptions shared_options(SyncLevel promise = SyncLevel::kData) {
  MappedOptions options = small_options(promise);
  options.shares = true;
  options.lock_patience = 200 * kMillisecond;
  return options;
}

std::unique_ptr<MappedPool> shared(Files& files, const std::string& path,
                                   const MappedOptions& options, Failure* failure = nullptr) {
  std::unique_ptr<MappedPool> pool;
  const Failure result = MappedPool::open(files, path, options, &pool);
  if (failure != nullptr) *failure = result;
  return pool;
}

TEST(pools, "pools that share a file see what the others have committed, and nothing else") {
  FakeFiles files;
  const auto a = shared(files, kPath, shared_options());
  const auto b = shared(files, kPath, shared_options());
  CHECK(a != nullptr && b != nullptr);
  Block block;
  CHECK(a->alloc(100, &block).ok());
  std::memcpy(a->data() + block.offset, "hello", 5);
  CHECK(a->set_root("name", block.handle).ok());
  Block found;
  CHECK(b->find(block.handle, &found).fault == Fault::kStale);
  CHECK(a->commit().ok());
  CHECK(b->find(block.handle, &found).ok());
  CHECK_EQ(content_of(*b, found).substr(0, 5), "hello");
  Handle root = kNoHandle;
  CHECK(b->root("name", &root).ok());
  CHECK_EQ(root, block.handle);
  CHECK(b->free(root).ok());
  CHECK(b->set_root("name", kNoHandle).ok());
  CHECK(a->find(block.handle, &found).ok());
  CHECK(b->commit().ok());
  CHECK(a->find(block.handle, &found).fault == Fault::kStale);
  CHECK(a->check().wrong == 0 && b->check().wrong == 0);
}

TEST(pools, "one batch at a time: a second writer waits, and is told who has the lock") {
  FakeFiles files;
  const auto a = shared(files, kPath, shared_options());
  const auto b = shared(files, kPath, shared_options());
  Block block;
  CHECK(a->alloc(100, &block).ok());
  const Failure busy = b->alloc(100, &block);
  CHECK(busy.fault == Fault::kBusy);
  CHECK_EQ(busy.where, static_cast<std::uint64_t>(::getpid()));
  CHECK(b->try_alloc(100, &block).fault == Fault::kBusy);
  CHECK(a->commit().ok());
  CHECK(b->alloc(100, &block).ok());
  b->roll_back({});
  CHECK(!b->has_uncommitted());
  CHECK(a->alloc(100, &block).ok());
  CHECK(a->close().ok());  // undone
  CHECK(b->alloc(100, &block).ok());
  CHECK(b->commit().ok());
  CHECK_EQ(b->stats().blocks, 2u);
}

TEST(pools, "a handle that was undone names nothing in any process") {
  FakeFiles files;
  const auto a = shared(files, kPath, shared_options());
  const auto b = shared(files, kPath, shared_options());
  Block undone;
  CHECK(a->alloc(100, &undone).ok());
  a->roll_back({});
  Block block;
  CHECK(b->alloc(100, &block).ok());
  CHECK(b->commit().ok());
  CHECK(block.handle != undone.handle);
  CHECK(a->find(undone.handle, &block).fault == Fault::kStale);
}

TEST(pools, "a file is shared by all or by none, and with one promise") {
  FakeFiles files;
  auto a = shared(files, kPath, shared_options());
  Failure failure;
  CHECK(shared(files, kPath, small_options(), &failure) == nullptr);
  CHECK(failure.fault == Fault::kInUseShared);
  CHECK(shared(files, kPath, shared_options(SyncLevel::kNone), &failure) == nullptr);
  CHECK(failure.fault == Fault::kOtherSync);
  MappedOptions reads = small_options();
  reads.access = FileAccess::kRead;
  CHECK(shared(files, kPath, reads, &failure) == nullptr);
  CHECK(failure.fault == Fault::kInUseShared);
  a.reset();
  a = shared(files, kPath, small_options());
  CHECK(a != nullptr);
  CHECK(shared(files, kPath, shared_options(), &failure) == nullptr);
  CHECK(failure.fault == Fault::kInUse);
}

TEST(pools, "work that goes from one pool of a file to the other leaves what its model has") {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const Context context("seed " + std::to_string(seed));
    FakeFiles files;
    Workload work(seed + 100);
    const MappedOptions options =
        shared_options(seed % 2 == 0 ? SyncLevel::kData : SyncLevel::kNone);
    std::unique_ptr<MappedPool> pools[3];
    for (auto& pool : pools) pool = shared(files, kPath, options);
    std::minstd_rand chance(seed + 1);
    for (int round = 0; round < 80; ++round) {
      auto& pool = pools[chance() % 3];
      if (chance() % 10 == 0) {
        CHECK(pool->close().ok());
        pool = shared(files, kPath, options);
        CHECK(pool != nullptr);
      }
      CHECK(work.run(*pool, chance() % 30));
      work.end_syncing(*pool);
      CHECK(work.commit(*pool, chance() % 4 == 0 ? SyncLevel::kData : SyncLevel::kNone));
      const auto& other = pools[chance() % 3];
      CHECK(content_of(*other) == work.now());
      const CheckReport report = other->check();
      CHECK_EQ(report.messages.empty() ? std::string() : report.messages[0], "");
    }
    for (auto& pool : pools) CHECK(pool->close().ok());
    const auto alone = shared(files, kPath, small_options(options.promise));
    CHECK(alone != nullptr);
    CHECK_EQ(alone->stats().replayed, 0u);  // the last one wrote everything home
    CHECK(content_of(*alone) == work.now());
    CHECK_EQ(alone->check().wrong, 0u);
  }
}

TEST(pools, "a power failure leaves of a shared file what was durable, or a later commit, whole") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Context context("seed " + std::to_string(seed));
    FakeFiles files;
    files.write_back_by_chance(true);
    Workload work(seed + 200);
    std::unique_ptr<MappedPool> pools[2];
    for (auto& pool : pools) pool = shared(files, kPath, shared_options());
    std::minstd_rand chance(seed + 1);
    const int rounds = 1 + static_cast<int>(chance() % 12);
    for (int round = 0; round < rounds; ++round) {
      auto& pool = pools[chance() % 2];
      CHECK(work.run(*pool, chance() % 40));
      work.end_syncing(*pool);
      CHECK(work.commit(*pool, chance() % 3 == 0 ? SyncLevel::kData : SyncLevel::kNone));
    }
    const auto after = files.after_power_failure(seed);
    const auto pool = shared(*after, kPath, shared_options());
    CHECK(pool != nullptr);
    CHECK_EQ(pool->check().wrong, 0u);
    const Content left = content_of(*pool);
    bool is_known = false;
    for (std::size_t i = work.durable; i < work.states.size(); ++i)
      is_known |= work.states[i] == left;
    CHECK(is_known);
  }
}

TEST(pools, "what a view shows is not used again by others while the view is young") {
  FakeFiles files;
  const auto a = shared(files, kPath, shared_options());
  const auto b = shared(files, kPath, shared_options());
  Block block;
  CHECK(a->alloc(20'000, &block).ok());
  CHECK(a->commit().ok());
  const auto is_used_again = [&] {
    bool found = false;
    for (int i = 0; i < 20; ++i) {
      Block other;
      if (!a->alloc(20'000, &other).ok()) break;
      found |= other.offset == block.offset;
    }
    a->roll_back({});
    static_cast<void>(a->commit());
    return found;
  };
  const auto seen = b->show_view(true);
  Block view;
  CHECK(b->find(block.handle, &view).ok());
  CHECK(a->free(block.handle).ok());
  CHECK(a->commit().ok());
  CHECK(!is_used_again());
  // Views of what came later keep nothing.
  b->sharing()->end_views();
  static_cast<void>(b->show_view(true));
  CHECK(a->commit().ok());
  CHECK(is_used_again());
  CHECK(a->alloc(20'000, &block).ok());
  CHECK(a->commit().ok());
  b->sharing()->set_oldest_view(seen, 2 * kViewLease);  // it stalls
  CHECK(a->free(block.handle).ok());
  CHECK(a->commit().ok());
  CHECK(a->commit().ok());
  CHECK(is_used_again());
}

TEST(pools, "frees that wait for views never fill the journal") {
  FakeFiles files;
  const auto a = shared(files, kPath, shared_options());
  const auto b = shared(files, kPath, shared_options());
  static_cast<void>(b->show_view(true));
  for (int i = 0; i < 5000; ++i) {
    Block block;
    CHECK(a->alloc(64, &block).ok());
    CHECK(a->commit(SyncLevel::kNone).ok());
    CHECK(a->free(block.handle).ok());
    CHECK(a->commit(SyncLevel::kNone).ok());
  }
  CHECK_EQ(a->check().wrong, 0u);
  CHECK(b->stats().data_bytes <= 2 * kMiB);
}

TEST(pools, "views never keep a writer from room") {
  FakeFiles files;
  const auto a = shared(files, kPath, shared_options());
  const auto b = shared(files, kPath, shared_options());
  static_cast<void>(b->show_view(true));
  for (int i = 0; i < 50; ++i) {
    Block block;
    CHECK(a->alloc(1'200'000, &block).ok());
    CHECK(a->commit().ok());
    CHECK(a->free(block.handle).ok());
    CHECK(a->commit().ok());
    CHECK(a->commit().ok());
  }
  // What fails for lack of room succeeds after a commit, as in a file that is not shared.
  for (const ByteCount bytes : {2'000'000, 3'000'000}) {
    Block block;
    if (!a->alloc(bytes, &block).ok()) {
      CHECK(a->commit().ok());
      CHECK(a->alloc(bytes, &block).ok());
    }
    CHECK(a->commit().ok());
    CHECK(a->free(block.handle).ok());
    CHECK(a->commit().ok());
  }
}

TEST(pools, "commits that are to be durable later are, whoever syncs") {
  FakeFiles files;
  const auto a = shared(files, kPath, shared_options());
  const auto b = shared(files, kPath, shared_options());
  Block block;
  std::uint64_t sequence = 0;
  CHECK(a->alloc(100, &block).ok());
  CHECK(a->commit_later(&sequence).ok());
  CHECK(sequence > a->durable_through());
  CHECK(b->alloc(100, &block).ok());
  CHECK(b->commit(SyncLevel::kData).ok());
  CHECK(a->find(block.handle, &block).ok());
  CHECK(a->durable_through() >= sequence);
  // While somebody else writes, no marker can be appended: a later sync sees to it.
  CHECK(a->alloc(100, &block).ok());
  CHECK(a->commit_later(&sequence).ok());
  CHECK(b->alloc(100, &block).ok());
  const auto sync = [&] {
    const MappedPool::GroupSync under_way = a->begin_sync();
    return a->end_sync(under_way, under_way.file->sync(SyncLevel::kData));
  };
  CHECK(sync().ok());
  CHECK(a->begin_sync().busy != nullptr);
  CHECK(sync().ok());
  CHECK(a->durable_through() < sequence);
  CHECK(b->commit(SyncLevel::kNone).ok());
  CHECK(sync().ok());
  CHECK(sync().ok());
  CHECK(a->durable_through() >= sequence);
}

// Processes that die.

std::string bytes_of(std::uint64_t number) {
  return std::string(100 + number * 37 % 3000, static_cast<char>('a' + number % 26));
}

/// Replaces the block that `root` names by one of the next number.
bool turn(MappedPool& pool, const std::string& root, std::uint64_t number, SyncLevel level) {
  Handle old = kNoHandle;
  Block block;
  const std::string bytes = bytes_of(number);
  if (!pool.begin_batch().ok() || !pool.root(root, &old).ok()) return false;
  if (!pool.alloc(bytes.size(), &block).ok()) return false;
  std::memcpy(pool.data() + block.offset, bytes.data(), bytes.size());
  if (old != kNoHandle && !pool.free(old).ok()) return false;
  if (!pool.set_root(root, block.handle).ok()) return false;
  constexpr std::size_t kWritten = 50;
  if (number % 3 == 0) {
    std::memset(pool.data() + block.offset, 0, kWritten);
    const std::span written(reinterpret_cast<const std::uint8_t*>(bytes.data()), kWritten);
    if (!pool.write(block.handle, 0, written).ok()) return false;
  }
  return pool.commit(level).ok();
}

/// What `root` names has all the bytes of `number`, or of the one after it.
bool has_number(MappedPool& pool, const std::string& root, std::uint64_t number) {
  Handle handle = kNoHandle;
  if (!pool.root(root, &handle).ok()) return false;
  if (handle == kNoHandle) return number == 0;
  Block block;
  if (!pool.find(handle, &block).ok()) return false;
  const std::string found = content_of(pool, block);
  return (number != 0 && found == bytes_of(number)) || found == bytes_of(number + 1);
}

struct Child {
  pid_t id = 0;
  int told = -1;  // a byte for each commit that it knows of
};

/// A process that takes turns until it dies at its nth call, or has done them all.
Child start(const std::string& path, std::uint64_t n) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  Child child;
  child.id = ::fork();
  if (child.id != 0) {
    ::close(ends[1]);
    child.told = ends[0];
    return child;
  }
  DyingFiles files;
  files.die_at(n);
  auto pool = shared(files, path, shared_options());
  if (pool == nullptr) ::_exit(1);
  for (std::uint64_t number = 1; number <= 45; ++number) {
    const SyncLevel level = number % 5 == 0 ? SyncLevel::kData : SyncLevel::kNone;
    if (!turn(*pool, "child", number, level)) ::_exit(2);
    if (::write(ends[1], "x", 1) != 1) ::_exit(3);
  }
  if (!pool->close().ok()) ::_exit(4);
  ::_exit(0);
}

std::uint64_t told_by(const Child& child) {
  std::uint64_t number = 0;
  char byte;
  while (::read(child.told, &byte, 1) == 1) ++number;
  ::close(child.told);
  return number;
}

/// Its exit status.
int wait_for(const Child& child) {
  int status = 0;
  ::waitpid(child.id, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(pools, "a process that dies at any call leaves the others what it committed, and no leak") {
  const TempTree tree;
  bool is_done = false;
  std::uint64_t n = 1;
  for (; !is_done; ++n) {
    const Context context("call " + std::to_string(n));
    const std::string path = std::string(tree.root()) + "/pool" + std::to_string(n);
    auto pool = shared(system_files(), path, shared_options());
    CHECK(pool != nullptr);
    CHECK(turn(*pool, "own", 1, SyncLevel::kNone));
    const Child child = start(path, n);
    const std::uint64_t told = told_by(child);
    const int status = wait_for(child);
    is_done = status == 0;
    CHECK(is_done || status == DyingFiles::kDied);
    CHECK(has_number(*pool, "child", told));
    CHECK(turn(*pool, "own", 2, SyncLevel::kData));
    const CheckReport report = pool->check();
    CHECK_EQ(report.messages.empty() ? std::string() : report.messages[0], "");
    CHECK(has_number(*pool, "child", told));
    CHECK_EQ(report.blocks, (told == 0 ? pool->stats().blocks : 2u));
    CHECK(pool->close().ok());
    pool = shared(system_files(), path, small_options());
    CHECK(pool != nullptr);
    CHECK_EQ(pool->stats().replayed, 0u);
    CHECK(has_number(*pool, "child", told));
    CHECK_EQ(pool->check().wrong, 0u);
    CHECK(pool->stats().blocks <= 2u);
    ::unlink(path.c_str());
  }
  CHECK(n > 200);
}

TEST(pools, "the last process that dies leaves a file that the next one recovers") {
  const TempTree tree;
  bool is_done = false;
  for (std::uint64_t n = 1; !is_done; n += 3) {
    const Context context("call " + std::to_string(n));
    const std::string path = std::string(tree.root()) + "/pool" + std::to_string(n);
    const Child child = start(path, n);
    const std::uint64_t told = told_by(child);
    is_done = wait_for(child) == 0;
    for (int round = 0; round < 2; ++round) {
      const auto pool = shared(system_files(), path, shared_options());
      CHECK(pool != nullptr);
      CHECK(has_number(*pool, "child", told));
      CHECK_EQ(pool->check().wrong, 0u);
    }
    ::unlink(path.c_str());
  }
}

TEST(pools, "threads that share a file lose no change of each other") {
  const TempTree tree;
  const std::string path = std::string(tree.root()) + "/pool";
  constexpr unsigned kThreads = 3;
  constexpr std::uint64_t kTurns = 150;
  MappedOptions options = shared_options(SyncLevel::kNone);
  options.lock_patience = 20'000 * kMillisecond;
  const auto first = shared(system_files(), path, options);
  Block counter;
  CHECK(first->alloc(8, &counter).ok());
  CHECK(first->write(counter.handle, 0, std::vector<std::uint8_t>(8)).ok());
  CHECK(first->set_root("counter", counter.handle).ok());
  CHECK(first->commit().ok());
  std::atomic<unsigned> failed{0};
  const auto work = [&](unsigned own) {
    const auto pool = shared(system_files(), path, options);
    for (std::uint64_t i = 1; pool != nullptr && i <= kTurns; ++i) {
      const std::string root = "thread " + std::to_string(own);
      if (!turn(*pool, root, i, SyncLevel::kNone)) ++failed;
      Block block;
      std::uint64_t count = 0;
      if (!pool->begin_batch().ok() || !pool->find(counter.handle, &block).ok()) ++failed;
      std::memcpy(&count, pool->data() + block.offset, 8);
      ++count;
      if (!pool->write(block.handle, 0, {reinterpret_cast<std::uint8_t*>(&count), 8}).ok() ||
          !pool->commit(SyncLevel::kNone).ok())
        ++failed;
      if (i % 20 == 0 && pool->check().wrong != 0) ++failed;
    }
    if (pool == nullptr) ++failed;
  };
  std::vector<std::thread> threads;
  for (unsigned own = 0; own < kThreads; ++own) threads.emplace_back(work, own);
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(failed.load(), 0u);
  Block block;
  CHECK(first->find(counter.handle, &block).ok());
  std::uint64_t count = 0;
  std::memcpy(&count, first->data() + block.offset, 8);
  CHECK_EQ(count, kThreads * kTurns);
  for (unsigned own = 0; own < kThreads; ++own)
    CHECK(has_number(*first, "thread " + std::to_string(own), kTurns));
  CHECK_EQ(first->check().wrong, 0u);
}

}  // namespace
}  // namespace superslab_test

#endif
