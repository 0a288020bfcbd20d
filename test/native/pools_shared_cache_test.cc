// A cache in a file: what it keeps and gives up, who reads meanwhile, and what others do to its
// file.
#if defined(__linux__)

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <random>
#include <string>

#include "check.h"
#include "os/fake_files.h"
#include "os_temp_tree.h"
#include "pools/shared_cache/shared_cache.h"

namespace superslab {
namespace {

using namespace shared_cache;
using superslab_test::TempTree;

constexpr char kPath[] = "/cache";
constexpr std::size_t kCopying = 0;

std::unique_ptr<SharedCache> opened(Files& files, ByteCount bytes = 4 * kMiB,
                                    const std::string& path = kPath) {
  std::unique_ptr<SharedCache> cache;
  CacheOptions options;
  options.max_bytes = bytes;
  const Failure failure = SharedCache::open(files, path, options, &cache);
  return failure.ok() ? std::move(cache) : nullptr;
}

Stored put(SharedCache& cache, const std::string& key, const std::string& value,
           std::uint64_t ticket = 0) {
  NewValue made;
  made.bytes = {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()};
  made.epoch = cache.epoch();
  return cache.store(key, made, 0, ticket);
}

/// "-" for none.
std::string got(SharedCache& cache, const std::string& key, std::size_t pin = kCopying) {
  std::size_t shard = 0;
  const auto found = cache.find(key, pin, &shard);
  if (!found) return "-";
  std::string value(reinterpret_cast<const char*>(cache.shard_address(shard)) + found->value_at,
                    found->value_bytes);
  if (pin == kCopying) cache.unpin(pin);
  return value;
}

std::string content_of(SharedCache& cache, const Found& found, std::size_t shard) {
  return {reinterpret_cast<const char*>(cache.shard_address(shard)) + found.value_at,
          found.value_bytes};
}

double counted(const SharedCache& cache, std::atomic<double> Counters::*counter) {
  Counters* const none = nullptr;
  const auto at = reinterpret_cast<std::uintptr_t>(&(none->*counter)) / sizeof(double);
  return cache.stats().counters[at];
}

/// Bytes by which a value shows whether it is of one piece.
std::string pattern(std::uint64_t n) {
  return std::string(100 + n * 7919 % 6000, static_cast<char>(n % 251));
}
bool is_pattern(const std::string& value) {
  return !value.empty() && value.find_first_not_of(value[0]) == std::string::npos;
}

TEST(pools, "a shared cache has what another member has stored, until it is replaced or removed") {
  FakeFiles files;
  const auto one = opened(files);
  const auto other = opened(files);
  CHECK(one != nullptr && other != nullptr);
  CHECK(put(*one, "a", "first") == Stored::kDone);
  CHECK_EQ(got(*other, "a"), "first");
  CHECK(put(*other, "a", "second") == Stored::kDone);
  CHECK_EQ(got(*one, "a"), "second");
  CHECK(put(*one, "", "") == Stored::kDone);
  CHECK_EQ(got(*other, ""), "");
  bool busy = false;
  CHECK(one->remove("a", &busy));
  CHECK(!one->remove("a", &busy));
  CHECK_EQ(got(*other, "a"), "-");
  CHECK_EQ(one->stats().entries, 1u);
  CHECK_EQ(one->stats().processes, 2u);
  CHECK(one->clear());
  CHECK_EQ(got(*other, ""), "-");
  CHECK_EQ(one->check().wrong, 0u);
}

TEST(pools, "a full shared cache gives up the oldest values, but for those that were used") {
  FakeFiles files;
  const auto cache = opened(files, 2 * kMiB);
  CHECK(put(*cache, "hot", std::string(4000, 'h')) == Stored::kDone);
  for (int i = 0; i < 5000; ++i) {
    CHECK(put(*cache, "key" + std::to_string(i), pattern(i)) == Stored::kDone);
    CHECK_EQ(got(*cache, "hot").size(), 4000u);
  }
  CHECK_EQ(got(*cache, "key0"), "-");
  CHECK_EQ(got(*cache, "key4999"), pattern(4999));
  CHECK(counted(*cache, &Counters::evictions) > 3000);
  CHECK(counted(*cache, &Counters::survivals) > 5);
  const CacheStats stats = cache->stats();
  // Most of the room has values that are found.
  CHECK(stats.live_bytes > stats.value_room * 9 / 10);
  CHECK_EQ(cache->check().wrong, 0u);
  CHECK_EQ(cache->check().entries, stats.entries);
}

TEST(pools, "what somebody has pinned stays as it is, and stands in nobody's way") {
  FakeFiles files;
  const auto reader = opened(files, 2 * kMiB);
  const auto writer = opened(files, 2 * kMiB);
  std::map<std::size_t, std::pair<Found, std::size_t>> pinned;
  reader->mark_pins(100);
  for (std::size_t i = 1; i < 60; ++i) {
    const std::string key = "pinned" + std::to_string(i);
    CHECK(put(*writer, key, pattern(i)) == Stored::kDone);
    for (int k = 0; k < 5; ++k)
      CHECK(put(*writer, "x" + std::to_string(i * 5 + k), pattern(k)) == Stored::kDone);
    std::size_t shard = 0;
    const auto found = reader->find(key, i, &shard);
    CHECK(found.has_value());
    pinned[i] = {*found, shard};
  }
  bool busy = false;
  CHECK(writer->remove("pinned7", &busy));
  for (int i = 0; i < 5000; ++i)
    CHECK(put(*writer, "key" + std::to_string(i % 900), pattern(i)) == Stored::kDone);
  for (const auto& [i, place] : pinned)
    CHECK_EQ(content_of(*reader, place.first, place.second), pattern(i));
  CHECK_EQ(writer->check().wrong, 0u);
  // Even when all is taken out.
  CHECK(writer->clear());
  for (int i = 0; i < 2000; ++i)
    CHECK(put(*writer, "key" + std::to_string(i % 900), pattern(i)) == Stored::kDone);
  for (const auto& [i, place] : pinned)
    CHECK_EQ(content_of(*reader, place.first, place.second), pattern(i));
  // A member that leaves gives its pins back.
  reader->close();
  for (int i = 0; i < 3000; ++i)
    CHECK(put(*writer, "key" + std::to_string(i), pattern(i)) == Stored::kDone);
  CHECK(writer->stats().live_bytes > writer->stats().value_room * 9 / 10);
  CHECK_EQ(writer->check().wrong, 0u);
}

TEST(pools, "a pin that ends within another does not take a part of that for free") {
  FakeFiles files;
  const auto reader = opened(files, 2 * kMiB);
  const auto other = opened(files, 2 * kMiB);
  const auto writer = opened(files, 2 * kMiB);
  reader->mark_pins(2);
  other->mark_pins(2);
  for (int i = 0; i < 50; ++i)
    CHECK(put(*writer, "x" + std::to_string(i), pattern(i)) == Stored::kDone);
  const std::string value(3000, 'v');
  CHECK(put(*writer, "pinned", value) == Stored::kDone);
  std::size_t shard = 0;
  const auto found = reader->find("pinned", 1, &shard);
  CHECK(found.has_value());
  for (std::uint32_t before = 0; before < 8; ++before) {
    // A reader that was stopped before it looked at the index again.
    Pin& pin = other->own_member()->pins[1];
    pin.granules.store(before + 1 + before * 5 % 40);
    pin.start.store(found->start - before);
    for (int i = 0; i < 2000; ++i)
      CHECK(put(*writer, "key" + std::to_string(i % 900), pattern(i)) == Stored::kDone);
    CHECK_EQ(content_of(*reader, *found, shard), value);
    CHECK_EQ(writer->check().wrong, 0u);
  }
}

TEST(pools, "a value that is longer than a quarter of a part is refused, the longest is not") {
  FakeFiles files;
  const auto cache = opened(files, 2 * kMiB);
  const std::size_t most = cache->stats().max_value_bytes;
  CHECK(put(*cache, "a", std::string(most + 1, 'a')) == Stored::kTooLong);
  for (int i = 0; i < 50; ++i)
    CHECK(put(*cache, std::string(kMaxKeyBytes, 'k'), std::string(most, 'a')) == Stored::kDone);
  CHECK_EQ(got(*cache, std::string(kMaxKeyBytes, 'k')).size(), most);
}

TEST(pools, "a tag that is deleted ends the values that were begun before") {
  FakeFiles files;
  const auto cache = opened(files);
  const std::uint64_t tags[] = {cache->tag_hash("users"), cache->tag_hash("posts")};
  NewValue value;
  value.tags = tags;
  value.epoch = cache->epoch();
  CHECK(cache->store("a", value, 0, 0) == Stored::kDone);
  CHECK_EQ(got(*cache, "a"), "");
  cache->remove_tag("pages");
  CHECK_EQ(got(*cache, "a"), "");
  cache->remove_tag("posts");
  CHECK_EQ(got(*cache, "a"), "-");
  // Begun before, stored after.
  CHECK(cache->store("a", value, 0, 0) == Stored::kDone);
  CHECK_EQ(got(*cache, "a"), "-");
  bool busy = false;
  CHECK(!cache->remove("a", &busy));
  value.epoch = cache->epoch();
  CHECK(cache->store("a", value, 0, 0) == Stored::kDone);
  CHECK_EQ(got(*cache, "a"), "");
  CHECK(cache->remove("a", &busy));
}

TEST(pools, "one member computes a value, and another goes on when it has died") {
  FakeFiles files;
  const auto one = opened(files);
  auto other = opened(files);
  std::uint64_t ticket = 0;
  std::uint64_t second = 0;
  CHECK(one->claim("a", &ticket) == Claimed::kOwn);
  CHECK(other->claim("a", &second) == Claimed::kOther);
  CHECK(put(*one, "a", "value", ticket) == Stored::kDone);
  CHECK(other->claim("a", &second) == Claimed::kPresent);
  bool busy = false;
  CHECK(other->remove("a", &busy));
  CHECK(other->claim("a", &second) == Claimed::kOwn);
  CHECK(one->claim("a", &ticket) == Claimed::kOther);
  other.reset();
  CHECK(one->claim("a", &ticket) == Claimed::kOwn);
  // What is deleted while it is computed is out of date.
  CHECK(!one->remove("a", &busy));
  CHECK(put(*one, "a", "old", ticket) == Stored::kVoid);
  CHECK_EQ(got(*one, "a"), "-");
  CHECK(one->claim("a", &ticket) == Claimed::kOwn);
  one->end_claim("a", ticket);
  CHECK(one->claim("a", &ticket) == Claimed::kOwn);
}

TEST(pools, "those who wait for a value are told when it is there, deleted, given up or left") {
  FakeFiles files;
  auto one = opened(files);
  const auto other = opened(files);
  std::unique_ptr<FileWatch> watch;
  CHECK(other->watch(&watch).ok());
  std::uint64_t ticket = 0;
  std::uint64_t none = 0;
  bool is_busy = false;
  const auto is_told = [&] { return watch->take().is_written; };
  const auto begin = [&](bool waits) {
    other->remove("a", &is_busy);
    CHECK(one->claim("a", &ticket) == Claimed::kOwn);
    if (waits) CHECK(other->claim("a", &none) == Claimed::kOther);
    CHECK(!is_told());
  };
  begin(true);
  CHECK(put(*one, "a", "value", ticket) == Stored::kDone);
  CHECK(is_told() && !is_told());
  CHECK(other->claim("a", &none) == Claimed::kPresent);
  begin(true);
  one->end_claim("a", ticket);
  CHECK(is_told());
  begin(true);
  other->remove("a", &is_busy);
  CHECK(is_told());
  begin(true);
  CHECK(other->clear());
  CHECK(is_told());
  // Where nobody waits there is nothing to tell.
  begin(false);
  CHECK(put(*one, "a", "value", ticket) == Stored::kDone);
  CHECK(!is_told());
  begin(true);
  one->close();
  CHECK(is_told() && other->claim("a", &none) == Claimed::kOwn);
}

TEST(pools, "the lock of a member that died is taken over, that of one that lives is waited for") {
  FakeFiles files;
  const auto cache = opened(files);
  auto holder = opened(files);
  CHECK(put(*cache, "a", "kept") == Stored::kDone);
  auto& head = *reinterpret_cast<ShardHead*>(cache->shard_address(0));
  const std::uint64_t word = std::uint64_t{holder->own_member()->incarnation.load()} << 32 | 2;
  head.lock.store(word);
  CHECK(put(*cache, "b", "late") == Stored::kBusy);
  CHECK_EQ(got(*cache, "a"), "kept");
  holder.reset();
  CHECK(put(*cache, "b", "soon") == Stored::kDone);
  CHECK_EQ(got(*cache, "a"), "kept");
  CHECK(counted(*cache, &Counters::repairs) == 1);
  head.lock.store(0x1234567890);  // nobody's
  CHECK(put(*cache, "b", "again") == Stored::kDone);
  CHECK_EQ(got(*cache, "b"), "again");
  CHECK_EQ(head.lock.load(), 0u);
}

TEST(pools, "after another start of the machine a shared cache is empty and works") {
  FakeFiles files;
  {
    const auto cache = opened(files);
    CHECK(put(*cache, "a", "before") == Stored::kDone);
  }
  const auto later = files.after_power_failure(7);
  later->set_content(kPath, files.content(kPath));
  const auto cache = opened(*later);
  CHECK(cache != nullptr);
  CHECK_EQ(got(*cache, "a"), "-");
  CHECK(put(*cache, "a", "after") == Stored::kDone);
  CHECK_EQ(got(*cache, "a"), "after");
}

TEST(pools, "no more members than there are places have a shared cache open") {
  FakeFiles files;
  std::vector<std::unique_ptr<SharedCache>> members;
  for (std::size_t i = 0; i < kMaxMembers; ++i) members.push_back(opened(files, 2 * kMiB));
  CHECK(members.back() != nullptr);
  CHECK(opened(files, 2 * kMiB) == nullptr);
  members.erase(members.begin() + 5);
  CHECK(opened(files, 2 * kMiB) != nullptr);
}

/// Bytes of the mapped file are changed at random between calls, and nothing worse follows than
/// values that are wrong or gone.
TEST(pools, "no damage to the file of a shared cache ends the process or a call") {
  std::minstd_rand chance(11);
  for (int round = 0; round < 40; ++round) {
    FakeFiles files;
    const auto cache = opened(files, 2 * kMiB);
    const auto other = opened(files, 2 * kMiB);
    std::uint8_t* const bytes = cache->range()->address();
    const auto random = [&](std::size_t n) { return chance() % n; };
    for (int i = 0; i < 300; ++i)
      put(*cache, "key" + std::to_string(random(400)), pattern(random(50)));
    for (int i = 0; i < 600; ++i) {
      for (std::size_t flips = random(30); flips > 0; --flips) {
        // The first page of the part, its index, or anything.
        const ByteCount first = cache->geometry().shard_at(0);
        const ByteCount spans[][2] = {{first, 256},
                                      {first + kPageBytes, 32 * kKiB},
                                      {0, 2 * kMiB},
                                      {first + cache->geometry().ring_at(), 64 * kKiB}};
        const auto& span = spans[random(4)];
        bytes[span[0] + random(span[1])] = static_cast<std::uint8_t>(chance());
      }
      const std::string key = "key" + std::to_string(random(400));
      bool busy = false;
      std::uint64_t ticket = 0;
      switch (random(8)) {
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
          static_cast<void>(got(*other, key));
          break;
        default:
          put(*cache, key, pattern(random(50)));
      }
    }
    cache->check();
    put(*other, "last", "value");
    CHECK(other->stats().processes <= kMaxMembers);
  }
}

/// Values that were found before, as JavaScript keeps them: it pins what may be long gone.
class Late {
 public:
  explicit Late(SharedCache& cache) : cache_(cache) {}

  void keep(const Found& found, std::size_t shard, unsigned place) {
    kept_[place % kKept] = {found, shard};
  }

  /// False for a value that is not whole.
  bool read(unsigned place) const {
    const auto& [found, shard] = kept_[place % kKept];
    if (found.word == 0) return true;
    Pin& pin = cache_.own_member()->pins[kCopying];
    pin.granules.store(found.granules, std::memory_order_relaxed);
    pin.start.store(found.start, std::memory_order_seq_cst);
    const auto& slot = *reinterpret_cast<Word*>(cache_.shard_address(shard) + found.slot_at);
    const bool is_whole = slot.load(std::memory_order_seq_cst) != found.word ||
                          is_pattern(content_of(cache_, found, shard));
    cache_.unpin(kCopying);
    return is_whole;
  }

 private:
  static constexpr std::size_t kKept = 64;
  SharedCache& cache_;
  std::pair<Found, std::size_t> kept_[kKept];
};

/// Stores, reads, pins and removes until it is killed. Exits with a code for a value that is not
/// whole.
[[noreturn]] void work_until_killed(const std::string& path, unsigned seed) {
  const auto cache = opened(system_files(), 2 * kMiB, path);
  if (cache == nullptr) _exit(2);
  cache->mark_pins(20);
  Late late(*cache);
  std::pair<Found, std::size_t> held[20];
  std::minstd_rand chance(seed);
  for (;;) {
    const std::string key = "key" + std::to_string(chance() % 500);
    bool busy = false;
    const unsigned what = chance() % 24;
    if (what >= 16) {
      if (!late.read(chance())) _exit(1);
    } else if (what == 0) {
      cache->remove(key, &busy);
    } else if (what < 8) {
      if (put(*cache, key, pattern(chance() % 1000)) == Stored::kNoRoom) _exit(3);
    } else {
      std::size_t shard = 0;
      const std::size_t pin = what < 12 ? kCopying : 1 + chance() % 19;
      auto& [was, where] = held[pin];
      if (was.word != 0 && !is_pattern(content_of(*cache, was, where))) _exit(4);
      was = {};
      const auto found = cache->find(key, pin, &shard);
      if (!found) cache->unpin(pin);
      if (found && !is_pattern(content_of(*cache, *found, shard))) _exit(1);
      if (found && pin != kCopying) held[pin] = {*found, shard};
      if (found) late.keep(*found, shard, chance());
    }
  }
}

TEST(pools, "members that are killed anywhere leave a shared cache that is whole") {
  TempTree tree;
  const std::string path = std::string(tree.root()) + "/cache";
  const auto cache = opened(system_files(), 2 * kMiB, path);
  CHECK(cache != nullptr);
  std::minstd_rand chance(3);
  pid_t workers[3] = {};
  for (int round = 0; round < 150; ++round) {
    pid_t& worker = workers[round % 3];
    if (worker != 0) {
      CHECK_EQ(kill(worker, SIGKILL), 0);
      int status = 0;
      CHECK_EQ(waitpid(worker, &status, 0), worker);
      CHECK(WIFSIGNALED(status));
      if (superslab_test::has_failed()) break;
    }
    worker = fork();
    if (worker == 0) work_until_killed(path, static_cast<unsigned>(round) + 1);
    usleep(1000 + chance() % 8000);
    for (int i = 0; i < 200; ++i) {
      const std::string value = got(*cache, "key" + std::to_string(chance() % 500));
      CHECK(value == "-" || is_pattern(value));
      const Stored stored =
          put(*cache, "key" + std::to_string(chance() % 500), pattern(chance() % 1000));
      // A worker may have lost its processor with the lock.
      CHECK(stored == Stored::kDone || stored == Stored::kBusy);
    }
    if (round % 10 == 9) CHECK_EQ(cache->check().wrong, 0u);
  }
  for (const pid_t worker : workers) {
    kill(worker, SIGKILL);
    waitpid(worker, nullptr, 0);
  }
  for (int i = 0; i < 3000; ++i)
    CHECK(put(*cache, "key" + std::to_string(i), pattern(i)) == Stored::kDone);
  CHECK_EQ(cache->check().wrong, 0u);
  CHECK_EQ(cache->stats().processes, 1u);
  CHECK(cache->stats().live_bytes > cache->stats().value_room * 8 / 10);
}

}  // namespace
}  // namespace superslab

#endif
