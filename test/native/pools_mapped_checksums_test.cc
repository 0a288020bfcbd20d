// Checksums of blocks: what was committed is known to be what it was. SUPERSLAB_FUZZ_ROUNDS: how
// many flips, instead of a few hundred.
#include <cstdlib>

#include "base/crc32c.h"
#include "check.h"
#include "mapped_fixture.h"
#include "pools/mapped/repair.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

MappedOptions options_with(SyncLevel promise = SyncLevel::kData) {
  return with_checksums(small_options(promise));
}

TEST(pools,
     "a workload of a pool with checksums of blocks contradicts none of them, however it ends") {
  for (unsigned seed = 0; seed < 12; seed += kTrialStep) {
    const Context context("seed " + std::to_string(seed));
    const MappedOptions options = options_with(seed % 3 == 0 ? SyncLevel::kNone : SyncLevel::kData);
    FakeFiles files;
    Workload work(seed);
    auto pool = opened(files, options);
    CHECK(pool != nullptr);
    for (int i = 0; i < 20; ++i) {
      CHECK(work.run(*pool, 25));
      // Blocks of the batch are not looked at yet, those before it are.
      CHECK_EQ(pool->check().wrong, 0u);
    }
    CHECK(work.commit(*pool, SyncLevel::kData));
    CHECK(content_of(*pool) == work.now());
    const auto killed = files.after_kill();
    auto again = opened(*killed, small_options());  // as it was made
    CHECK(again != nullptr && again->layout().has_checksums);
    CHECK_EQ(again->check().wrong, 0u);
    CHECK(content_of(*again) == work.now());
  }
}

TEST(pools, "a kill at any call leaves blocks that match their checksums") {
  std::uint64_t calls = UINT64_MAX;
  for (std::uint64_t n = 1; n <= calls; n += 3 * kTrialStep) {
    const Context context("call " + std::to_string(n));
    FakeFiles files;
    Workload work(70);
    files.fail_nth(n, {FileStatus::kIo, 5}, FakeFiles::Lasts::kFromThenOn);
    {
      const auto pool = opened(files, options_with());
      if (pool != nullptr) work.run(*pool, 150);
    }
    if (files.calls() < n) calls = n;
    for (const auto& after :
         {files.after_kill(), files.after_power_failure(static_cast<unsigned>(n))}) {
      const auto pool = opened(*after, options_with());
      CHECK(pool != nullptr);
      CHECK_EQ(pool->check().wrong, 0u);
    }
  }
}

TEST(pools, "every flipped bit of a committed block is found, and the block named") {
  const char* const given = std::getenv("SUPERSLAB_FUZZ_ROUNDS");
  const unsigned rounds =
      given == nullptr ? 300 : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  std::minstd_rand chance(11);
  FakeFiles files;
  Workload work(71);
  auto pool = opened(files, options_with());
  CHECK(work.run(*pool, 400) && work.commit(*pool, SyncLevel::kData));
  std::vector<Block> blocks;
  std::uint64_t cursor = 0;
  Block block;
  while (pool->next(&cursor, &block))
    if (block.bytes > 0) blocks.push_back(block);
  CHECK(blocks.size() > 20);
  for (unsigned round = 0; round < rounds; ++round) {
    const Block& hit = blocks[chance() % blocks.size()];
    const Context context("block " + std::to_string(hit.handle));
    std::uint8_t& byte = pool->data()[hit.offset + chance() % hit.bytes];
    const auto bit = static_cast<std::uint8_t>(1u << chance() % 8);
    byte ^= bit;
    const CheckReport report = pool->check();
    CHECK_EQ(report.wrong, 1u);
    CHECK_EQ(report.damaged_blocks, 1u);
    CHECK(report.messages[0].find(std::to_string(hit.handle)) != std::string::npos);
    byte ^= bit;
  }
  CHECK_EQ(pool->check().wrong, 0u);
}

TEST(pools,
     "a write to a damaged block does not hide the damage, and one to a whole one is whole") {
  FakeFiles files;
  auto pool = opened(files, options_with());
  for (const ByteCount bytes : {ByteCount{100}, ByteCount{5000}, ByteCount{100'000}}) {
    Block block;
    CHECK(pool->alloc(bytes, &block).ok());
    std::memset(pool->data() + block.offset, 7, bytes);
    const std::uint8_t text[] = "some text";
    CHECK(pool->write(block.handle, 3, text).ok());  // before it was ever committed
    CHECK(pool->commit().ok());
    CHECK_EQ(pool->check().wrong, 0u);
    for (const ByteCount at : {ByteCount{0}, bytes - sizeof text, ByteCount{5}})
      CHECK(pool->write(block.handle, at, text).ok());
    CHECK(pool->commit().ok());
    CHECK_EQ(pool->check().wrong, 0u);
    pool->data()[block.offset + 60] ^= 1;
    CHECK(pool->write(block.handle, 0, text).ok());
    CHECK(pool->commit().ok());
    CHECK_EQ(pool->check().damaged_blocks, 1u);
    pool->data()[block.offset + 60] ^= 1;
    CHECK_EQ(pool->check().wrong, 0u);
  }
}

TEST(pools, "a repair names blocks whose bytes are wrong, and leaves them and their books alone") {
  FakeFiles files;
  Handle handle = kNoHandle;
  {
    auto pool = opened(files, options_with());
    Block block;
    CHECK(pool->alloc(3000, &block).ok());
    handle = block.handle;
    CHECK(pool->commit().ok());
    pool->data()[block.offset] ^= 1;
  }
  const auto before = files.content(kPath);
  RepairReport report;
  CHECK(repair_file(files, kPath, "", &report).ok());
  CHECK(!report.is_whole);
  CHECK_EQ(report.mended, 0u);
  CHECK_EQ(report.lost, 1u);
  CHECK(report.lost_messages[0].find(std::to_string(handle)) != std::string::npos);
  CHECK(files.content(kPath) == before);
}

TEST(pools, "whether blocks have checksums is fixed when a file is made") {
  FakeFiles files;
  MappedOptions without = small_options();
  without.checksums = Checksums::kNo;
  CHECK(opened(files, options_with()) != nullptr);
  Failure failure;
  CHECK(opened(files, without, &failure) == nullptr);
  CHECK(failure.fault == Fault::kOtherChecksums);
  FakeFiles others;
  CHECK(opened(others, without) != nullptr);
  CHECK(opened(others, options_with(), &failure) == nullptr);
  CHECK(failure.fault == Fault::kOtherChecksums);
  CHECK(!opened(others, small_options())->layout().has_checksums);
}

TEST(base, "the change of a CRC follows from what changes, wherever it lies") {
  std::minstd_rand chance(12);
  std::vector<std::uint8_t> bytes(10'000);
  for (unsigned round = 0; round < 200; ++round) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(chance());
    const std::uint32_t before = crc32c(bytes.data(), bytes.size());
    const std::size_t from = chance() % bytes.size();
    std::vector<std::uint8_t> changes(chance() % (bytes.size() - from + 1));
    for (std::size_t i = 0; i < changes.size(); ++i) {
      changes[i] = static_cast<std::uint8_t>(chance());
      bytes[from + i] ^= changes[i];
    }
    CHECK_EQ(before ^ crc32c_change(changes.data(), changes.size(),
                                    bytes.size() - from - changes.size()),
             crc32c(bytes.data(), bytes.size()));
  }
}

}  // namespace
}  // namespace superslab_test

#endif
