// A mapped pool whose process or machine ends at any call, also while it recovers; and files that
// were damaged.
#include <cerrno>

#include "base/crc32c.h"
#include "check.h"
#include "mapped_fixture.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

constexpr FileError kBroken{FileStatus::kIo, EIO};
constexpr FakeFiles::Lasts kForever = FakeFiles::Lasts::kFromThenOn;

/// Which of the states `content` is, from `first` on; -1 for none.
int which(const std::vector<Content>& states, std::size_t first, const Content& content) {
  for (std::size_t i = first; i < states.size(); ++i) {
    if (states[i] == content) return static_cast<int>(i);
  }
  return -1;
}

/// What is in the files when they are opened again; nothing when they cannot be, or are not whole.
std::unique_ptr<Content> recovered(FakeFiles& files, const MappedOptions& options) {
  const auto pool = opened(files, options);
  if (pool == nullptr || !pool->check().messages.empty()) return nullptr;
  return std::make_unique<Content>(content_of(*pool));
}

/// Runs until the nth call fails, and all that come after it.
void run_until(FakeFiles& files, const MappedOptions& options, Workload& work, std::uint64_t n) {
  files.write_back_by_chance(true);
  files.fail_nth(n, kBroken, kForever);
  const auto pool = opened(files, options);
  if (pool != nullptr) work.run(*pool, 150);
}

TEST(pools, "a process that is killed at any call leaves what it committed, and no leak") {
  for (unsigned seed = 0; seed < 3; ++seed) {
    const MappedOptions options = small_options(seed == 1 ? SyncLevel::kNone : SyncLevel::kData);
    std::uint64_t calls = UINT64_MAX;
    for (std::uint64_t n = 1; n <= calls; n += kTrialStep) {
      const Context context("seed " + std::to_string(seed) + ", call " + std::to_string(n));
      FakeFiles files;
      Workload work(seed);
      run_until(files, options, work, n);
      if (files.calls() < n) calls = n;  // the work was done before
      const auto after = files.after_kill();
      const auto content = recovered(*after, options);
      CHECK(content != nullptr);
      CHECK(which(work.states, work.acknowledged, *content) >= 0);
    }
    CHECK(calls > 100);
  }
}

TEST(pools, "a power failure at any call leaves what was durable, or a later commit, whole") {
  for (unsigned seed = 10; seed < 13; ++seed) {
    std::uint64_t calls = UINT64_MAX;
    for (std::uint64_t n = 1; n <= calls; n += kTrialStep) {
      const Context context("seed " + std::to_string(seed) + ", call " + std::to_string(n));
      FakeFiles files;
      Workload work(seed);
      run_until(files, small_options(), work, n);
      if (files.calls() < n) calls = n;
      for (unsigned outcome = 0; outcome < 2; ++outcome) {
        const auto after = files.after_power_failure(outcome * 1000 + static_cast<unsigned>(n));
        const auto content = recovered(*after, small_options());
        CHECK(content != nullptr);
        CHECK(which(work.states, work.durable, *content) >= 0);
      }
    }
  }
}

TEST(pools, "recovery that is cut off at any call recovers to the same when it is done again") {
  for (unsigned seed = 20; seed < 26; ++seed) {
    FakeFiles files;
    Workload work(seed);
    run_until(files, small_options(), work, 60 + seed * 7);
    const auto crashed = seed % 2 == 0 ? files.after_kill() : files.after_power_failure(seed);
    const auto reference_files = crashed->after_kill();
    const auto reference = recovered(*reference_files, small_options());
    CHECK(reference != nullptr);
    std::uint64_t calls = UINT64_MAX;
    for (std::uint64_t n = 1; n <= calls; n += kTrialStep) {
      const Context context("seed " + std::to_string(seed) + ", call " + std::to_string(n));
      const auto again = crashed->after_kill();
      again->write_back_by_chance(true);
      again->fail_nth(n, kBroken, kForever);
      opened(*again, small_options());
      if (again->calls() < n) calls = n;
      const auto killed = again->after_kill();
      const auto content = recovered(*killed, small_options());
      CHECK(content != nullptr);
      CHECK(*content == *reference);
      const auto failed = again->after_power_failure(static_cast<unsigned>(n));
      const auto left = recovered(*failed, small_options());
      CHECK(left != nullptr);
      CHECK(which(work.states, work.durable, *left) >= 0);
    }
    CHECK(calls > 5);
  }
}

TEST(pools,
     "a call that fails once loses nothing: the pool goes on, or is whole when opened again") {
  for (const FileStatus status : {FileStatus::kNoSpace, FileStatus::kIo}) {
    std::uint64_t calls = UINT64_MAX;
    for (std::uint64_t n = 1; n <= calls; n += kTrialStep) {
      const Context context("call " + std::to_string(n));
      FakeFiles files;
      Workload work(30);
      files.fail_nth(n, {status, status == FileStatus::kIo ? EIO : ENOSPC});
      auto pool = opened(files, small_options());
      if (pool == nullptr) pool = opened(files, small_options());
      CHECK(pool != nullptr);
      work.run(*pool, 150);
      if (files.calls() < n) calls = n;
      static_cast<void>(pool->close());
      const auto content = recovered(files, small_options());
      CHECK(content != nullptr);
      CHECK(which(work.states, work.acknowledged, *content) >= 0);
    }
  }
}

TEST(pools, "a sync that failed is never tried again, until the file is opened again") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  CHECK(pool->alloc(100, &block).ok());
  CHECK(pool->commit().ok());
  files.count_syncs_only(true);
  files.fail_nth(1, kBroken);
  CHECK(pool->alloc(100, &block).ok());
  CHECK(pool->commit().fault == Fault::kFailed);
  const std::uint64_t syncs = files.calls();
  CHECK(pool->commit().fault == Fault::kFailed);
  CHECK(pool->alloc(100, &block).fault == Fault::kFailed);
  CHECK(pool->close().fault == Fault::kFailed);
  CHECK_EQ(files.calls(), syncs);
  pool = opened(files, small_options());
  CHECK(pool != nullptr);
  CHECK(pool->stats().blocks >= 1);
  CHECK(pool->commit().ok());
}

/// The files of a pool that was closed, or whose process was killed, and what is in it.
struct Left {
  FakeFiles files;
  Workload work{40};

  explicit Left(bool is_closed) {
    auto pool = opened(files, small_options());
    work.run(*pool, 300);
    work.commit(*pool, SyncLevel::kData);
    if (is_closed) {
      static_cast<void>(pool->close());
    } else {
      bytes = files.content(kPath);
    }
    pool.reset();
    if (is_closed) bytes = files.content(kPath);
  }

  std::vector<std::uint8_t> bytes;
};

/// Whether somebody who uses the file is told of the damage, or sees a state that was.
bool is_found_or_harmless(const std::vector<std::uint8_t>& bytes, const Left& left,
                          std::size_t first) {
  FakeFiles files;
  files.set_content(kPath, bytes);
  const auto pool = opened(files, small_options());
  if (pool == nullptr) return true;
  const Content content = content_of(*pool);
  return !pool->broken().ok() || pool->check().wrong > 0 ||
         which(left.work.states, first, content) >= 0;
}

TEST(pools, "a bit that flips in header, journal or books is found, or changes nothing") {
  std::minstd_rand chance(3);
  for (const bool is_closed : {true, false}) {
    const Left left(is_closed);
    // The last record of a journal may be taken for one that was never written whole.
    const std::size_t first = left.work.acknowledged - (is_closed ? 0 : 1);
    CHECK(is_found_or_harmless(left.bytes, left, left.work.acknowledged));
    const Layout layout{4 * kMiB / kPageBytes, 128 * kKiB};
    for (int flip = 0; flip < 1500 / int{kTrialStep}; ++flip) {
      const Context context("flip " + std::to_string(flip));
      auto bytes = left.bytes;
      const std::size_t area = flip % 3 == 0 ? 2 * kPageBytes : layout.data_at();
      const std::size_t at = chance() % area;
      bytes[at] ^= static_cast<std::uint8_t>(1u << (chance() % 8));
      CHECK(is_found_or_harmless(bytes, left, first));
    }
  }
}

TEST(pools, "bytes of a file that lie are no reason to crash") {
  std::minstd_rand chance(5);
  const Left left(true);
  const Layout layout{4 * kMiB / kPageBytes, 128 * kKiB};
  for (unsigned round = 0; round < 400 / kTrialStep; ++round) {
    const Context context("round " + std::to_string(round));
    auto bytes = left.bytes;
    auto* const words = reinterpret_cast<std::uint32_t*>(bytes.data() + layout.metadata_at());
    auto* const checksums = reinterpret_cast<std::uint32_t*>(bytes.data() + layout.checksums_at());
    for (unsigned lie = 0; lie < 1 + round % 8; ++lie) {
      // The first page, the roots, the page map, words of slabs: each with checksums that match.
      const WordIndex index =
          chance() % (lie % 2 == 0 ? kWordsPerPage / 2 : layout.metadata_pages() * kWordsPerPage);
      const std::uint32_t small = words[index] + chance() % 5 - 2;
      words[index] = chance() % 2 == 0 ? small : static_cast<std::uint32_t>(chance() * 7);
      const MetadataPage page = index / kWordsPerPage;
      checksums[page] = checksum_of(words + page * kWordsPerPage, kPageBytes);
    }
    checksums[kChecksumsPerPage] = checksum_of(checksums, kChecksumsPerPage * 4);
    FakeFiles files;
    files.set_content(kPath, bytes);
    const auto pool = opened(files, small_options());
    if (pool == nullptr) continue;
    static_cast<void>(pool->check());
    content_of(*pool);
    Block block;
    std::uint64_t cursor = 0;
    for (int i = 0; i < 60 && pool->next(&cursor, &block); ++i) {
      if (i % 2 == 0) static_cast<void>(pool->free(block.handle));
      static_cast<void>(pool->alloc(chance() % 30000, &block));
      if (i % 16 == 0) static_cast<void>(pool->commit());
    }
    ByteCount returned = 0;
    static_cast<void>(pool->commit());
    static_cast<void>(pool->trim(0, &returned));
    static_cast<void>(pool->close());
  }
}

TEST(pools, "a flipped bit in the middle of the journal is damage, not the journal's end") {
  FakeFiles files;
  auto pool = opened(files, small_options());
  Block block;
  for (int i = 0; i < 5; ++i) {
    CHECK(pool->alloc(100, &block).ok());
    CHECK(pool->commit().ok());
  }
  auto bytes = files.content(kPath);
  const Layout layout = pool->layout();
  bytes[layout.half_at(1) + 70] ^= 1;  // of the first record
  FakeFiles other;
  other.set_content(kPath, bytes);
  Failure failure;
  CHECK(opened(other, small_options(), &failure) == nullptr);
  CHECK(failure.fault == Fault::kDamaged);
}

TEST(pools, "a header that is damaged later is made up for by the other and the journal") {
  for (int slot = 0; slot < 2; ++slot) {
    FakeFiles files;
    Workload work(50);
    auto pool = opened(files, small_options());
    while (pool->stats().checkpoints < 3) CHECK(work.run(*pool, 10));
    CHECK(work.run(*pool, 10));
    CHECK(work.commit(*pool, SyncLevel::kData));
    auto bytes = files.content(kPath);
    bytes[static_cast<std::size_t>(slot) * kPageBytes + 80] ^= 4;
    FakeFiles other;
    other.set_content(kPath, bytes);
    const auto content = recovered(other, small_options());
    CHECK(content != nullptr);
    CHECK(*content == work.now());
  }
}

TEST(base, "CRC-32C is that of RFC 3720, by the instruction and by the table") {
  const std::uint8_t zeros[32] = {};
  CHECK_EQ(crc32c(zeros, 32), 0x8a9136aau);
  CHECK_EQ(crc32c_by_table(zeros, 32), 0x8a9136aau);
  CHECK_EQ(crc32c("123456789", 9), 0xe3069283u);
  CHECK_EQ(crc32c("6789", 4, crc32c("12345", 5)), 0xe3069283u);
  CHECK_EQ(crc32c_by_table("6789", 4, crc32c_by_table("12345", 5)), 0xe3069283u);
}

}  // namespace
}  // namespace superslab_test

#endif
