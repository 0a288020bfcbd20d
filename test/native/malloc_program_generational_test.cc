// Generational pools of superslab.h, by its functions: errno, scopes by the header's own code,
// misuse, a fork, and who looks meanwhile.
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

ss_generational_pool* make(std::size_t young = 1 << 20) {
  ss_generational_pool_options options = SS_GENERATIONAL_POOL_OPTIONS;
  options.name = "values";
  options.young = young;
  return ss_generational_pool_new(&options);
}

ss_handle put(ss_generational_pool* pool, const std::string& bytes) {
  return ss_generational_pool_put(pool, bytes.data(), bytes.size());
}

std::string get(const ss_generational_pool* pool, ss_handle handle) {
  std::size_t size;
  const void* at = ss_generational_pool_get(pool, handle, &size);
  return at == nullptr ? "none" : std::string(static_cast<const char*>(at), size);
}

int collect(ss_generational_pool* pool) {
  return ss_generational_pool_collect(pool, UINT64_MAX, nullptr, nullptr);
}

}  // namespace

TEST(malloc, "values: options that cannot be are refused") {
  const auto refused = [](auto change) {
    ss_generational_pool_options options = SS_GENERATIONAL_POOL_OPTIONS;
    change(options);
    errno = 0;
    return ss_generational_pool_new(&options) == nullptr && errno == EINVAL;
  };
  CHECK(refused([](auto& o) { o.struct_bytes = 0; }));
  CHECK(refused([](auto& o) { o.young = 1000; }));
  CHECK(refused([](auto& o) { o.young = SIZE_MAX; }));
  CHECK(refused([](auto& o) { o.old = 1000; }));
  CHECK(refused([](auto& o) { o.permanent = SIZE_MAX; }));
  CHECK(refused([](auto& o) { o.max_bytes = 1; }));
  CHECK(refused([](auto& o) { o.young_to_old = 256; }));
  CHECK(refused([](auto& o) { o.survival = 1.5; }));
  CHECK(refused([](auto& o) { o.survival = -0.5; }));
  CHECK(refused([](auto& o) { o.flags = 1; }));
  CHECK(ss_generational_pool_new(nullptr) == nullptr);
  ss_generational_pool_options older = SS_GENERATIONAL_POOL_OPTIONS;
  older.struct_bytes = offsetof(ss_generational_pool_options, young);
  older.young = 1;
  ss_generational_pool* pool = ss_generational_pool_new(&older);
  CHECK(pool != nullptr);
  CHECK_EQ(ss_generational_pool_name(pool), "");
  CHECK_EQ(ss_generational_pool_close(pool), 0u);
  CHECK_EQ(ss_generational_pool_close(nullptr), 0u);
}

TEST(malloc, "values: errno says why, and stays as it was where nothing is wrong") {
  ss_generational_pool* pool = make();
  errno = 12345;
  const ss_handle value = put(pool, "value");
  CHECK_EQ(get(pool, value), "value");
  CHECK(collect(pool) == 1 && collect(pool) == 1);
  CHECK_EQ(get(pool, value), "value");
  CHECK(ss_generational_pool_pin(pool, value) != nullptr);
  CHECK_EQ(errno, 12345);
  CHECK(ss_generational_pool_free(pool, value) == -1 && errno == EBUSY);
  CHECK(ss_generational_pool_unpin(pool, value) == 0);
  CHECK(ss_generational_pool_unpin(pool, value) == -1 && errno == EINVAL);
  errno = 12345;
  CHECK(ss_generational_pool_free(pool, value) == 0 && errno == 12345);
  const auto is_stale = [&](bool failed) {
    const bool right = failed && errno == ESTALE;
    errno = 0;
    return right;
  };
  errno = 0;
  CHECK(is_stale(ss_generational_pool_free(pool, value) == -1));
  CHECK(is_stale(ss_generational_pool_get(pool, value, nullptr) == nullptr));
  CHECK(is_stale(ss_generational_pool_pin(pool, value) == nullptr));
  CHECK(is_stale(ss_generational_pool_unpin(pool, value) == -1));
  CHECK(is_stale(ss_generational_pool_promote(pool, value) == 0));
  CHECK(is_stale(ss_generational_pool_get(pool, 0, nullptr) == nullptr));
  CHECK(is_stale(ss_generational_pool_get(pool, ~std::uint64_t{0}, nullptr) == nullptr));
  ss_generational_pool* other = make();
  const ss_handle foreign = put(other, "foreign");
  CHECK(is_stale(ss_generational_pool_free(pool, foreign) == -1));
  CHECK(!ss_generational_pool_owns(pool, foreign) && ss_generational_pool_owns(other, foreign));
  CHECK_EQ(ss_generational_pool_close(other), 1u);
  ss_handle handle;
  CHECK(ss_generational_pool_alloc(pool, std::size_t{2} << 30, &handle) == nullptr &&
        errno == ERANGE);
  CHECK(ss_generational_pool_scope_alloc(pool, 8, &handle) == nullptr && errno == EINVAL);
  CHECK(ss_generational_pool_end(pool, 1) == -1 && errno == EINVAL);
  ss_pool_stats stats{};
  stats.struct_bytes = sizeof stats;
  CHECK_EQ(ss_generational_pool_stats(pool, &stats), 0);
  CHECK_EQ(stats.double_puts, 8u);
  CHECK_EQ(stats.in_use, 0u);
  CHECK(ss_generational_pool_check(pool) == nullptr);
  CHECK_EQ(ss_generational_pool_close(pool), 0u);
}

TEST(malloc,
     "values: scopes end with what was put in them, in the header's code and the library's") {
  ss_generational_pool* pool = make();
  std::vector<ss_handle> gone;
  std::vector<ss_handle> kept;
  for (int round = 0; round < 300; ++round) {
    const ss_scope scope = ss_generational_pool_begin(pool);
    std::vector<ss_handle> here;
    for (std::size_t i = 0; i < 100; ++i) {
      ss_handle handle;
      const std::size_t size = i * 7 % 400;
      void* at = ss_generational_pool_scope_alloc(pool, size, &handle);
      CHECK(at != nullptr && address_of(at) % 8 == 0);
      std::memset(at, static_cast<int>(i), size);
      here.push_back(handle);
      here.push_back(ss_generational_pool_scope_put(pool, "put", 3));
    }
    const ss_scope inner = ss_generational_pool_begin(pool);
    const ss_handle deep = ss_generational_pool_scope_put(pool, "deep", 4);
    CHECK(ss_generational_pool_end(pool, inner) == 0 && !ss_generational_pool_owns(pool, deep));
    for (std::size_t i = 0; i < 100; ++i) {
      CHECK_EQ(get(pool, here[2 * i]), std::string(i * 7 % 400, static_cast<char>(i)));
      CHECK_EQ(get(pool, here[2 * i + 1]), "put");
    }
    kept.push_back(ss_generational_pool_promote(pool, here[2]));
    CHECK_EQ(ss_generational_pool_promote(pool, kept.back()), kept.back());
    CHECK_EQ(ss_generational_pool_end(pool, scope), 0);
    CHECK_EQ(ss_generational_pool_end(pool, scope), -1);
    for (const ss_handle handle : here) CHECK(!ss_generational_pool_owns(pool, handle));
    if (round % 20 == 0) CHECK_EQ(collect(pool), 1);
    if (round % 50 == 0) ss_generational_pool_trim(pool);
  }
  for (const ss_handle handle : kept) CHECK_EQ(get(pool, handle), std::string(7, '\1'));
  ss_generational_stats figures{};
  figures.struct_bytes = sizeof figures;
  CHECK_EQ(ss_generational_pool_generations(pool, &figures), 0);
  CHECK_EQ(figures.young.values + figures.old.values + figures.permanent.values, 300u);
  CHECK_EQ(figures.scopes.values, 0u);
  CHECK(figures.old.values > 200 && figures.promoted_bytes > 0 && figures.collections == 15);
  CHECK(ss_generational_pool_check(pool) == nullptr);
  CHECK_EQ(ss_generational_pool_close(pool), 300u);
}

TEST(malloc,
     "values: SUPERSLAB_CHECK=1 ends the process for a stale handle, and for a pool that is "
     "closed") {
  if (!has_setting("SUPERSLAB_CHECK", "1",
                   "malloc: values: SUPERSLAB_CHECK=1 ends the process for a stale handle, and for "
                   "a pool that is closed"))
    return;
  static ss_generational_pool* pool;
  pool = make();
  const std::string stale = last_words_of([] {
    const ss_handle value = put(pool, "value");
    ss_generational_pool_free(pool, value);
    ss_generational_pool_get(pool, value, nullptr);
  });
  CHECK(stale.find("ss_generational_pool_get()") != std::string::npos &&
        stale.find("stale handle") != std::string::npos);
  const std::string gone = last_words_of([] {
    ss_generational_pool_close(pool);
    put(pool, "value");
  });
  CHECK(gone.find("is not a pool") != std::string::npos);
  ss_generational_pool_close(pool);
}

TEST(malloc, "values: others look, trim and fork while a thread uses its pool") {
  std::atomic<bool> stop{false};
  std::atomic<bool> good{true};
  std::vector<std::thread> users;
  for (int t = 0; t < 3; ++t) {
    users.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round) {
        ss_generational_pool* pool = make(256 << 10);
        std::vector<ss_handle> handles;
        for (int i = 0; i < 3000; ++i) handles.push_back(put(pool, std::to_string(i * t)));
        if (collect(pool) != 1) good = false;
        for (int i = 0; i < 3000; ++i)
          if (get(pool, handles[static_cast<std::size_t>(i)]) != std::to_string(i * t))
            good = false;
        for (int i = 0; i < 3000; i += 2)
          if (ss_generational_pool_free(pool, handles[static_cast<std::size_t>(i)]) != 0)
            good = false;
        if (ss_generational_pool_close(pool) != 1500) good = false;
      }
    });
  }
  std::thread looker([&] {
    static char text[256 << 10];
    while (!stop) {
      ss_stats_json(text, sizeof text);
      ss_trim();
      std::this_thread::yield();
    }
  });
  for (std::thread& user : users) user.join();
  stop = true;
  looker.join();
  CHECK(good.load());
}

TEST(malloc, "values: the child of a fork goes on with the values of the thread that forked") {
  static ss_generational_pool* pool;
  static ss_handle value;
  pool = make();
  value = put(pool, "value");
  const int status = run_in_child([] {
    if (get(pool, value) != "value") return 1;
    if (collect(pool) != 1 || get(pool, value) != "value") return 2;
    if (put(pool, std::string(100'000, 'x')) == 0) return 3;
    if (ss_generational_pool_check(pool) != nullptr) return 4;
    return ss_generational_pool_close(pool) == 2 ? 0 : 5;
  });
  CHECK_EQ(status, 0);
  CHECK_EQ(get(pool, value), "value");
  static char text[256 << 10];
  ss_stats_json(text, sizeof text);
  CHECK(std::strstr(text, "\"name\":\"values\",\"kind\":\"generational\"") != nullptr);
  CHECK(ss_generational_pool_stats_json(pool, text, sizeof text) > 100);
  CHECK(std::strstr(text, "\"liveBytes\":8,") != nullptr);
  CHECK_EQ(ss_generational_pool_close(pool), 1u);
}
