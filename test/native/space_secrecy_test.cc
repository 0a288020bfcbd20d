// Secrecy ends when a superslab goes back to the space: who takes it next knows nothing of it, and
// would lose its memory at a fork.

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "space_fixture.h"

using namespace superslab;
using namespace superslab_test;
using Call = FakeOs::Call;

namespace {

constexpr Secrecy kBoth = Secrecy::kNoDump | Secrecy::kWipeOnFork;
constexpr Backing kPlain{.pages = HugePages::kOff};
constexpr Backing kSecret{.pages = HugePages::kOff, .secrecy = kBoth};
constexpr Backing kOfMalloc{.pages = HugePages::kOff, .access = Access::kPointers};

Secrecy purge_and_give(TestSpace& t, Superslab* head, ByteCount bytes) {
  const OsRange range{head->base, bytes};
  t.os.purge(&range, 1);
  return t.space->give(head);
}

/// What a forked child finds in the first bytes of `p`: 0 the text, 1 zeros, 2 something else.
int child_finds(const std::byte* p, const char* text) {
  const pid_t child = fork();
  if (child == 0) {
    if (std::strcmp(reinterpret_cast<const char*>(p), text) == 0) _exit(0);
    _exit(is_zero(p, std::strlen(text)) ? 1 : 2);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// While it keeps a span secret or ends that, takes a superslab for somebody else and gives it
/// back. Under the space's lock that would be a dead lock, which debug builds end by an assertion.
class NosyOs final : public OsProxy {
 public:
  explicit NosyOs(Os& to) : OsProxy(to) {}

  Space* space = nullptr;
  std::vector<std::byte*> others;  // what was taken meanwhile

  Secrecy protect(void* address, ByteCount bytes, Secrecy what) override {
    look();
    return OsProxy::protect(address, bytes, what);
  }
  Secrecy unprotect(void* address, ByteCount bytes, Secrecy what) override {
    const Secrecy left = OsProxy::unprotect(address, bytes, what);
    look();
    return left;
  }

 private:
  void look() {
    Superslab* other = space->take(1, kSuperslabBytes, kPlain).head;
    others.push_back(other == nullptr ? nullptr : other->base);
    if (other != nullptr) space->give(other);
  }
};

/// 0, or the number of what went wrong.
int take_while_others_take() {
  FakeOs fake(system_os());
  NosyOs os(fake);
  Space space;
  os.space = &space;
  if (!space.open(os)) return 1;
  Superslab* secret = space.take(2, 2 * kSuperslabBytes, kSecret).head;
  if (secret == nullptr || os.others.size() != 1) return 2;
  if (space.give(secret) != Secrecy::kNone || os.others.size() != 2) return 3;
  // The span was nobody else's meanwhile, and no secret of the other's.
  for (const std::byte* other : os.others) {
    if (other == nullptr || (other >= secret->base && other < secret->base + 2 * kSuperslabBytes))
      return 4;
  }
  if (fake.protected_bytes(Secrecy::kWipeOnFork) != 0) return 5;
  // Afterwards it is anybody's.
  if (space.take(2, 2 * kSuperslabBytes, kPlain).head != secret) return 6;
  return fake.misuse().total() == 0 ? 0 : 7;
}

}  // namespace

TEST(space, "a page of which a part is asked for is kept secret whole") {
  TestSpace t;
  const Superslab* head = t.space->take(1, 5000, kSecret).head;
  CHECK_EQ(t.os.protected_bytes(head->base, kSuperslabBytes, Secrecy::kNoDump), 2 * 4096u);
}

TEST(space, "nobody waits for the space while the operating system keeps a span secret") {
  CHECK_EQ(run_in_child(take_while_others_take), 0);
}

TEST(space, "a span of secrets is protected as far as it is committed") {
  TestSpace t;
  const ByteCount bytes = 3 * kMiB;
  Superslab* head = t.space->take(2, bytes, kSecret).head;
  CHECK(head != nullptr);
  CHECK_EQ(t.os.protected_bytes(head->base, bytes, Secrecy::kNoDump), bytes);
  CHECK_EQ(t.os.protected_bytes(head->base, bytes, Secrecy::kWipeOnFork), bytes);
  CHECK_EQ(t.os.protected_bytes(Secrecy::kWipeOnFork), bytes);  // and nothing else
  CHECK_EQ(t.os.protected_bytes(Secrecy::kLocked), 0u);
  CHECK(purge_and_give(t, head, bytes) == Secrecy::kNone);
  CHECK_EQ(t.os.protected_bytes(Secrecy::kNoDump), 0u);
  t.close();
  CHECK(t.is_balanced());
}

TEST(space, "no calls are made for memory that is no secret") {
  TestSpace t;
  Superslab* head = t.space->take(1, kSuperslabBytes, kPlain).head;
  purge_and_give(t, head, kSuperslabBytes);
  CHECK_EQ(t.os.calls(Call::kProtect), 0u);
  CHECK_EQ(t.os.calls(Call::kUnprotect), 0u);
}

TEST(space, "a forked child has the memory that a heap of secrets used before") {
  TestSpace t;
  Superslab* secret = t.space->take(1, kSuperslabBytes, kSecret).head;
  CHECK(secret != nullptr);
  std::strcpy(reinterpret_cast<char*>(secret->base), "secret");
  CHECK_EQ(child_finds(secret->base, "secret"), 1);
  purge_and_give(t, secret, kSuperslabBytes);
  Superslab* next = t.space->take(1, kSuperslabBytes, kPlain).head;
  CHECK(next == secret);  // else this test says nothing
  std::strcpy(reinterpret_cast<char*>(next->base), "heap");
  CHECK_EQ(child_finds(next->base, "heap"), 0);
}

TEST(space, "memory of which the secrecy could not be ended serves secrets only") {
  TestSpace t;
  Superslab* stuck = t.space->take(1, kSuperslabBytes, kSecret).head;
  t.os.fail_nth(Call::kUnprotect, 1, OsStatus::kNoMemory);
  CHECK(purge_and_give(t, stuck, kSuperslabBytes) == kBoth);
  Superslab* plain = t.space->take(1, kSuperslabBytes, kPlain).head;
  Superslab* malloced = t.space->take(1, kSuperslabBytes, kOfMalloc).head;
  constexpr Backing kNotDumped{.pages = HugePages::kOff, .secrecy = Secrecy::kNoDump};
  Superslab* half = t.space->take(1, kSuperslabBytes, kNotDumped).head;
  CHECK(plain != nullptr && malloced != nullptr && half != nullptr);
  CHECK(plain != stuck && malloced != stuck && half != stuck);
  Superslab* secret = t.space->take(1, kSuperslabBytes, kSecret).head;
  CHECK(secret == stuck);
  CHECK(purge_and_give(t, secret, kSuperslabBytes) == Secrecy::kNone);
  CHECK(t.space->take(1, kSuperslabBytes, kPlain).head == stuck);
}

TEST(space, "a block that grows does not grow into secrets") {
  TestSpace t;
  Superslab* head = t.space->take(1, kSuperslabBytes, kOfMalloc).head;
  Superslab* secret = t.space->take(1, kSuperslabBytes, kSecret).head;
  CHECK(secret == head + 1);
  t.os.fail_nth(Call::kUnprotect, 1, OsStatus::kNoMemory);
  purge_and_give(t, secret, kSuperslabBytes);
  secret->is_exposed = false;  // which refuses it for another reason
  bool is_zero;
  CHECK(!t.space->extend(head, 2, is_zero));
}

TEST(space, "what is refused is said, and the memory is taken all the same") {
  TestSpace t;
  constexpr Backing kLocked{.pages = HugePages::kOff, .secrecy = kBoth | Secrecy::kLocked};
  t.os.refuse(Secrecy::kLocked);
  const TakenSpan taken = t.space->take(1, kSuperslabBytes, kLocked);
  CHECK(taken.head != nullptr);
  CHECK(taken.refused == Secrecy::kLocked);
  CHECK_EQ(t.os.protected_bytes(Secrecy::kWipeOnFork), kSuperslabBytes);
  // It may have been locked in part: that ends too.
  CHECK(purge_and_give(t, taken.head, kSuperslabBytes) == Secrecy::kNone);
  CHECK(taken.head->secrecy == Secrecy::kNone);
}

TEST(space,
     "explicit huge pages, which are never swapped, are not locked; what stands in for them is") {
  TestSpace t;
  t.os.set_huge_pages(HugePages::k2MiB, 1);
  t.os.refuse(Secrecy::kLocked);
  const Backing locked{.pages = HugePages::k2MiB, .secrecy = Secrecy::kLocked};
  const TakenSpan huge = t.space->take(1, kSuperslabBytes, locked);
  CHECK_EQ(huge.head->pages, HugePages::k2MiB);
  CHECK(huge.refused == Secrecy::kNone);
  const TakenSpan plain = t.space->take(1, kSuperslabBytes, locked);
  CHECK(plain.fell_back);
  CHECK(plain.refused == Secrecy::kLocked);
  t.os.refuse(Secrecy::kNone);
  const TakenSpan more = t.space->take(1, kSuperslabBytes, locked);
  CHECK_EQ(t.os.protected_bytes(Secrecy::kLocked), kSuperslabBytes);
  t.space->give(huge.head);
  purge_and_give(t, plain.head, kSuperslabBytes);
  purge_and_give(t, more.head, kSuperslabBytes);
  t.close();
  CHECK(t.is_balanced());
}
