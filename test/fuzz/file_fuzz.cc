// Reads the input as damage to a file, and uses the file afterwards: a heap in a file that was
// closed or whose process was killed, with checksums of blocks or without, and a cache that
// processes share. Whatever the bytes are, nothing may end the process or a call, and what a repair
// calls whole is whole.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "input.h"
#include "mapped_fixture.h"
#include "pools/mapped/metadata.h"
#include "pools/mapped/repair.h"
#include "pools/shared_cache/shared_cache.h"

namespace superslab_test {
namespace {

#define REQUIRE(condition)                                                           \
  do {                                                                               \
    if (!(condition)) {                                                              \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                  \
    }                                                                                \
  } while (0)

using Bytes = std::vector<std::uint8_t>;

Bytes file_of_pool(bool is_closed, bool has_checksums) {
  FakeFiles files;
  Workload work(40);
  const MappedOptions options = has_checksums ? with_checksums(small_options()) : small_options();
  const auto pool = opened(files, options);
  work.run(*pool, 300);
  work.commit(*pool, SyncLevel::kData);
  const Bytes killed = files.content(kPath);
  static_cast<void>(pool->close());
  return is_closed ? files.content(kPath) : killed;
}

/// The areas that the books of a pool are in, and the file as a whole.
ByteCount some_place(Input& input, const Layout& layout, ByteCount file_bytes) {
  const ByteCount starts[] = {0, kPageBytes, layout.checksums_at(), layout.metadata_at(), 0};
  const ByteCount ends[] = {kPageBytes, layout.checksums_at(), layout.metadata_at(),
                            layout.data_at(), file_bytes};
  const unsigned area = input.byte() % 5;
  const ByteCount at = (ByteCount{input.word()} << 8 | input.byte()) % (ends[area] - starts[area]);
  return std::min(starts[area] + at, file_bytes - 1);
}

/// So that what was changed in the books is believed.
void match_checksums(Bytes& bytes, const Layout& layout) {
  if (bytes.size() < layout.data_at()) return;
  auto* const words = reinterpret_cast<std::uint32_t*>(bytes.data() + layout.metadata_at());
  auto* const checksums = reinterpret_cast<std::uint32_t*>(bytes.data() + layout.checksums_at());
  for (MetadataPage page = 0; page < layout.metadata_pages(); ++page)
    checksums[page] = checksum_of(words + page * kWordsPerPage, kPageBytes);
  const ByteCount pages = (layout.metadata_at() - layout.checksums_at()) / kPageBytes;
  if (pages > 1) checksums[kChecksumsPerPage] = checksum_of(checksums, kChecksumsPerPage * 4);
}

void damage(Input& input, Bytes& bytes, const Layout& layout) {
  for (unsigned left = input.byte() % 16 + 1; left > 0 && !bytes.empty(); --left) {
    const ByteCount at = some_place(input, layout, bytes.size());
    const ByteCount length = std::min<ByteCount>(input.size() % 4096, bytes.size() - at);
    switch (input.byte() % 6) {
      case 0:
      case 1:
        bytes[at] ^= static_cast<std::uint8_t>(1u << input.byte() % 8);
        break;
      case 2:  // A word of the books that is a little, or altogether, another one.
        for (ByteCount i = at - at % 4; i < std::min(at - at % 4 + 4, bytes.size()); ++i)
          bytes[i] = input.byte();
        break;
      case 3:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, input.byte());
        break;
      case 4: {  // Bytes of another place, such as an older page.
        const ByteCount from = some_place(input, layout, bytes.size());
        std::memmove(bytes.data() + at, bytes.data() + from, std::min(length, bytes.size() - from));
        break;
      }
      default:
        if (input.byte() % 8 == 0) bytes.resize(at);
    }
  }
  if (input.byte() % 2 == 0) match_checksums(bytes, layout);
}

/// What a program may do with it.
void use(Input& input, MappedPool& pool) {
  static_cast<void>(pool.check());
  content_of(pool);
  Block block;
  std::uint64_t cursor = 0;
  for (unsigned i = 0; i < 60 && pool.next(&cursor, &block); ++i) {
    if (i % 2 == 0) static_cast<void>(pool.free(block.handle));
    static_cast<void>(pool.alloc(input.size() % 40000, &block));
    if (input.byte() % 16 == 0) static_cast<void>(pool.commit());
  }
  ByteCount returned = 0;
  static_cast<void>(pool.set_root("name", block.handle));
  static_cast<void>(pool.commit());
  static_cast<void>(pool.trim(0, &returned));
  static_cast<void>(pool.close());
}

void damage_pool(Input& input, const Bytes& whole) {
  const Layout layout{4 * kMiB / kPageBytes, 128 * kKiB};
  Bytes bytes = whole;
  damage(input, bytes, layout);
  FakeFiles files;
  files.set_content(kPath, bytes);
  if (const auto pool = opened(files, small_options()); pool != nullptr) use(input, *pool);

  FakeFiles others;
  others.set_content(kPath, bytes);
  RepairReport report;
  if (!repair_file(others, kPath, "", &report).ok() || !report.is_whole) return;
  const auto mended = opened(others, small_options());
  REQUIRE(mended != nullptr);
  REQUIRE(mended->check().wrong == 0);
  use(input, *mended);
}

using shared_cache::SharedCache;

std::unique_ptr<SharedCache> open_cache(Files& files) {
  std::unique_ptr<SharedCache> cache;
  shared_cache::CacheOptions options;
  options.max_bytes = 2 * kMiB;
  static_cast<void>(SharedCache::open(files, "/cache", options, &cache));
  return cache;
}

void put(SharedCache& cache, const std::string& key, ByteCount length) {
  const Bytes value(length, 'v');
  shared_cache::NewValue made;
  made.bytes = value;
  made.epoch = cache.epoch();
  static_cast<void>(cache.store(key, made, 0, 0));
}

void get(SharedCache& cache, const std::string& key) {
  std::size_t shard = 0;
  const auto found = cache.find(key, 0, &shard);
  if (!found) return;
  const std::uint8_t* const value = cache.shard_address(shard) + found->value_at;
  static volatile unsigned sum;
  for (ByteCount i = 0; i < found->value_bytes; ++i) sum = sum + value[i];
  cache.unpin(0);
}

/// Bytes are changed between calls: the file is mapped by everybody.
void damage_cache(Input& input) {
  FakeFiles files;
  const auto cache = open_cache(files);
  const auto other = open_cache(files);
  std::uint8_t* const bytes = cache->range()->address();
  const ByteCount first = cache->geometry().shard_at(0);
  const ByteCount spans[][2] = {{0, kPageBytes},
                                {first, 256},
                                {first + kPageBytes, 32 * kKiB},
                                {first + cache->geometry().ring_at(), 64 * kKiB},
                                {0, 2 * kMiB}};
  for (int i = 0; i < 20; ++i) put(*cache, "key" + std::to_string(i), 100 + i * 200);
  for (int left = 200; left > 0 && !input.is_empty(); --left) {
    for (unsigned changes = input.byte() % 8; changes > 0; --changes) {
      const auto& span = spans[input.byte() % 5];
      const ByteCount at = (ByteCount{input.word()} << 8 | input.byte()) % span[1];
      bytes[span[0] + at] = input.byte();
    }
    const std::string key = "key" + std::to_string(input.byte() % 32);
    bool busy = false;
    std::uint64_t ticket = 0;
    switch (input.byte() % 8) {
      case 0:
        cache->remove(key, &busy);
        break;
      case 1:
        other->clear();
        break;
      case 2:
        static_cast<void>(cache->claim(key, &ticket));
        break;
      case 3:
        cache->remove_tag(key);
        break;
      case 4:
        cache->check();
        break;
      case 5:
      case 6:
        get(*other, key);
        break;
      default:
        put(*cache, key, input.size() % 100'000);
    }
  }
  REQUIRE(other->stats().processes <= shared_cache::kMaxMembers);
  static_cast<void>(open_cache(files));
}

}  // namespace
}  // namespace superslab_test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace superslab_test;
  static const Bytes pools[] = {file_of_pool(true, false), file_of_pool(false, false),
                                file_of_pool(true, true), file_of_pool(false, true)};
  Input input(data, bytes);
  const unsigned kind = input.byte() % 5;
  if (kind < 4) {
    damage_pool(input, pools[kind]);
  } else {
    damage_cache(input);
  }
  return 0;
}
