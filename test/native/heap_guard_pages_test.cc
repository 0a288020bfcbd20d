// Guard pages behind blocks beyond 2 MiB: a write past the end ends the process there and then.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "heap/huge.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy guard_policy(HugePages pages = HugePages::kOff) {
  Policy policy = plain_policy();
  policy.huge_pages = pages;
  policy.guard_pages = true;
  policy.big_cache_bytes = 64 * kMiB;
  return policy;
}

int fault_pipe[2];

/// The address that a write to `p` faults at, in a child; nullptr when it does not.
void* fault_of_write(std::byte* p) {
  if (pipe(fault_pipe) != 0) return nullptr;
  const pid_t child = fork();
  if (child == 0) {
    struct sigaction tell = {};
    tell.sa_flags = SA_SIGINFO | SA_RESETHAND;
    tell.sa_sigaction = [](int signal, siginfo_t* info, void*) {
      if (write(fault_pipe[1], &info->si_addr, sizeof info->si_addr) < 0) _exit(1);
      raise(signal);
    };
    sigaction(SIGSEGV, &tell, nullptr);
    sigaction(SIGBUS, &tell, nullptr);
    *reinterpret_cast<volatile std::byte*>(p) = std::byte{1};
    _exit(0);
  }
  close(fault_pipe[1]);
  int status = 0;
  void* at = nullptr;
  if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV ||
      read(fault_pipe[0], &at, sizeof at) != sizeof at)
    at = nullptr;
  close(fault_pipe[0]);
  return at;
}

}  // namespace

TEST(heap, "a write past the end of a huge block faults at its end") {
  for (const HugePages pages : {HugePages::kOff, HugePages::kTransparent}) {
    TestPool t(guard_policy(pages));
    Script s(*t.heap);
    const ByteCount page = t.os().page_bytes();
    for (const ByteCount bytes :
         {2 * kMiB + 1, 3 * kMiB, 4 * kMiB, 4 * kMiB - page, 5 * kMiB + 17}) {
      const Context context(std::to_string(bytes) + " bytes");
      const BlockNumber n = s.acquire(bytes);
      CHECK(n != kNoBlock);
      const ByteCount capacity = s.capacity(n);
      CHECK_EQ(capacity, align_up(bytes, page));
      CHECK_EQ(t->huge().capacity(bytes), capacity);
      std::byte* end = s.bytes_of(n) + capacity;
      // Its neighbour, so that without a guard the write would find memory.
      const BlockNumber next = s.acquire(bytes);
      CHECK(fault_of_write(end - 1) == nullptr);
      CHECK(fault_of_write(end) == end);
      CHECK(fault_of_write(end + page - 1) == end + page - 1);
      s.release(n);
      s.release(next);
    }
    s.detach();
    CHECK(t.ends_clean());
  }
}

TEST(heap, "guard pages take no memory and no budget") {
  Policy policy = guard_policy();
  policy.max_bytes = 8 * kMiB;
  TestPool t(policy);
  Script s(*t.heap);
  const BlockNumber a = s.acquire(4 * kMiB);
  const BlockNumber b = s.acquire(4 * kMiB);
  CHECK(a != kNoBlock && b != kNoBlock);
  CHECK_EQ(t->committed_bytes(), 8 * kMiB);
  CHECK_EQ(t->budget().charged(), 8 * kMiB);
  s.release(a);
  s.release(b);
}

TEST(heap, "a cached block serves requests of its own length only") {
  TestPool t(guard_policy());
  Script s(*t.heap);
  const BlockNumber n = s.acquire(5 * kMiB);
  s.release(n);
  const BlockNumber shorter = s.acquire(5 * kMiB - t.os().page_bytes());
  CHECK(shorter != n);
  std::byte* end = s.bytes_of(shorter) + s.capacity(shorter);
  CHECK(fault_of_write(end) == end);
  CHECK_EQ(s.acquire(5 * kMiB - 1), n);
  s.release(n);
  s.release(shorter);
}

TEST(heap, "memory that views may reach is no guard, though it is free") {
  TestPool t(guard_policy());
  // Slabs that filled four superslabs, all given back to the space.
  BufferPool other(t.space(), t.clock, plain_policy());
  {
    Script s(other);
    BlockNumber blocks[4];
    for (BlockNumber& n : blocks) n = s.acquire(kMaxClassBytes);
    for (const BlockNumber n : blocks) s.release(n);
    s.detach();
    other.trim(0);
  }
  Script s(*t.heap);
  const BlockNumber n = s.acquire(3 * kMiB);
  std::byte* end = s.bytes_of(n) + s.capacity(n);
  CHECK(fault_of_write(end) == end);
  // A stale view of any of the four can still be written through.
  const Superslab& head = t.space().superslab_of(s.bytes_of(n));
  const SuperslabIndex first = head.index - head.index % kSuperslabsPerArena;
  for (SuperslabIndex i = first; i < first + 4; ++i) {
    std::byte* base = t.space().superslab(i).base;
    CHECK(fault_of_write(base) == nullptr);
    CHECK(fault_of_write(base + kSuperslabBytes - 1) == nullptr);
  }
  s.release(n);
}

TEST(heap, "the longest block has no room for a guard, and is refused") {
  TestPool t(guard_policy());
  Script s(*t.heap);
  CHECK_EQ(s.acquire(kMaxHugeBytes), kNoBlock);
  CHECK_EQ(t->budget().charged(), 0u);
}

TEST(heap,
     "without the option the block may be longer than asked for, and has no guard superslab") {
  Policy policy = guard_policy(HugePages::kTransparent);
  policy.guard_pages = false;
  TestPool t(policy);
  Script s(*t.heap);
  const BlockNumber n = s.acquire(4 * kMiB);
  CHECK_EQ(t.space().superslab(superslab_of(n)).span, 2u);
  s.release(n);
}

TEST(heap, "canaries bring guard pages along, where the pages allow it") {
  Policy policy = guard_policy();
  policy.guard_pages = false;
  policy.guard = Guard::kCanary;
  TestPool t(policy);
  Script s(*t.heap);
  const BlockNumber n = s.acquire(4 * kMiB);
  CHECK(fault_of_write(s.bytes_of(n) + s.capacity(n)) == s.bytes_of(n) + s.capacity(n));
  s.release(n);
  policy.guard = Guard::kPoison;
  CHECK(!has_guard_pages(policy));
  policy.guard = Guard::kDetach;
  CHECK(has_guard_pages(policy));
  policy.huge_pages = HugePages::k2MiB;
  CHECK(!has_guard_pages(policy));
}
