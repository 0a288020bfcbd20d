// A table grows where it is, by whole pages, and a fork in the midst of that leaves nothing in the
// way.

#include "space/table.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "check.h"
#include "space/address_range.h"
#include "space_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct World {
  FakeOs os{system_os()};
  AddressRange range = choose_range(os, kArenaBytes);
  Table<std::uint32_t> table;
  static constexpr std::size_t kFirst = 64 * kKiB;

  World() { table.place(range.base, kFirst); }
  ~World() {
    table.close(os, kFirst);
    if (range.mark.bytes != 0) os.unreserve(range.mark.address, range.mark.bytes);
  }
};

}  // namespace

TEST(space, "a table has zeros in as many entries as it grew to, and keeps what it had") {
  World w;
  std::size_t count = World::kFirst + 1;
  for (int i = 0; i < 12; ++i, count += 10'000) {
    CHECK_EQ(w.table.grow(w.os, count), OsStatus::kOk);
    CHECK_EQ(w.table[count - 1], 0u);
    w.table[count - 1] = static_cast<std::uint32_t>(count);
    CHECK_EQ(w.table[World::kFirst], World::kFirst + 1);
    const auto calls = w.os.calls();
    CHECK_EQ(w.table.grow(w.os, count), OsStatus::kOk);
    CHECK_EQ(w.os.calls(), calls);
  }
  CHECK(w.os.committed_bytes() < (count - World::kFirst) * sizeof(std::uint32_t) + 64 * kKiB);
}

TEST(space, "a table that cannot grow can do so later") {
  World w;
  for (const FakeOs::Call call : {FakeOs::Call::kReserveAt, FakeOs::Call::kCommit}) {
    w.os.fail_nth(call, 1, OsStatus::kNoMemory);
    CHECK_EQ(w.table.grow(w.os, World::kFirst + 100), OsStatus::kNoMemory);
  }
  CHECK_EQ(w.table.grow(w.os, World::kFirst + 100), OsStatus::kOk);
  CHECK_EQ(w.table[World::kFirst + 99], 0u);
  CHECK_EQ(w.os.misuse().total(), 0u);
}

TEST(space, "a fork in the midst of a table's growth is not in the way of the child's") {
  // A process is forked in each of its calls; the child goes on as if this thread were gone.
  class ForkingOs final : public OsProxy {
   public:
    using OsProxy::OsProxy;
    OsStatus reserve_at(void* address, ByteCount bytes) override {
      fork_here();
      const OsStatus status = OsProxy::reserve_at(address, bytes);
      fork_here();
      return status;
    }
    OsStatus commit(void* address, ByteCount bytes, HugePages pages) override {
      const OsStatus status = OsProxy::commit(address, bytes, pages);
      fork_here();
      return status;
    }
    Table<std::uint32_t>* table = nullptr;
    bool good = true;
    int forks = 0;

   private:
    void fork_here() {
      if (table == nullptr) return;
      ++forks;
      const pid_t child = fork();
      if (child == 0) {
        Table<std::uint32_t>& mine = *table;
        table = nullptr;
        mine.survive_fork(*this);
        const std::size_t count = World::kFirst + 50'000;
        if (mine.grow(*this, count) != OsStatus::kOk) _exit(1);
        mine[count - 1] = 1;
        _exit(mine[World::kFirst] == 7 ? 0 : 2);
      }
      int status = 0;
      good &= waitpid(child, &status, 0) == child && status == 0;
    }
  };
  // Not the fake one, whose lock is held while it calls.
  ForkingOs os(system_os());
  const AddressRange range = choose_range(os, kArenaBytes);
  Table<std::uint32_t> table;
  table.place(range.base, World::kFirst);
  CHECK_EQ(table.grow(os, World::kFirst + 1), OsStatus::kOk);
  table[World::kFirst] = 7;
  os.table = &table;
  CHECK_EQ(table.grow(os, World::kFirst + 30'000), OsStatus::kOk);
  os.table = nullptr;
  CHECK(os.good);
  CHECK_EQ(os.forks, 3);
  table.close(os, World::kFirst);
  if (range.mark.bytes != 0) os.unreserve(range.mark.address, range.mark.bytes);
}

TEST(space, "a fork while another thread lets the tables grow is not in the way of the child's") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  // Holds a thread between a table's addresses and its memory.
  class HoldingOs final : public OsProxy {
   public:
    using OsProxy::OsProxy;
    OsStatus commit(void* address, ByteCount bytes, HugePages pages) override {
      if (address_of(address) < tables_end.load()) {
        tables_end = 0;
        is_holding = true;
        while (!goes_on.load()) sched_yield();
      }
      return OsProxy::commit(address, bytes, pages);
    }
    std::atomic<std::uintptr_t> tables_end{0};
    std::atomic<bool> is_holding{false};
    std::atomic<bool> goes_on{false};
  };
  HoldingOs os(system_os());
  auto space = std::make_unique<Space>();
  CHECK(space->open(os, 1));
  const auto take_some = [&] {
    for (int i = 0; i < 200; ++i)
      if (space->take(1, 4096, {HugePages::kOff, {}}).head == nullptr) return false;
    return true;
  };
  os.tables_end = space->region().base;
  bool good = false;
  std::thread thread([&] { good = take_some(); });
  while (!os.is_holding.load()) sched_yield();
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(space->survive_fork() == Holder::kVanished && take_some() ? 0 : 1);
  }
  os.goes_on = true;
  thread.join();
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK_EQ(status, 0);
  CHECK(good);
  space->close();
}
