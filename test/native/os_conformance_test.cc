// What every Os promises, whichever it is.

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <thread>

#include "base/bits.h"
#include "check.h"
#include "os/fake_os.h"
#include "os/os.h"
#include "os/posix_os.h"
#include "os_test_memory.h"

#if defined(__linux__)
#include "os/linux_os.h"
#endif

using namespace superslab;
using superslab_test::Context;
using superslab_test::is_all;
using superslab_test::Reservation;

namespace {

/// Runs `body` on each implementation until one fails.
void on_each_os(void (*body)(Os&)) {
  PosixOs posix;
  FakeOs fake(system_os());
  FakeOs fake_64k(system_os());
  fake_64k.set_page_bytes(64 * kKiB);
#if defined(__linux__)
  LinuxOs oldest({.sys = "/nonexistent", .batch_purge = false, .populate_call = false});
#endif
  const struct {
    const char* name;
    Os& os;
  } all[] = {
    {"system", system_os()},
    {"posix", posix},
#if defined(__linux__)
    {"oldest linux", oldest},
#endif
    {"fake", fake},
    {"fake, 64 KiB pages", fake_64k}
  };
  for (const auto& each : all) {
    const Context context(each.name);
    body(each.os);
    if (superslab_test::has_failed()) return;
  }
  CHECK_EQ(fake.misuse().total(), 0u);
  CHECK_EQ(fake_64k.misuse().total(), 0u);
}

/// Whether a read of the byte ends the process by a signal.
bool faults(const unsigned char* p) {
  const pid_t child = fork();
  if (child == 0) {
    // Sanitizers would turn the signals into an exit.
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    const unsigned char byte = *static_cast<const volatile unsigned char*>(p);
    _exit(byte == 0 ? 0 : 1);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) return false;
  return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

}  // namespace

TEST(os, "a page is a power of two of at least 4 KiB") {
  on_each_os([](Os& os) {
    CHECK(is_power_of_two(os.page_bytes()));
    CHECK(os.page_bytes() >= 4 * kKiB);
  });
}

TEST(os, "a reservation is aligned as asked for") {
  on_each_os([](Os& os) {
    for (const ByteCount alignment : {os.page_bytes(), kSliceBytes, kSuperslabBytes, kArenaBytes}) {
      const Reservation memory(os, 2 * kSuperslabBytes, alignment);
      CHECK(memory);
      CHECK_EQ(address_of(memory.at(0)) % alignment, 0u);
    }
  });
}

TEST(os, "reserved memory cannot be touched") {
  on_each_os([](Os& os) {
    const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK(faults(memory.at(0)));
    CHECK(faults(memory.at(memory.bytes() - 1)));
  });
}

TEST(os, "a reservation larger than the address space is refused") {
  on_each_os([](Os& os) {
    const ByteCount last = ~ByteCount{0};
    CHECK(os.reserve(align_down(last, os.page_bytes()), os.page_bytes()) == nullptr);
    CHECK(os.reserve(align_down(last, os.page_bytes()), kArenaBytes) == nullptr);
    CHECK(os.reserve(ByteCount{1} << 60, kArenaBytes) == nullptr);
  });
}

TEST(os, "a reservation at an address lies there, or nowhere") {
  on_each_os([](Os& os) {
    unsigned char* at;
    {
      const Reservation memory(os, 4 * kSuperslabBytes, kSuperslabBytes);
      CHECK(memory);
      at = memory.at(0);
      // A page of it, all of it, and what overlaps either end.
      CHECK_EQ(os.reserve_at(at + kSuperslabBytes, os.page_bytes()), OsStatus::kTaken);
      CHECK_EQ(os.reserve_at(at, memory.bytes()), OsStatus::kTaken);
      CHECK_EQ(os.reserve_at(at + 3 * kSuperslabBytes, 2 * kSuperslabBytes), OsStatus::kTaken);
      CHECK_EQ(os.reserve_at(at - kSuperslabBytes, 2 * kSuperslabBytes), OsStatus::kTaken);
      // What was there is there still.
      CHECK_EQ(os.commit(at, memory.bytes(), HugePages::kOff), OsStatus::kOk);
      at[kSuperslabBytes] = 1;
    }
    CHECK_EQ(os.reserve_at(at, kSuperslabBytes), OsStatus::kOk);
    CHECK(faults(at));
    CHECK_EQ(os.reserve_at(at + kSuperslabBytes, kSuperslabBytes), OsStatus::kOk);
    // Neighbours, committed and given back as one.
    CHECK_EQ(os.commit(at, 2 * kSuperslabBytes, HugePages::kOff), OsStatus::kOk);
    CHECK(is_all(at, 2 * kSuperslabBytes, 0));
    os.unreserve(at, 2 * kSuperslabBytes);
#if !defined(__SANITIZE_THREAD__)  // it takes such an address for a hint, and asks for address 0
    CHECK_EQ(os.reserve_at(reinterpret_cast<void*>(std::uintptr_t{1} << 62), os.page_bytes()),
             OsStatus::kNoMemory);
#endif
  });
}

TEST(os, "the quiet addresses are free, and are not given to who does not name them") {
  on_each_os([](Os& os) {
    const OsRange quiet = os.quiet_addresses();
    if (quiet.bytes == 0) return;
    unsigned taken = 0;
    for (ByteCount at = 0; at < quiet.bytes; at += quiet.bytes / 16) {
      void* p = static_cast<std::byte*>(quiet.address) + at;
      const OsStatus status = os.reserve_at(p, os.page_bytes());
      taken += status != OsStatus::kOk;
      if (status == OsStatus::kOk) os.unreserve(p, os.page_bytes());
    }
    CHECK(taken <= 4);  // this process's own spaces have some
    for (int i = 0; i < 100; ++i) {
      const Reservation memory(os, kGiB, os.page_bytes());
      CHECK(memory);
      CHECK(address_of(memory.at(0)) - address_of(quiet.address) >= quiet.bytes);
    }
  });
}

TEST(os, "commit makes a range read as zero, and only that range") {
  on_each_os([](Os& os) {
    const Reservation memory(os, 3 * kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    unsigned char* middle = memory.at(kSuperslabBytes);
    CHECK_EQ(os.commit(middle, kSuperslabBytes, HugePages::kTransparent), OsStatus::kOk);
    CHECK(is_all(middle, kSuperslabBytes, 0));
    memset(middle, 0xa5, kSuperslabBytes);
    CHECK(is_all(middle, kSuperslabBytes, 0xa5));
    CHECK(faults(middle - 1));
    CHECK(faults(middle + kSuperslabBytes));
  });
}

TEST(os, "commit without huge pages works at page granularity") {
  on_each_os([](Os& os) {
    const ByteCount page = os.page_bytes();
    const Reservation memory(os, kSliceBytes * 2, kSliceBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), page, HugePages::kOff), OsStatus::kOk);
    memory.at(page - 1)[0] = 1;
    CHECK(faults(memory.at(page)));
  });
}

TEST(os, "purged memory reads as zero and can be written again") {
  on_each_os([](Os& os) {
    const ByteCount page = os.page_bytes();
    const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kTransparent), OsStatus::kOk);
    memset(memory.at(0), 0xff, memory.bytes());

    const OsRange range{memory.at(page), 2 * page};
    CHECK_EQ(os.purge(&range, 1), OsStatus::kOk);
    CHECK(is_all(memory.at(0), page, 0xff));
    CHECK(is_all(memory.at(page), 2 * page, 0));
    CHECK(is_all(memory.at(3 * page), memory.bytes() - 3 * page, 0xff));
    memory.at(page)[0] = 7;
    CHECK_EQ(memory.at(page)[0], 7);
  });
}

TEST(os, "purge takes more ranges than one system call does") {
  on_each_os([](Os& os) {
    constexpr std::size_t kRanges = 2500;
    const ByteCount page = os.page_bytes();
    const Reservation memory(os, kRanges * 2 * page, page);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    static std::array<OsRange, kRanges> ranges;
    for (std::size_t i = 0; i < kRanges; ++i) {
      ranges[i] = {memory.at(2 * i * page), page};
      memory.at(2 * i * page)[0] = 1;
      memory.at((2 * i + 1) * page)[0] = 2;
    }
    CHECK_EQ(os.purge(ranges.data(), kRanges), OsStatus::kOk);
    for (std::size_t i = 0; i < kRanges; ++i) {
      CHECK_EQ(memory.at(2 * i * page)[0], 0);
      CHECK_EQ(memory.at((2 * i + 1) * page)[0], 2);
    }
  });
}

TEST(os, "purging no range is no error") {
  on_each_os([](Os& os) { CHECK_EQ(os.purge(nullptr, 0), OsStatus::kOk); });
}

TEST(os, "populate keeps contents") {
  on_each_os([](Os& os) {
    const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    memset(memory.at(0), 0x5a, memory.bytes() / 2);
    CHECK_EQ(os.populate(memory.at(0), memory.bytes()), OsStatus::kOk);
    CHECK(is_all(memory.at(0), memory.bytes() / 2, 0x5a));
    CHECK(is_all(memory.at(memory.bytes() / 2), memory.bytes() / 2, 0));
  });
}

TEST(os, "touching a populated range takes no page faults") {
#if defined(__SANITIZE_THREAD__)
  SKIP("the sanitizer's shadow memory takes faults of its own");
#endif
  on_each_os([](Os& os) {
    const ByteCount page = os.page_bytes();
    const Reservation memory(os, 4 * kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    CHECK_EQ(os.populate(memory.at(0), memory.bytes()), OsStatus::kOk);
    const FaultCounts before = os.fault_counts();
    for (ByteCount at = 0; at < memory.bytes(); at += page) memory.at(at)[0] = 1;
    const FaultCounts after = os.fault_counts();
    // Far below one a page; a sanitizer or the C library may take a few of its own.
    CHECK(after.minor - before.minor < memory.bytes() / page / 4);
  });
}

TEST(os, "populate loses no write of another thread") {
  on_each_os([](Os& os) {
    const ByteCount page = os.page_bytes();
    const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    std::atomic<bool> stop{false};
    std::thread populater([&] {
      while (!stop.load(std::memory_order_relaxed)) os.populate(memory.at(0), memory.bytes());
    });
    bool kept = true;
    for (unsigned round = 1; round < 200 && kept; ++round) {
      for (ByteCount at = 0; at < memory.bytes(); at += page) {
        std::atomic_ref<unsigned char> byte(*memory.at(at));
        byte.store(static_cast<unsigned char>(round), std::memory_order_relaxed);
        kept = kept && byte.load(std::memory_order_relaxed) == static_cast<unsigned char>(round);
      }
    }
    stop.store(true, std::memory_order_relaxed);
    populater.join();
    CHECK(kept);
  });
}

TEST(os, "fault counts grow with fresh pages") {
  on_each_os([](Os& os) {
    const ByteCount page = os.page_bytes();
    const Reservation memory(os, 64 * page, page);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    const FaultCounts before = os.fault_counts();
    for (ByteCount at = 0; at < memory.bytes(); at += page) memory.at(at)[0] = 1;
    CHECK(os.fault_counts().minor > before.minor);
  });
}

TEST(os, "every kind of placement is accepted on the first node") {
  on_each_os([](Os& os) {
    const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    CHECK(os.node_count() >= 1);
    for (const NodePlacement placement : {NodePlacement{NodePlacement::Kind::kLocal, 0},
                                          NodePlacement{NodePlacement::Kind::kInterleave, 0},
                                          NodePlacement{NodePlacement::Kind::kNode, 0}}) {
      const OsStatus status = os.place(memory.at(0), memory.bytes(), placement);
      // A container's seccomp filter may forbid the call where there are several nodes.
      CHECK(status == OsStatus::kOk || (os.node_count() > 1 && status == OsStatus::kUnsupported));
      memory.at(0)[0] = 1;
    }
  });
}

TEST(os, "a node that does not exist is refused") {
  // Not on the fakes, which count it as misuse.
  PosixOs posix;
  for (Os* os : {&system_os(), static_cast<Os*>(&posix)}) {
    const Reservation memory(*os, kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os->commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    const auto beyond = static_cast<std::uint16_t>(os->node_count());
    CHECK_EQ(os->place(memory.at(0), memory.bytes(), {NodePlacement::Kind::kNode, beyond}),
             OsStatus::kUnsupported);
  }
}

TEST(os, "without explicit huge pages commit says so and the range stays usable") {
  on_each_os([](Os& os) {
    const Reservation memory(os, kGiB, kGiB);
    CHECK(memory);
    const OsStatus big = os.commit(memory.at(0), kGiB, HugePages::k1GiB);
    if (big == OsStatus::kOk) SKIP("this machine has a free 1 GiB page");
    CHECK_EQ(big, OsStatus::kNoHugePages);
    CHECK(faults(memory.at(0)));

    const OsStatus small = os.commit(memory.at(0), kSuperslabBytes, HugePages::k2MiB);
    if (small == OsStatus::kOk) SKIP("this machine has free 2 MiB pages");
    CHECK_EQ(small, OsStatus::kNoHugePages);
    CHECK(faults(memory.at(0)));
    CHECK_EQ(os.commit(memory.at(0), kSuperslabBytes, HugePages::kTransparent), OsStatus::kOk);
    CHECK(is_all(memory.at(0), kSuperslabBytes, 0));
    memory.at(0)[0] = 1;
  });
}

TEST(os, "an address space limit makes reserve answer nullptr") {
  const int code = superslab_test::run_in_child([] {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0) return 2;
    // Sanitizers hold terabytes already; then any limit is below what is in use.
    limit.rlim_cur = 2 * kGiB;
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 3;
    Os& os = system_os();
    if (os.reserve(kArenaBytes, kArenaBytes) != nullptr) return 4;
    PosixOs posix;
    if (posix.reserve(kArenaBytes, kArenaBytes) != nullptr) return 5;
    return 0;
  });
  CHECK_EQ(code, 0);
}

TEST(os, "a limit that forbids the surplus for alignment still lets the range itself in") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  SKIP("a sanitizer's shadow memory is beyond any limit");
#endif
  const int code = superslab_test::run_in_child([] {
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) != 0) return 2;
    // Tests before this one may have left addresses reserved.
    std::uint64_t pages_in_use = 0;
    std::ifstream("/proc/self/statm") >> pages_in_use;
    limit.rlim_cur = pages_in_use * system_os().page_bytes() + kGiB + kGiB / 2;
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 3;
    // 1 GiB aligned to 1 GiB needs nearly 2 GiB to trim, more than the limit leaves.
    Os& os = system_os();
    void* p = os.reserve(kGiB, kGiB);
    if (p == nullptr) return 4;
    return address_of(p) % kGiB == 0 ? 0 : 5;
  });
  CHECK_EQ(code, 0);
}
