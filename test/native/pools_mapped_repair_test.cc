// Damage to the file of a mapped pool: all of it is found, and a repair brings back what a checksum
// can tell, keeps what it can, and makes nothing worse. SUPERSLAB_FUZZ_ROUNDS: how many flips of
// each kind, instead of a few hundred.
#include <cstdlib>

#include "base/crc32c.h"
#include "check.h"
#include "mapped_fixture.h"
#include "pools/mapped/header.h"
#include "pools/mapped/repair.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

const Layout kLayout{4 * kMiB / kPageBytes, 128 * kKiB};

unsigned rounds(unsigned usual) {
  const char* const given = std::getenv("SUPERSLAB_FUZZ_ROUNDS");
  return given == nullptr ? usual / kTrialStep
                          : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}

/// The file of a pool that was closed, or whose process was killed, and what is in it.
struct Left {
  std::vector<std::uint8_t> bytes;
  Content content;

  Left(unsigned seed, bool is_closed) {
    FakeFiles files;
    Workload work{seed};
    auto pool = opened(files, small_options());
    work.run(*pool, 300);
    // So that a killed one leaves records of commits of each kind.
    work.commit(*pool, SyncLevel::kNone);
    work.run(*pool, 8);
    work.commit(*pool, SyncLevel::kData);
    work.run(*pool, 8);
    work.commit(*pool, SyncLevel::kNone);
    content = work.now();
    if (!is_closed) bytes = files.content(kPath);
    CHECK(pool->close().ok());
    if (is_closed) bytes = files.content(kPath);
  }

  Header header() const {
    Header headers[2];
    for (unsigned i = 0; i < 2; ++i)
      std::memcpy(&headers[i], bytes.data() + header_at(i), sizeof(Header));
    return headers[headers[1].sequence > headers[0].sequence ? 1 : 0];
  }

  /// Each byte that means something: of headers, records that count, checksums and metadata.
  std::vector<std::size_t> places(FakeFiles& files) const {
    std::vector<std::size_t> found;
    const auto add = [&](std::size_t from, std::size_t to) {
      for (std::size_t at = from; at < to; ++at) found.push_back(at);
    };
    for (int i = 0; i < 20; ++i) add(0, 2 * kPageBytes);  // few, so more than once
    files.set_content(kPath, bytes);
    std::unique_ptr<File> file;
    static_cast<void>(files.open(kPath, FileAccess::kRead, 0777, &file));
    JournalReader reader;
    const Header newest = header();
    static_cast<void>(reader.read(*file, kLayout, newest.epoch, newest.first_record, files.boot()));
    const ByteCount half = kLayout.half_at(newest.epoch);
    for (int i = 0; i < 20; ++i) add(half, half + reader.place_after(reader.count()).tail);
    add(kLayout.checksums_at(), kLayout.checksums_at() + kLayout.checksum_pages() * kPageBytes);
    const auto* const words =
        reinterpret_cast<const std::uint32_t*>(bytes.data() + kLayout.metadata_at());
    for (MetadataPage page = 0; page < kLayout.metadata_pages(); ++page) {
      const std::size_t at = kLayout.metadata_at() + page * kPageBytes;
      if (page < kFixedPages || checksum_of(words + page * kWordsPerPage, kPageBytes) != 0)
        add(at, at + kPageBytes);
    }
    return found;
  }
};

/// Whether `superslab check` tells of damage: it only reads.
bool is_damage_found(FakeFiles& files) {
  MappedOptions options = small_options();
  options.access = FileAccess::kRead;
  Failure failure;
  const auto pool = opened(files, options, &failure);
  if (pool == nullptr) return failure.fault == Fault::kDamaged;
  return pool->check().wrong > 0;
}

/// What can be read of it, as it is.
Content readable(FakeFiles& files) {
  MappedOptions options = small_options();
  options.access = FileAccess::kRead;
  const auto pool = opened(files, options);
  return pool == nullptr ? Content{} : content_of(*pool);
}

TEST(pools, "every flipped bit of a pool's books and journal is found, and mended exactly") {
  std::minstd_rand chance(7);
  for (const bool is_closed : {true, false}) {
    const Left left(60, is_closed);
    FakeFiles files;
    const auto places = left.places(files);
    CHECK(!is_damage_found(files));
    for (unsigned round = 0; round < rounds(400); ++round) {
      const std::size_t at = places[chance() % places.size()];
      const unsigned bit = chance() % 8;
      const Context context("byte " + std::to_string(at) + ", bit " + std::to_string(bit));
      auto bytes = left.bytes;
      bytes[at] ^= static_cast<std::uint8_t>(1u << bit);
      files.set_content(kPath, bytes);
      CHECK(is_damage_found(files));
      RepairReport report;
      CHECK(repair_file(files, kPath, "", &report).ok());
      CHECK(report.is_whole);
      CHECK_EQ(report.mended, 1u);
      CHECK_EQ(report.lost, 0u);
      CHECK(!is_damage_found(files));
      CHECK(readable(files) == left.content);
    }
  }
}

TEST(pools, "a file that is whole is left as it was by a repair") {
  const Left left(61, true);
  FakeFiles files;
  files.set_content(kPath, left.bytes);
  RepairReport report;
  CHECK(repair_file(files, kPath, "/copy", &report).ok());
  CHECK(report.is_whole && report.mended == 0 && report.lost == 0);
  CHECK(files.content(kPath) == left.bytes && files.content("/copy") == left.bytes);
  CHECK(repair_file(files, kPath, "/copy", &report).file.status == FileStatus::kExists);
  CHECK(repair_file(files, "/nothing", "", &report).fault == Fault::kFile);
  std::vector<std::uint8_t> garbage(100'000, 7);
  files.set_content("/garbage", garbage);
  CHECK(repair_file(files, "/garbage", "", &report).fault == Fault::kForeign);
  CHECK(files.content("/garbage") == garbage);
  const auto pool = opened(files, small_options());
  CHECK(repair_file(files, kPath, "", &report).fault == Fault::kInUse);
}

/// After it: whole, and every block that was readable before still has its handle and its bytes.
void check_repair(FakeFiles& files, const Left& left) {
  const Content before = readable(files);
  RepairReport report;
  const Failure failure = repair_file(files, kPath, "", &report);
  if (!failure.ok()) {
    CHECK(failure.fault == Fault::kDamaged || failure.fault == Fault::kCut ||
          failure.fault == Fault::kForeign || failure.fault == Fault::kVersion ||
          failure.fault == Fault::kByteOrder || failure.fault == Fault::kPageSize);
    return;
  }
  CHECK(report.is_whole);
  const Content after = readable(files);
  for (const auto& [handle, bytes] : before.blocks) {
    const auto was = left.content.blocks.find(handle);
    // What damage alone made look like a block is none.
    if (was == left.content.blocks.end() || was->second != bytes) continue;
    const auto now = after.blocks.find(handle);
    CHECK(now != after.blocks.end());
    CHECK(now->second == bytes);
  }
  // And it can be used.
  const auto pool = opened(files, small_options());
  CHECK(pool != nullptr);
  Workload work(1);
  Block block;
  for (int i = 0; i < 20; ++i) static_cast<void>(pool->alloc(1000 * (1 + i), &block));
  CHECK(pool->commit().ok());
  CHECK_EQ(pool->check().wrong, 0u);
}

TEST(pools, "whatever happens to a pool's books, a repair keeps the blocks that could be read") {
  std::minstd_rand chance(8);
  for (const bool is_closed : {true, false}) {
    const Left left(62, is_closed);
    for (unsigned round = 0; round < rounds(300); ++round) {
      const Context context("round " + std::to_string(round));
      auto bytes = left.bytes;
      const std::size_t areas[] = {2 * kPageBytes, kLayout.checksums_at(), kLayout.metadata_at(),
                                   kLayout.data_at()};
      for (unsigned hits = 1 + chance() % 3; hits > 0; --hits) {
        const unsigned area = 1 + chance() % 3;
        const std::size_t from = areas[area - 1];
        const std::size_t at = from + chance() % (areas[area] - from);
        const std::size_t length = std::min<std::size_t>(1 + chance() % 6000, bytes.size() - at);
        const bool is_zeros = chance() % 2 == 0;
        for (std::size_t i = 0; i < length; ++i)
          bytes[at + i] = is_zeros ? 0 : static_cast<std::uint8_t>(chance());
      }
      if (chance() % 8 == 0)
        bytes.erase(bytes.end() - static_cast<std::ptrdiff_t>(chance() % (bytes.size() / 2)),
                    bytes.end());
      FakeFiles files;
      files.set_content(kPath, bytes);
      check_repair(files, left);
    }
  }
}

TEST(pools, "a repair makes something whole of books that lie with checksums that match") {
  std::minstd_rand chance(9);
  const Left left(63, true);
  for (unsigned round = 0; round < rounds(300); ++round) {
    const Context context("round " + std::to_string(round));
    auto bytes = left.bytes;
    auto* const words = reinterpret_cast<std::uint32_t*>(bytes.data() + kLayout.metadata_at());
    auto* const checksums = reinterpret_cast<std::uint32_t*>(bytes.data() + kLayout.checksums_at());
    for (unsigned lie = 0; lie < 1 + round % 8; ++lie) {
      const WordIndex index =
          chance() % (lie % 2 == 0 ? kWordsPerPage / 2 : kLayout.metadata_pages() * kWordsPerPage);
      const std::uint32_t small = words[index] + chance() % 5 - 2;
      words[index] = chance() % 2 == 0 ? small : static_cast<std::uint32_t>(chance() * 7);
      const MetadataPage page = index / kWordsPerPage;
      checksums[page] = checksum_of(words + page * kWordsPerPage, kPageBytes);
    }
    checksums[kChecksumsPerPage] = checksum_of(checksums, kChecksumsPerPage * 4);
    FakeFiles files;
    files.set_content(kPath, bytes);
    check_repair(files, left);
  }
}

TEST(pools, "a repair that is cut off at any call is done again") {
  const Left left(64, false);
  auto bytes = left.bytes;
  // The counts and heads of lists are gone, and one bit of a root.
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(kLayout.metadata_at()), 3000,
              std::uint8_t{0x5a});
  bytes[kLayout.metadata_at() + kPageBytes + 5] ^= 1;
  std::uint64_t calls = UINT64_MAX;
  for (std::uint64_t n = 1; n <= calls; n += kTrialStep) {
    const Context context("call " + std::to_string(n));
    FakeFiles files;
    files.set_content(kPath, bytes);
    files.fail_nth(n, {FileStatus::kIo, 5}, FakeFiles::Lasts::kFromThenOn);
    RepairReport report;
    static_cast<void>(repair_file(files, kPath, "", &report));
    if (files.calls() < n) calls = n;
    const auto after = files.after_kill();
    RepairReport again;
    CHECK(repair_file(*after, kPath, "", &again).ok());
    CHECK(again.is_whole);
    CHECK(readable(*after) == left.content);
  }
  CHECK(calls > 10);
}

TEST(base, "the one wrong bit of some bytes is told by their CRC, and two are not taken for one") {
  std::minstd_rand chance(10);
  std::vector<std::uint8_t> bytes(4096);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(chance());
  const std::uint32_t right = crc32c(bytes.data(), bytes.size());
  CHECK_EQ(crc32c_wrong_bit(bytes.size(), 0), kNoBit);
  for (unsigned round = 0; round < 500; ++round) {
    const std::uint64_t bit = chance() % (bytes.size() * 8);
    const std::uint64_t other = chance() % (bytes.size() * 8);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CHECK_EQ(crc32c_wrong_bit(bytes.size(), crc32c(bytes.data(), bytes.size()) ^ right), bit);
    bytes[other / 8] ^= static_cast<std::uint8_t>(1u << other % 8);
    if (other != bit)
      CHECK_EQ(crc32c_wrong_bit(bytes.size(), crc32c(bytes.data(), bytes.size()) ^ right), kNoBit);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    bytes[other / 8] ^= static_cast<std::uint8_t>(1u << other % 8);
  }
}

}  // namespace
}  // namespace superslab_test

#endif
