// Memory kept from dumps, forked children and swap: what the kernel notes, and what a child reads.

#if defined(__linux__)

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "check.h"
#include "os/fake_os.h"
#include "os/linux_os.h"
#include "os/posix_os.h"
#include "os_test_memory.h"
#include "os_vm_flags.h"

using namespace superslab;
using superslab_test::is_all;
using superslab_test::Reservation;
using superslab_test::vm_flags;

namespace {

constexpr Secrecy kAll = Secrecy::kNoDump | Secrecy::kWipeOnFork | Secrecy::kLocked;
constexpr ByteCount kBytes = 64 * kKiB;

bool has_flag(const void* p, const char* flag) {
  return vm_flags(p).find(std::string(" ") + flag + " ") != std::string::npos;
}

/// Whether a forked child reads `value` in all of the range.
bool child_reads(const unsigned char* p, ByteCount bytes, unsigned char value) {
  const pid_t child = fork();
  if (child == 0) _exit(is_all(p, bytes, value) ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST(os, "secrets are not dumped, not swapped and not inherited; unprotected memory is as before") {
  LinuxOs os;
  const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
  unsigned char* p = memory.at(0);
  CHECK(os.commit(p, kSuperslabBytes, HugePages::kOff) == OsStatus::kOk);
  const std::string before = vm_flags(p);
  CHECK(os.protect(p, kBytes, kAll) == Secrecy::kNone);
  CHECK(has_flag(p, "dd"));
  CHECK(has_flag(p, "wf"));
  CHECK(has_flag(p, "lo"));
  CHECK_EQ(vm_flags(p + kBytes), before);  // no more than asked for
  memset(p, 0x5a, 2 * kBytes);
  CHECK(child_reads(p, kBytes, 0));
  CHECK(child_reads(p + kBytes, kBytes, 0x5a));
  CHECK(is_all(p, kBytes, 0x5a));  // the parent has its own
  // The whole reservation, of which most was never protected, some not even committed.
  CHECK(os.unprotect(p, kSuperslabBytes, kAll) == Secrecy::kNone);
  CHECK_EQ(vm_flags(p), before);
  CHECK(child_reads(p, kBytes, 0x5a));
}

TEST(os, "each kind of secrecy is by itself") {
  LinuxOs os;
  for (const Secrecy one : kEverySecrecy) {
    const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
    unsigned char* p = memory.at(0);
    CHECK(os.commit(p, kBytes, HugePages::kOff) == OsStatus::kOk);
    CHECK(os.protect(p, kBytes, one) == Secrecy::kNone);
    CHECK_EQ(has_flag(p, "dd"), one == Secrecy::kNoDump);
    CHECK_EQ(has_flag(p, "wf"), one == Secrecy::kWipeOnFork);
    CHECK_EQ(has_flag(p, "lo"), one == Secrecy::kLocked);
    CHECK(os.unprotect(p, kBytes, without(kAll, one)) == Secrecy::kNone);
    CHECK_EQ(has_flag(p, "wf"), one == Secrecy::kWipeOnFork);  // that was not what ended
  }
}

TEST(os, "locked memory is populated by its first touch, not by being locked, and can be purged") {
  LinuxOs os;
  const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
  unsigned char* p = memory.at(0);
  CHECK(os.commit(p, kSuperslabBytes, HugePages::kOff) == OsStatus::kOk);
  CHECK(os.protect(p, kSuperslabBytes, Secrecy::kLocked) == Secrecy::kNone);
  CHECK(!os.is_resident(p));
  p[0] = 1;
  CHECK(os.is_resident(p));
  const OsRange range{p, kSuperslabBytes};
  const OsStatus purged = os.purge(&range, 1);
  if (purged == OsStatus::kUnsupported) return;  // before 5.18: the heap unlocks it first
  CHECK(purged == OsStatus::kOk);
  CHECK(!os.is_resident(p));
  CHECK_EQ(p[0], 0);
  CHECK(has_flag(p, "lo"));
}

TEST(os, "a huge page of secrets is still wiped in a child") {
  LinuxOs os;
  const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
  unsigned char* p = memory.at(0);
  CHECK(os.commit(p, kSuperslabBytes, HugePages::kTransparent) == OsStatus::kOk);
  CHECK(os.protect(p, kSuperslabBytes, Secrecy::kNoDump | Secrecy::kWipeOnFork) == Secrecy::kNone);
  memset(p, 0x77, kSuperslabBytes);
  // Into one page now, if it was not made of one; kernels that cannot leave it as it is.
  constexpr int kCollapse = 25;
  madvise(p, kSuperslabBytes, kCollapse);
  CHECK(has_flag(p, "wf"));
  CHECK(has_flag(p, "dd"));
  CHECK(child_reads(p, kSuperslabBytes, 0));
  CHECK(is_all(p, kSuperslabBytes, 0x77));
}

TEST(os, "what cannot be had is said, and the memory is as usable as before") {
  PosixOs posix;
  const Reservation plain(posix, kBytes, kBytes);
  CHECK(posix.commit(plain.at(0), kBytes, HugePages::kOff) == OsStatus::kOk);
  CHECK(posix.protect(plain.at(0), kBytes, kAll) == kAll);
  CHECK(posix.unprotect(plain.at(0), kBytes, kAll) == Secrecy::kNone);
  plain.at(0)[0] = 1;

  FakeOs fake(system_os());
  const Reservation memory(fake, kBytes, kBytes);
  CHECK(fake.commit(memory.at(0), kBytes, HugePages::kOff) == OsStatus::kOk);
  fake.refuse(Secrecy::kLocked);
  CHECK(fake.protect(memory.at(0), kBytes, kAll) == Secrecy::kLocked);
  CHECK_EQ(fake.protected_bytes(Secrecy::kNoDump), kBytes);
  CHECK_EQ(fake.protected_bytes(Secrecy::kLocked), 0u);
  fake.fail_nth(FakeOs::Call::kUnprotect, 1, OsStatus::kNoMemory);
  CHECK(fake.unprotect(memory.at(0), kBytes, Secrecy::kNoDump) == Secrecy::kNoDump);
  CHECK(has_flag(memory.at(0), "dd"));
  CHECK(fake.unprotect(memory.at(0), kBytes, Secrecy::kNoDump) == Secrecy::kNone);
  CHECK(!has_flag(memory.at(0), "dd"));
}

#endif
