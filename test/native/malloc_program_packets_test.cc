// Packet pools of superslab.h, by its functions: threads that share memory, pools that close while
// packets are out, forks, misuse.
#include <sys/uio.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "include/superslab.h"
#include "malloc_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

ss_packet_pool_options small_packets() {
  ss_packet_pool_options options = SS_PACKET_POOL_OPTIONS;
  options.name = "packets";
  options.size = 256;
  options.headroom = 32;
  return options;
}

ss_pool_stats stats_of(ss_packet_pool* pool) {
  ss_pool_stats stats{};
  stats.struct_bytes = sizeof stats;
  ss_packet_pool_stats(pool, &stats);
  return stats;
}

std::string listed_pools() {
  static char text[256 << 10];
  ss_stats_json(text, sizeof text);
  return std::strstr(text, "\"pools\":");
}

std::string bytes_of(const ss_packet* packet) {
  std::string bytes(ss_packet_length(packet), '\0');
  ss_packet_read(packet, 0, bytes.size(), bytes.data());
  return bytes;
}

}  // namespace

TEST(malloc, "packets: options that cannot be are refused") {
  const auto refused = [](auto change) {
    ss_packet_pool_options options = small_packets();
    change(options);
    errno = 0;
    return ss_packet_pool_new(&options) == nullptr && errno == EINVAL;
  };
  CHECK(refused([](auto& o) { o.struct_bytes = 0; }));
  CHECK(refused([](auto& o) { o.size = (2u << 20) - 63; }));
  CHECK(refused([](auto& o) { o.headroom = 256; }));
  CHECK(refused([](auto& o) { o.tailroom = 224; }));
  CHECK(refused([](auto& o) { o.headroom = SIZE_MAX, o.tailroom = 2; }));
  CHECK(refused([](auto& o) { o.max = 10, o.initial = 11; }));
  CHECK(refused([](auto& o) { o.max = SIZE_MAX / 64; }));
  CHECK(refused([](auto& o) { o.cached = 257; }));
  CHECK(refused([](auto& o) { o.flags = 1u << 30; }));
  CHECK(ss_packet_pool_new(nullptr) == nullptr);
  ss_packet_pool_options options = SS_PACKET_POOL_OPTIONS;
  options.initial = 10;
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  ss_packet* packet = ss_packet_pool_get(pool);
  CHECK_EQ(ss_packet_headroom(packet), 128u);
  CHECK_EQ(ss_packet_tailroom(packet), 2048u - 128u);
  CHECK_EQ(stats_of(pool).object_bytes, 2048u);
  CHECK(stats_of(pool).cached >= 9);
  CHECK(ss_packet_pool_owns(pool, packet) && !ss_packet_pool_owns(pool, &options));
  ss_packet_release(packet);
  CHECK_EQ(ss_packet_pool_close(pool), 0u);
}

TEST(malloc, "packets: errno says why, and stays as it was where nothing is wrong") {
  ss_packet_pool_options options = small_packets();
  options.max = 3;
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  errno = 12345;
  ss_packet* packets[3];
  CHECK_EQ(ss_packet_pool_get_bulk(pool, packets, 3), 0);
  ss_packet* one = packets[0];
  CHECK(ss_packet_write(one, "0123456789", 10) == 0 && ss_packet_push(one, 2) != nullptr);
  CHECK_EQ(errno, 12345);
  CHECK(ss_packet_pool_get(pool) == nullptr && errno == ENOBUFS);
  CHECK(ss_packet_copy(one) == nullptr && errno == ENOBUFS);
  CHECK(ss_packet_write(one, std::string(1000, 'x').data(), 1000) == -1 && errno == ENOBUFS);
  CHECK_EQ(ss_packet_length(one), 12u);
  const auto is_range = [&](bool failed) {
    const bool right = failed && errno == ERANGE;
    errno = 12345;
    return right;
  };
  char target[20];
  errno = 0;
  CHECK(is_range(ss_packet_push(one, 31) == nullptr));
  CHECK(is_range(ss_packet_put(one, 215) == nullptr));
  CHECK(is_range(ss_packet_pull(one, 13) == nullptr));
  CHECK(is_range(ss_packet_trim(one, 13) == -1));
  CHECK(is_range(ss_packet_split(one, 13) == nullptr));
  CHECK(is_range(ss_packet_slice(one, 5, 4) == nullptr));
  CHECK(is_range(ss_packet_slice(one, 5, 13) == nullptr));
  CHECK(is_range(ss_packet_read(one, 5, 8, target) == -1));
  CHECK(is_range(ss_packet_peek(one, SIZE_MAX, 2, target) == nullptr));
  CHECK(is_range(ss_packet_extend(one, 300) == nullptr));
  CHECK(is_range(ss_packet_pool_attach(pool, target, std::size_t{1} << 32, nullptr, nullptr) ==
                 nullptr));
  CHECK(ss_packet_reserve(one, 1) == -1 && errno == EINVAL);
  CHECK(ss_packet_append(one, one) == -1 && errno == EINVAL);
  errno = 12345;
  CHECK(ss_packet_append(one, packets[1]) == 0 && ss_packet_append(one, packets[2]) == 0);
  CHECK_EQ(ss_packet_segments(one), 3u);
  CHECK(ss_packet_release(one) == 0 && errno == 12345);
  CHECK_EQ(stats_of(pool).in_use, 0u);
  CHECK(ss_packet_pool_check(pool) == nullptr);
  CHECK_EQ(ss_packet_pool_close(pool), 0u);
  CHECK_EQ(errno, 12345);
}

TEST(malloc, "packets: a chain is read across its segments, and as vectors") {
  const ss_packet_pool_options options = small_packets();
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  std::string bytes(600, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  ss_packet* packet = ss_packet_pool_from(pool, bytes.data(), bytes.size());
  CHECK_EQ(ss_packet_segments(packet), 3u);
  char target[600];
  CHECK(ss_packet_peek(packet, 10, 20, target) != target);
  CHECK_EQ(ss_packet_peek(packet, 200, 300, target), static_cast<const void*>(target));
  CHECK(std::memcmp(target, bytes.data() + 200, 300) == 0);
  iovec vectors[3];
  CHECK_EQ(ss_packet_iovec(packet, nullptr, 0), 3u);
  CHECK_EQ(ss_packet_iovec(packet, vectors, 3), 3u);
  std::string joined;
  for (const iovec& one : vectors) joined.append(static_cast<char*>(one.iov_base), one.iov_len);
  CHECK(joined == bytes);
  std::size_t first;
  CHECK(ss_packet_data(packet, &first) == vectors[0].iov_base && first == vectors[0].iov_len);
  ss_packet_set_context(packet, target);
  CHECK_EQ(ss_packet_context(packet), static_cast<const void*>(target));
  CHECK(ss_packet_pull(packet, 300) != nullptr);
  CHECK(bytes_of(packet) == bytes.substr(300));
  CHECK_EQ(ss_packet_segments(packet), 2u);
  CHECK_EQ(ss_packet_trim(packet, 290), 0);
  CHECK_EQ(ss_packet_segments(packet), 1u);
  CHECK(bytes_of(packet) == bytes.substr(300, 10));
  ss_packet_release(packet);
  CHECK_EQ(ss_packet_pool_close(pool), 0u);
}

TEST(malloc, "packets: what was released or appended is told from what is out") {
  ss_packet_pool_options options = small_packets();
  for (const unsigned flags : {0u, SS_POOL_CHECKED}) {
    options.flags = flags;
    ss_packet_pool* pool = ss_packet_pool_new(&options);
    ss_packet* packet = ss_packet_pool_get(pool);
    ss_packet* other = ss_packet_pool_get(pool);
    CHECK_EQ(ss_packet_append(packet, other), 0);
    CHECK(ss_packet_release(other) == -1 && errno == EALREADY);
    CHECK(ss_packet_push(other, 1) == nullptr && errno == EALREADY);
    CHECK_EQ(ss_packet_release(packet), 0);
    errno = 0;
    CHECK(ss_packet_release(packet) == -1 && errno == EALREADY);
    CHECK(ss_packet_length(packet) == 0 && ss_packet_clone(packet) == nullptr);
    ss_packet* twice[2] = {ss_packet_pool_get(pool), nullptr};
    twice[1] = twice[0];
    CHECK(ss_packet_release_bulk(twice, 2) == -1 && errno == EALREADY);
    CHECK_EQ(stats_of(pool).in_use, 1u);
    CHECK_EQ(ss_packet_release_bulk(twice, 1), 0);
    CHECK_EQ(stats_of(pool).double_puts, 6u);
    alignas(64) char none[128] = "not a packet";
    CHECK(ss_packet_release(reinterpret_cast<ss_packet*>(none)) == -1 && errno == EINVAL);
    CHECK_EQ(ss_packet_pool_close(pool), 0u);
  }
}

TEST(malloc, "packets: SUPERSLAB_CHECK=1 ends the process for a packet that was released") {
  if (!has_setting(
          "SUPERSLAB_CHECK", "1",
          "malloc: packets: SUPERSLAB_CHECK=1 ends the process for a packet that was released"))
    return;
  static ss_packet_pool* pool;
  const ss_packet_pool_options options = small_packets();
  pool = ss_packet_pool_new(&options);
  const std::string again = last_words_of([] {
    ss_packet* packet = ss_packet_pool_get(pool);
    ss_packet_release(packet);
    ss_packet_release(packet);
  });
  CHECK(again.find("ss_packet_release()") != std::string::npos &&
        again.find("released already") != std::string::npos);
  const std::string gone = last_words_of([] {
    ss_packet_pool_close(pool);
    ss_packet_pool_get(pool);
  });
  CHECK(gone.find("is not a pool") != std::string::npos);
  ss_packet_pool_close(pool);
}

TEST(malloc, "packets: clones of one packet are read and released by many threads") {
  const ss_packet_pool_options options = small_packets();
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  std::atomic<int> freed{0};
  std::atomic<bool> good{true};
  std::string memory(500, 'm');
  for (int round = 0; round < 200; ++round) {
    ss_packet* packet = ss_packet_pool_from(pool, std::string(400, 'p').data(), 400);
    ss_packet* attached = ss_packet_pool_attach(
        pool, memory.data(), memory.size(),
        [](void*, std::size_t, void* context) { ++*static_cast<std::atomic<int>*>(context); },
        &freed);
    ss_packet_append(packet, attached);
    const std::string bytes = bytes_of(packet);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      ss_packet* clone = ss_packet_clone(packet);
      threads.emplace_back([&, clone] {
        for (int i = 0; i < 20; ++i) {
          ss_packet* mine = ss_packet_slice(clone, static_cast<std::size_t>(i), 900);
          if (bytes_of(mine) != bytes.substr(static_cast<std::size_t>(i))) good = false;
          // As soon as it is alone it may grow, and what others read was before.
          if (void* at = ss_packet_push(mine, 1)) std::memset(at, 'x', 1);
          ss_packet_release(mine);
        }
        ss_packet_release(clone);
      });
    }
    ss_packet_release(packet);
    for (std::thread& thread : threads) thread.join();
  }
  CHECK(good.load());
  CHECK_EQ(freed.load(), 200);
  CHECK_EQ(stats_of(pool).in_use, 0u);
  CHECK(ss_packet_pool_check(pool) == nullptr);
  CHECK_EQ(ss_packet_pool_close(pool), 0u);
}

TEST(malloc, "packets: one thread gets, another releases, and threads end") {
  ss_packet_pool_options options = small_packets();
  options.max = 500;
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  for (int round = 0; round < 30; ++round) {
    std::vector<ss_packet*> packets(200);
    std::thread([&] { CHECK_EQ(ss_packet_pool_get_bulk(pool, packets.data(), 200), 0); }).join();
    std::thread([&] { CHECK_EQ(ss_packet_release_bulk(packets.data(), 200), 0); }).join();
  }
  CHECK_EQ(stats_of(pool).in_use, 0u);
  std::vector<ss_packet*> all(500);
  CHECK_EQ(ss_packet_pool_get_bulk(pool, all.data(), 500), 0);
  CHECK_EQ(ss_packet_release_bulk(all.data(), 500), 0);
  CHECK_EQ(ss_packet_pool_close(pool), 0u);
}

TEST(malloc, "packets: a pool that is closed ends with the last of its packets, by any thread") {
  ss_packet_pool_options options = small_packets();
  options.name = "leaving packets";
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  CHECK(listed_pools().find("\"name\":\"leaving packets\",\"kind\":\"packet\"") !=
        std::string::npos);
  ss_packet* packet = ss_packet_pool_from(pool, std::string(600, 'a').data(), 600);
  ss_packet* clone = ss_packet_clone(packet);
  CHECK_EQ(ss_packet_pool_close(pool), 6u);
  CHECK(ss_packet_pool_get(pool) == nullptr && errno == ESHUTDOWN);
  CHECK(ss_packet_clone(packet) == nullptr && errno == ESHUTDOWN);
  CHECK(bytes_of(clone) == std::string(600, 'a'));
  ss_packet_release(packet);
  CHECK(listed_pools().find("leaving packets") != std::string::npos);
  std::thread([&] { ss_packet_release(clone); }).join();
  CHECK(listed_pools().find("leaving packets") == std::string::npos);
}

TEST(malloc, "packets: chains of several pools go home, each segment to its own") {
  ss_packet_pool_options options = small_packets();
  options.name = "ours";
  ss_packet_pool* ours = ss_packet_pool_new(&options);
  options.name = "theirs";
  options.size = 1000;
  ss_packet_pool* theirs = ss_packet_pool_new(&options);
  ss_packet* packet = ss_packet_pool_from(ours, std::string(300, 'o').data(), 300);
  ss_packet* other = ss_packet_pool_from(theirs, std::string(300, 't').data(), 300);
  ss_packet_append(packet, other);
  ss_packet* front = ss_packet_pool_get(theirs);
  ss_packet_append(front, packet);
  CHECK_EQ(ss_packet_pool_close(theirs), 2u);
  CHECK(ss_packet_pull(front, 400) != nullptr);
  CHECK(bytes_of(front) == std::string(200, 't'));
  CHECK_EQ(stats_of(ours).in_use, 0u);
  ss_packet_release(front);
  CHECK(listed_pools().find("theirs") == std::string::npos);
  CHECK_EQ(ss_packet_pool_close(ours), 0u);
}

TEST(malloc, "packets: the child of a fork has the packets, and what other threads had cached") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  static ss_packet_pool* pool;
  static ss_packet* packet;
  ss_packet_pool_options options = small_packets();
  options.max = 320;
  pool = ss_packet_pool_new(&options);
  packet = ss_packet_pool_from(pool, "0123456789", 10);
  std::atomic<int> step{0};
  std::thread other([&] {
    ss_packet* cached = ss_packet_pool_get(pool);
    ss_packet_release(cached);
    step = 1;
    while (step != 2) std::this_thread::yield();
  });
  while (step != 1) std::this_thread::yield();
  const int status = run_in_child([] {
    if (bytes_of(packet) != "0123456789") return 1;
    if (ss_packet_release(packet) != 0) return 2;
    std::vector<ss_packet*> all(320);
    if (ss_packet_pool_get_bulk(pool, all.data(), 320) != 0) return 3;
    if (ss_packet_release_bulk(all.data(), 320) != 0) return 4;
    if (ss_packet_pool_check(pool) != nullptr) return 5;
    return ss_packet_pool_close(pool) == 0 ? 0 : 6;
  });
  step = 2;
  other.join();
  CHECK_EQ(status, 0);
  ss_packet_release(packet);
  CHECK_EQ(ss_packet_pool_close(pool), 0u);
}

TEST(malloc, "packets: statistics tell of both parts, and trim gives memory back") {
  ss_packet_pool_options options = small_packets();
  options.size = 4000;
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  std::vector<ss_packet*> packets(2000);
  CHECK_EQ(ss_packet_pool_get_bulk(pool, packets.data(), packets.size()), 0);
  CHECK(stats_of(pool).committed_bytes > 2000 * 4000);
  CHECK_EQ(stats_of(pool).in_use, 2000u);
  char text[4096];
  CHECK(ss_packet_pool_stats_json(pool, text, sizeof text) < sizeof text);
  CHECK(std::strstr(text, "\"segmentsInUse\":2000") != nullptr);
  CHECK(std::strstr(text, "\"rooms\":{") != nullptr &&
        std::strstr(text, "\"headroom\":32") != nullptr);
  CHECK_EQ(ss_packet_release_bulk(packets.data(), packets.size()), 0);
  CHECK(ss_packet_pool_trim(pool) > 2000 * 3000);
  CHECK(stats_of(pool).committed_bytes < 1000 * 4000);
  CHECK_EQ(ss_packet_pool_close(pool), 0u);
}
