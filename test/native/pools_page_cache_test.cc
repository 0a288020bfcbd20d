// A page cache against an array of pages, and what becomes of it when the file fails.
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <string>

#include "check.h"
#include "page_cache_fixture.h"

#if defined(__linux__)

namespace superslab_test {
namespace {

constexpr FileError kBroken{FileStatus::kIo, EIO};
constexpr FileError kFull{FileStatus::kNoSpace, ENOSPC};
constexpr FakeFiles::Lasts kForever = FakeFiles::Lasts::kFromThenOn;
constexpr PageNumber kPages = 40;

TEST(pools, "pages are what an array of pages would be, whatever is pinned, written and dropped") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Context context("seed " + std::to_string(seed));
    std::minstd_rand chance(seed + 1);
    FakeFiles files;
    // Those with new pages, too.
    const bool is_large = seed >= 8;
    const PageNumber file_pages = is_large ? 300 : kPages;
    PageCacheOptions options = small_cache(is_large ? 70 : seed % 2 == 0 ? 8 : 5);
    options.checksum = static_cast<PageChecksum>(seed % 3);
    OwnedCache cache(files, options, file_pages);
    CHECK(cache.failure.ok());
    std::vector<std::uint64_t> model(file_pages, 0);
    std::vector<std::pair<PageNumber, FrameIndex>> pinned;
    for (std::uint64_t step = 1; step < 6000; ++step) {
      const PageNumber page = chance() % file_pages;
      switch (chance() % 8) {
        case 0:
          CHECK(cache.checkpoint().ok());
          break;
        case 1:
          static_cast<void>(cache->write_ahead());
          break;
        case 2: {
          bool is_written;
          CHECK(cache->flush(page, &is_written).ok());
          break;
        }
        case 3:
          if (!pinned.empty()) {
            cache->unpin(pinned.back().second);
            pinned.pop_back();
          }
          break;
        default: {
          std::uint64_t version = ~std::uint64_t{0};
          const PinResult result = cache.pin(page, &version);
          if (result.status == PinStatus::kNoFrame) {
            CHECK(pinned.size() >= options.frames);
            break;
          }
          CHECK(result.status == PinStatus::kPinned);
          CHECK_EQ(version, model[page]);
          CHECK(cache.is_whole(result.frame));
          if (chance() % 2 == 0) cache.write(result.frame, model[page] = step);
          if (pinned.size() < options.frames - 2 && chance() % 4 == 0)
            pinned.emplace_back(page, result.frame);
          else
            cache->unpin(result.frame);
        }
      }
      // What is pinned stays where it is.
      for (const auto& [number, frame] : pinned)
        CHECK_EQ(cache->table()->number(frame).load(), number);
      if (step % 100 == 0) CHECK(cache->contradiction() == nullptr);
    }
    for (const auto& one : pinned) cache->unpin(one.second);
    CHECK(cache.checkpoint().ok());
    CHECK_EQ(cache->figures().dirty, 0u);
    cache->close();
    OwnedCache again(files, options, 0);
    for (PageNumber page = 0; page < file_pages; ++page) {
      std::uint64_t version;
      const PinResult result = again.pin(page, &version);
      CHECK(result.status == PinStatus::kPinned);
      CHECK_EQ(version, model[page]);
      again->unpin(result.frame);
    }
  }
}

TEST(pools, "a page that is used often outlives a scan through the same few frames") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(16), 400);
  for (int use = 0; use < 5; ++use)
    for (PageNumber hot = 0; hot < 10; ++hot) cache->unpin(cache.pin(hot).frame);
  const std::uint64_t before = cache->figures().reads;
  FrameIndex ring[4] = {kNoFrame, kNoFrame, kNoFrame, kNoFrame};
  std::uint32_t turns[4] = {};
  for (PageNumber page = 100; page < 400; ++page) {
    const std::uint32_t at = page % 4;
    const PinResult result = cache->pin({.page = page,
                                         .is_scan = true,
                                         .may_evict = true,
                                         .again = ring[at],
                                         .again_turn = turns[at]});
    CHECK(result.status == PinStatus::kPinned);
    ring[at] = result.frame;
    turns[at] = cache->table()->turn(result.frame).load();
    cache->unpin(result.frame);
  }
  CHECK_EQ(cache->figures().reads - before, 300u);
  for (PageNumber hot = 0; hot < 10; ++hot) cache->unpin(cache.pin(hot).frame);
  CHECK_EQ(cache->figures().reads - before, 300u);
}

TEST(pools, "pages that are used once pass through a part of the frames, and leave the others") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(128), 4000);
  constexpr PageNumber kHot = 100;
  for (int use = 0; use < 4; ++use)
    for (PageNumber hot = 0; hot < kHot; ++hot) cache->unpin(cache.pin(hot).frame);
  for (PageNumber page = kHot; page < 3000; ++page) cache->unpin(cache.pin(page).frame);
  CHECK(cache->contradiction() == nullptr);
  const std::uint64_t before = cache->figures().reads;
  for (PageNumber hot = 0; hot < kHot; ++hot) cache->unpin(cache.pin(hot).frame);
  CHECK_EQ(cache->figures().reads, before);
}

TEST(pools, "a page that comes back soon after it went is no new one, and stays longer") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(128), 4000);
  for (PageNumber page = 0; page < 200; ++page) cache->unpin(cache.pin(page).frame);
  const auto is_new = [&](PageNumber page) {
    const FrameIndex frame = cache->table()->find(page);
    return frame != kNoFrame && cache->table()->look(frame).has(FrameState::kNew);
  };
  CHECK(is_new(199));
  CHECK(cache->table()->find(60) == kNoFrame);
  cache->unpin(cache.pin(60).frame);
  CHECK(!is_new(60));
  for (PageNumber page = 200; page < 1000; ++page) cache->unpin(cache.pin(page).frame);
  CHECK(cache->table()->find(60) != kNoFrame);
  CHECK(cache->table()->find(999) != kNoFrame);
  CHECK(cache->table()->find(199) == kNoFrame);
  CHECK(cache->contradiction() == nullptr);
}

TEST(pools, "new pages that are pinned, dirty or not yet pinned do not go") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(64), 4000);
  const FrameIndex pinned = cache.pin(0).frame;
  const FrameIndex changed = cache.pin(1).frame;
  cache.write(changed, 77);
  cache->unpin(changed);
  PinRequest later{.page = 2, .reading = Reading::kIfInMemory};
  files.be_cold(true);
  CHECK(cache->pin(later).status == PinStatus::kToBeRead);
  files.be_cold(false);
  CHECK(cache->read(2).ok());
  for (PageNumber page = 3; page < 64; ++page) cache->unpin(cache.pin(page).frame);
  cache->unpin(cache.pin(64).frame);
  CHECK(cache->table()->find(2) != kNoFrame);
  for (PageNumber page = 65; page < 1000; ++page) cache->unpin(cache.pin(page).frame);
  CHECK_EQ(cache->table()->number(pinned).load(), 0u);
  std::uint64_t version = 0;
  cache->unpin(cache.pin(1, &version).frame);
  CHECK_EQ(version, 77u);
  cache->unpin(pinned);
  CHECK(cache->contradiction() == nullptr);
}

TEST(pools, "a page that is there is pinned without the lock, and no other") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(8), kPages);
  CHECK(cache->try_pin(3) == kNoFrame);
  const FrameIndex frame = cache.pin(3).frame;
  CHECK(cache->try_pin(3) == frame && cache->is_pinned(frame, 3) && !cache->is_pinned(frame, 4));
  CHECK(cache->try_pin(kPages) == kNoFrame && cache->try_pin(kNoPage) == kNoFrame);
  CHECK(!cache->unpin(frame) && cache->unpin(frame) && !cache->is_pinned(frame, 3));
}

TEST(pools, "when all pages are pinned there is no frame, and one after the first release") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(4), kPages);
  for (PageNumber page = 0; page < 4; ++page) CHECK(cache.pin(page).status == PinStatus::kPinned);
  CHECK(cache.pin(9).status == PinStatus::kNoFrame);
  CHECK(cache->lend(true) == kNoFrame);
  CHECK(cache.pin(3).status == PinStatus::kPinned);
  static_cast<void>(cache->unpin(cache->table()->find(0)));
  CHECK(cache.pin(9).status == PinStatus::kPinned);
  CHECK(cache->contradiction() == nullptr);
}

TEST(pools, "a page that nobody has in memory is left to a reader, which reads it once") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(), kPages);
  files.be_cold(true);
  const PinRequest later{.page = 7, .reading = Reading::kIfInMemory};
  CHECK(cache->pin(later).status == PinStatus::kToBeRead);
  CHECK(cache->pin(later).status == PinStatus::kLoading);
  CHECK(cache->read(7).ok());
  CHECK(cache->read(7).ok());
  CHECK(cache->pin(later).status == PinStatus::kPinned);
  CHECK(cache->prefetch(8, true).is_new);
  CHECK(!cache->prefetch(8, true).is_new);
  // Who needs it at once does not wait for a reader that has not begun.
  CHECK(cache.pin(8).status == PinStatus::kPinned);
  CHECK_EQ(cache->figures().reads, 2u);
}

TEST(pools, "who needs a page at once takes the frame of one that nobody has begun to read") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(2), kPages);
  files.be_cold(true);
  for (const PageNumber page : {1u, 2u})
    CHECK(cache->pin({.page = page, .reading = Reading::kIfInMemory}).status ==
          PinStatus::kToBeRead);
  CHECK(cache->pin({.page = 3, .reading = Reading::kIfInMemory}).status == PinStatus::kNoFrame);
  CHECK(cache->lend(true) == kNoFrame);
  CHECK(cache.pin(3).status == PinStatus::kPinned);
  CHECK(cache->read(1).ok() && cache->read(2).ok());
  CHECK_EQ(cache->figures().pages, 2u);
  CHECK(cache->contradiction() == nullptr);
}

TEST(pools, "a checkpoint has what was dirty when it began, pinned or not, and nothing later") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(), kPages);
  const FrameIndex held = cache.pin(1).frame;
  cache.write(held, 10);
  const FrameIndex free = cache.pin(2).frame;
  cache.write(free, 20);
  cache->unpin(free);
  CHECK(cache->begin_checkpoint().ok());
  // The first pin of a page that the checkpoint has not come to writes it.
  std::uint64_t version;
  CHECK(cache.pin(2, &version).frame == free);
  cache.write(free, 21);
  cache.write(held, 11);
  CHECK(cache->finish_checkpoint().ok());
  const auto after = files.after_power_failure(3);
  OwnedCache again(*after, small_cache(), kPages);
  again.pin(1, &version);
  CHECK_EQ(version, 10u);
  again.pin(2, &version);
  CHECK_EQ(version, 20u);
  CHECK_EQ(cache->figures().dirty, 2u);
}

TEST(pools, "what a checkpoint acknowledged is there after a kill or a power failure at any call") {
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::uint64_t calls = UINT64_MAX;
    for (std::uint64_t n = 1; n <= calls; ++n) {
      const Context context("seed " + std::to_string(seed) + ", call " + std::to_string(n));
      FakeFiles files;
      std::minstd_rand chance(seed + 1);
      std::vector<std::uint64_t> newest(kPages, 0);
      std::vector<std::uint64_t> acknowledged(kPages, 0);
      PageCacheOptions options = small_cache();
      options.checksum = static_cast<PageChecksum>(seed % 3);
      {
        OwnedCache cache(files, options, kPages);
        CHECK(cache.checkpoint().ok());
        files.write_back_by_chance(true);
        files.fail_nth(n, kBroken, kForever);
        for (std::uint64_t step = 1; step < 120; ++step) {
          const PageNumber page = chance() % kPages;
          const PinResult result = cache.pin(page);
          if (result.status != PinStatus::kPinned) continue;
          cache.write(result.frame, newest[page] = step);
          cache->unpin(result.frame);
          if (step % 25 == 0 && cache.checkpoint().ok()) acknowledged = newest;
          CHECK(cache->contradiction() == nullptr);
        }
        if (files.calls() < n) calls = n;  // the work was done before
      }
      for (unsigned outcome = 0; outcome < 3; ++outcome) {
        const auto after = outcome == 0
                               ? files.after_kill()
                               : files.after_power_failure(outcome + 7 * static_cast<unsigned>(n));
        OwnedCache again(*after, options, 0);
        CHECK(again.failure.ok());
        for (PageNumber page = 0; page < kPages; ++page) {
          std::uint64_t version;
          const PinResult result = again.pin(page, &version);
          // One that was changed since may be torn, which its checksum tells.
          const bool is_torn = result.failure.fault == Fault::kDamaged;
          CHECK(!is_torn || newest[page] != acknowledged[page]);
          if (is_torn) continue;
          CHECK(result.status == PinStatus::kPinned);
          CHECK(version >= acknowledged[page] && version <= newest[page]);
          CHECK(options.checksum == PageChecksum::kNone || again.is_whole(result.frame));
          again->unpin(result.frame);
        }
      }
    }
    CHECK(calls > 100);
  }
}

TEST(pools, "whichever call fails is told, and the cache's books stay right") {
  for (std::uint64_t n = 1; n < 400; ++n) {
    const Context context("call " + std::to_string(n));
    FakeFiles files;
    OwnedCache cache(files, small_cache(), kPages);
    const std::uint64_t before = files.calls();
    files.fail_nth(n, n % 2 == 0 ? kBroken : kFull);
    std::minstd_rand chance(static_cast<unsigned>(n));
    bool is_told = false;
    for (std::uint64_t step = 1; step < 300; ++step) {
      const PinResult result = cache.pin(chance() % kPages);
      is_told |= result.status == PinStatus::kFailed;
      if (result.status == PinStatus::kPinned) {
        if (step % 3 == 0) cache.write(result.frame, step);
        cache->unpin(result.frame);
      }
      if (step % 40 == 0) is_told |= !cache.checkpoint().ok();
    }
    CHECK(cache->contradiction() == nullptr);
    // A disk that had room again has lost nothing.
    CHECK(is_told || n % 2 == 1 || files.calls() < before + n);
  }
}

TEST(pools, "a failed sync breaks the cache for good; a full disk does not") {
  FakeFiles files;
  OwnedCache cache(files, small_cache(), kPages);
  const FrameIndex frame = cache.pin(1).frame;
  cache.write(frame, 1);
  files.fail_nth(1, kFull);
  CHECK(cache.checkpoint().fault == Fault::kNoSpace);
  CHECK_EQ(cache->figures().dirty, 1u);
  CHECK(cache.checkpoint().ok());
  cache.write(frame, 2);
  files.count_syncs_only(true);
  files.fail_nth(1, kBroken);
  CHECK(cache.checkpoint().fault == Fault::kFailed);
  cache.write(frame, 3);
  CHECK(cache.checkpoint().fault == Fault::kFailed);
  bool is_written;
  CHECK(cache->flush(1, &is_written).fault == Fault::kFailed);
  CHECK(cache.pin(20).failure.fault == Fault::kFailed);
  // What is in memory can still be read.
  CHECK(cache.pin(1).status == PinStatus::kPinned);
}

TEST(pools, "each of 10,000 flipped bits is found, and a page in another's place") {
  for (const PageChecksum kind : {PageChecksum::kCrc32c, PageChecksum::kXxh3}) {
    const PageChecksum other =
        kind == PageChecksum::kXxh3 ? PageChecksum::kCrc32c : PageChecksum::kXxh3;
    std::minstd_rand chance(5);
    std::vector<unsigned char> page(4096);
    for (unsigned char& byte : page) byte = static_cast<unsigned char>(chance());
    stamp_page(kind, page.data(), page.size(), 3);
    CHECK(is_page_intact(kind, page.data(), page.size(), 3));
    CHECK(is_page_intact(other, page.data(), page.size(), 3));
    CHECK(!is_page_intact(kind, page.data(), page.size(), 4));
    for (int i = 0; i < 10'000; ++i) {
      const std::size_t bit = chance() % (page.size() * 8);
      page[bit / 8] ^= static_cast<unsigned char>(1 << (bit % 8));
      CHECK(!is_page_intact(kind, page.data(), page.size(), 3));
      page[bit / 8] ^= static_cast<unsigned char>(1 << (bit % 8));
    }
    std::vector<unsigned char> zeros(4096);
    CHECK(is_page_intact(kind, zeros.data(), zeros.size(), 3));
    zeros[17] = 1;
    CHECK(!is_page_intact(kind, zeros.data(), zeros.size(), 3));
  }
}

TEST(pools, "a file whose pages have the other checksum is read, and gets the new one by and by") {
  FakeFiles files;
  PageCacheOptions options = small_cache();
  options.checksum = PageChecksum::kCrc32c;
  for (int round = 0; round < 3; ++round) {
    OwnedCache cache(files, options, round == 0 ? kPages : 0);
    for (PageNumber page = 0; page < kPages; page += static_cast<PageNumber>(round + 1)) {
      std::uint64_t version = ~std::uint64_t{0};
      const PinResult result = cache.pin(page, &version);
      CHECK(result.status == PinStatus::kPinned);
      CHECK(cache.is_whole(result.frame) || round == 0);
      cache.write(result.frame, page + 1);
      cache->unpin(result.frame);
    }
    CHECK(cache.checkpoint().ok());
    options.checksum = PageChecksum::kXxh3;
  }
}

TEST(pools, "a damaged page is an error with its number, and leaves the frame to others") {
  FakeFiles files;
  PageCacheOptions options = small_cache(4);
  options.checksum = PageChecksum::kXxh3;
  {
    OwnedCache cache(files, options, kPages);
    for (PageNumber page = 0; page < kPages; ++page) {
      const FrameIndex frame = cache.pin(page).frame;
      cache.write(frame, page + 1);
      cache->unpin(frame);
    }
    CHECK(cache.checkpoint().ok());
  }
  auto bytes = files.content("/pages");
  bytes[7 * 512 + 100] ^= 4;
  files.set_content("/pages", bytes);
  OwnedCache cache(files, options, 0);
  for (int round = 0; round < 10; ++round) {
    const PinResult result = cache.pin(7);
    CHECK(result.failure.fault == Fault::kDamaged);
    CHECK_EQ(result.failure.where, 7u);
    cache->unpin(cache.pin(static_cast<PageNumber>(round + 8)).frame);
  }
  CHECK_EQ(cache->figures().damaged, 10u);
  CHECK(cache->contradiction() == nullptr);
}

TEST(pools, "a file that is no file of pages is refused, and one that is open already") {
  FakeFiles files;
  files.set_content("/pages", std::vector<std::uint8_t>(700));
  CHECK(OwnedCache(files, small_cache(), 0).failure.fault == Fault::kFileLength);
  files.set_content("/pages", std::vector<std::uint8_t>(1024));
  OwnedCache cache(files, small_cache(), 0);
  CHECK(OwnedCache(files, small_cache(), 0).failure.fault == Fault::kInUse);
  CHECK(cache.pin(2).failure.fault == Fault::kNoPage);
  cache->close();
  CHECK(cache.pin(0).failure.fault == Fault::kClosed);
  PageCacheOptions reading = small_cache();
  reading.access = FileAccess::kRead;
  OwnedCache one(files, reading, 0);
  OwnedCache other(files, reading, 0);
  CHECK(one.failure.ok() && other.failure.ok());
  PageNumber first;
  CHECK(one->grow(1, &first).fault == Fault::kReadOnly);
}

/// Writes ahead and makes checkpoints while the main thread works.
struct Background {
  PageCache& cache;
  std::atomic<bool> is_over{false};
  std::uint64_t rounds = 0;

  static void* run(void* self) {
    auto& own = *static_cast<Background*>(self);
    while (!own.is_over.load()) {
      static_cast<void>(own.cache.write_ahead());
      ++own.rounds;
    }
    return nullptr;
  }
};

TEST(pools, "a writer beside the thread that changes pages loses nothing and tears nothing") {
  FakeFiles files;
  PageCacheOptions options = small_cache(16, 4096);
  options.checksum = PageChecksum::kXxh3;
  OwnedCache cache(files, options, 64);
  Background background{*cache.cache};
  pthread_t writer;
  CHECK_EQ(pthread_create(&writer, nullptr, Background::run, &background), 0);
  std::minstd_rand chance(9);
  std::vector<std::uint64_t> model(64, 0);
  for (std::uint64_t step = 1; step < 30'000; ++step) {
    const PageNumber page = chance() % 64;
    std::uint64_t version = 0;
    const PinResult result = cache.pin(page, &version);
    if (result.status != PinStatus::kPinned || version != model[page]) {
      background.is_over = true;
      pthread_join(writer, nullptr);
      CHECK_EQ(version, model[page]);
      CHECK(result.status == PinStatus::kPinned);
    }
    if (chance() % 2 == 0) cache.write(result.frame, model[page] = step);
    cache->unpin(result.frame);
    if (step % 1000 == 0) static_cast<void>(cache.checkpoint());
  }
  background.is_over = true;
  pthread_join(writer, nullptr);
  CHECK(cache->contradiction() == nullptr);
  CHECK_EQ(cache->figures().damaged, 0u);
}

}  // namespace
}  // namespace superslab_test

#endif
