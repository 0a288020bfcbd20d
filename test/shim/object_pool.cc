// Object pools in C++.
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "superslab.h"

namespace {

int alive = 0;
int left = 1 << 30;

struct Session {
  Session() {
    if (left-- == 0) throw 1;
    ++alive;
  }
  ~Session() { --alive; }
  std::string user;
};

struct alignas(256) Line {
  int number = 7;
};

void objects_live_between_puts() {
  {
    superslab::object_pool<Session> pool("sessions", 100, 5);
    CHECK(static_cast<bool>(pool) && alive == 5);
    Session* one = pool.get();
    one->user = "somebody with a name that is long";
    CHECK(pool.put(one) == 0);
    CHECK(pool.get() == one && one->user == "somebody with a name that is long");
    std::vector<Session*> all(99);
    CHECK(pool.get_bulk(all.data(), 99) == 0 && alive == 100);
    CHECK(pool.get() == nullptr && errno == ENOBUFS);
    CHECK(pool.put_bulk(all.data(), 99) == 0);
    std::thread([&] {
      for (int i = 0; i < 1000; ++i) pool.put(pool.get());
    }).join();
    pool.put(one);
  }
  CHECK(alive == 0);
}

void a_constructor_throws() {
  superslab::object_pool<Session> pool;
  left = 3;
  std::vector<Session*> all;
  while (Session* one = pool.get()) all.push_back(one);
  CHECK(all.size() == 3 && errno == ECANCELED && alive == 3);
  for (Session* one : all) pool.put(one);
}

}  // namespace

int main() {
  objects_live_between_puts();
  a_constructor_throws();
  CHECK(alive == 0);
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.max = 3;
  superslab::object_pool<Line> lines(options);
  Line* line = lines.get();
  CHECK(reinterpret_cast<size_t>(line) % 256 == 0 && line->number == 7);
  CHECK(ss_fixed_pool_owns(lines.fixed(), line));
  lines.put(line);
  options.initial = 4;
  const superslab::object_pool<Line> wrong(options);
  CHECK(!wrong && errno == EINVAL);
}
