// Random work on the heap by many threads that come and go: every way to allocate, frees by other
// threads, forks whose children work with what they inherit, trims. Every block holds a pattern
// that is checked when it is resized and freed.
//
//   stress [--seconds=5] [--threads=4] [--seed=N] [--no-fork] [--abort]
//
// Prints its seed. What each thread does follows from the seed; how they interleave does not. Exit
// code 1, and what was wrong, at the first fault.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "heap_calls.h"
#include "options.h"
#include "pattern.h"
#include "random.h"
#include "slots.h"

namespace {

/// A thread's life.
constexpr unsigned kOperations = 20'000;
/// A child works for a moment, and must not wait for a lock that nobody will release.
constexpr unsigned kChildOperations = 2'000;
constexpr unsigned kChildSeconds = 60;
constexpr unsigned kStallSeconds = 90;

Options options;
std::atomic<uint64_t> lives{0};
std::atomic<uint64_t> operations{0};
std::atomic<uint64_t> children{0};

// Says it without the heap, which may be the one that is broken.
[[noreturn, gnu::format(printf, 1, 2)]] void fail(const char* format, ...) {
  char text[512];
  const int start =
      snprintf(text, sizeof text,
               "stress: seed %llu, process %d: ", static_cast<unsigned long long>(options.seed),
               static_cast<int>(getpid()));
  va_list arguments;
  va_start(arguments, format);
  int length = start + vsnprintf(text + start, sizeof text - start - 1, format, arguments);
  va_end(arguments);
  if (length > static_cast<int>(sizeof text) - 2) length = sizeof text - 2;
  text[length++] = '\n';
  (void)!write(STDERR_FILENO, text, static_cast<size_t>(length));
  if (options.aborts) abort();
  _exit(1);
}

/// Most are small; a few reach into every part of an allocator.
size_t random_size(Random& random) {
  const uint64_t kind = random.below(1000);
  if (kind < 10) return random.below(16);
  if (kind < 600) return 16 + random.below(240);
  if (kind < 850) return 256 + random.below((4 << 10) - 256);
  if (kind < 975) return (4 << 10) + random.below(60 << 10);
  if (kind < 998) return (64 << 10) + random.below((1 << 20) - (64 << 10));
  return (1 << 20) + random.below(7 << 20);
}

void check_content(const Slot& slot) {
  const size_t at =
      pattern::first_difference(slot.block, slot.bytes, slot.block, slot.bytes, slot.tag);
  if (at != slot.bytes)
    fail("block %p of %zu bytes: other content at %zu", slot.block, slot.bytes, at);
}

void check_zero(const void* block, size_t bytes) {
  const char* content = static_cast<const char*>(block);
  // All zero: the first is, and each is like its neighbour.
  if (bytes != 0 && (content[0] != 0 || memcmp(content, content + 1, bytes - 1) != 0))
    fail("calloc: block %p of %zu bytes does not read as zero", block, bytes);
}

/// Into an empty slot that is held.
void allocate_into(Slot& slot, Random& random) {
  const size_t bytes = random_size(random);
  size_t alignment = bytes < alignof(max_align_t) ? 8 : alignof(max_align_t);
  void* block = nullptr;
  const char* how = "malloc";
  switch (random.below(8)) {
    case 0:
      how = "calloc";
      block = heap::allocate_zeroed(1 + bytes / 8, 8);
      if (block != nullptr) check_zero(block, (1 + bytes / 8) * 8);
      break;
    case 1:
      how = "aligned_alloc";
      alignment = size_t{16} << random.below(random.one_in(16) ? 17 : 9);
      block = heap::allocate_aligned(alignment, bytes);
      break;
    case 2:
      how = "posix_memalign";
      alignment = size_t{8} << random.below(random.one_in(16) ? 18 : 10);
      block = heap::allocate_at(alignment, bytes);
      break;
    case 3:
      how = "realloc(NULL)";
      block = heap::resize(nullptr, bytes);
      break;
    default:
      block = heap::allocate(bytes);
  }
  if (block == nullptr) fail("%s: no block of %zu bytes: %s", how, bytes, strerror(errno));
  if (reinterpret_cast<uintptr_t>(block) % alignment != 0)
    fail("%s: block %p of %zu bytes is not aligned to %zu", how, block, bytes, alignment);
  const size_t usable = heap::usable_bytes(block);
  if (usable < bytes) fail("%s: block %p of %zu bytes has %zu", how, block, bytes, usable);
  // What is usable belongs to the caller, whatever was asked for.
  slot.bytes = random.one_in(8) ? usable : bytes;
  slot.block = block;
  slot.tag = random.next();
  pattern::fill(slot.block, slot.bytes, slot.tag);
}

void resize_in(Slot& slot, Random& random) {
  check_content(slot);
  size_t bytes = random.one_in(2) ? random_size(random)                     // anywhere
                                  : slot.bytes + random.below(slot.bytes);  // as a buffer grows
  if (bytes == 0) bytes = 1;  // realloc(block, 0) is no one thing
  if (bytes > 16 << 20) bytes = 16 << 20;
  void* block = heap::resize(slot.block, bytes);
  if (block == nullptr) fail("realloc: no block of %zu bytes: %s", bytes, strerror(errno));
  const size_t kept = std::min(bytes, slot.bytes);
  const size_t at = pattern::first_difference(block, kept, slot.block, slot.bytes, slot.tag);
  if (at != kept)
    fail("realloc: %p of %zu bytes became %p of %zu: other content at %zu", slot.block, slot.bytes,
         block, bytes, at);
  slot.block = block;
  slot.bytes = bytes;
  slot.tag = random.next();
  pattern::fill(slot.block, slot.bytes, slot.tag);
}

void release_from(Slot& slot, Random& random) {
  check_content(slot);
  // Whose the block is next must not find what belongs to this one.
  if (slot.bytes >= sizeof slot.tag) memset(slot.block, 0xdd, sizeof slot.tag);
  errno = ENOTTY;
  random.one_in(4) ? heap::release_sized(slot.block, slot.bytes) : heap::release(slot.block);
  if (errno != ENOTTY) fail("free: errno became %d", errno);
  slot.block = nullptr;
}

void work_on(Slot& slot, Random& random) {
  if (slot.block == nullptr) {
    allocate_into(slot, random);
  } else if (slot.bytes != 0 && random.one_in(6)) {
    resize_in(slot, random);
  } else {
    release_from(slot, random);
  }
}

/// A burst that is freed at once, in the order of allocation: magazines fill and empty as a whole.
void burst(Random& random) {
  std::array<Slot, 300> own;
  const size_t count = 1 + random.below(own.size());
  const bool alike = random.one_in(2);
  const size_t bytes = 1 + random.below(1024);
  for (size_t i = 0; i < count; ++i) {
    if (!alike && i % 8 == 0) {
      allocate_into(own[i], random);
      continue;
    }
    own[i].block = heap::allocate(bytes);
    if (own[i].block == nullptr) fail("malloc: no block of %zu bytes", bytes);
    own[i].bytes = bytes;
    own[i].tag = i;
    pattern::fill(own[i].block, bytes, i);
  }
  for (size_t i = 0; i < count; ++i) release_from(own[i], random);
}

[[noreturn]] void be_child(Random random) {
  alarm(kChildSeconds);
  // From everywhere: also what threads have that are not in this process.
  for (unsigned i = 0; i < kChildOperations; ++i) {
    Slot& slot = slots[random.below(kSlots)];
    if (!slot.try_hold()) continue;
    work_on(slot, random);
    slot.let_go();
  }
  burst(random);
  if (random.one_in(4)) heap::trim();
  _exit(0);
}

void fork_child(Random& random) {
  const Random its(random.next());
  const pid_t child = fork();
  if (child < 0) fail("fork: %s", strerror(errno));
  if (child == 0) be_child(its);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid: %s", strerror(errno));
  }
  children.fetch_add(1, std::memory_order_relaxed);
  if (WIFSIGNALED(status))
    fail("the child %d was ended by signal %d%s", static_cast<int>(child), WTERMSIG(status),
         WTERMSIG(status) == SIGALRM ? ": it hung" : "");
  if (WEXITSTATUS(status) != 0) fail("the child %d failed", static_cast<int>(child));
}

/// Threads also allocate and free while they end.
pthread_key_t at_end;
void thread_ends(void* block) {
  heap::release(block);
  heap::release(heap::allocate(100));
}

void* live(void* number) {
  Random random(options.seed ^ pattern::mix(reinterpret_cast<uintptr_t>(number)));
  pthread_setspecific(at_end, heap::allocate(64));
  // Some die young.
  const unsigned count = random.one_in(4) ? random.below(kOperations / 10) : kOperations;
  // Most work stays within a part of the table, so that a thread meets its own blocks as well.
  const size_t part = kSlots / options.threads;
  const size_t home = random.below(options.threads) * part;
  for (unsigned i = 0; i < count; ++i) {
    const bool is_abroad = random.one_in(4);
    Slot& slot = slots[is_abroad ? random.below(kSlots) : home + random.below(part)];
    if (!slot.try_hold()) continue;
    work_on(slot, random);
    slot.let_go();
    if (random.one_in(500)) burst(random);
    if (random.one_in(5'000)) heap::trim();
    if (options.forks && random.one_in(20'000)) fork_child(random);
  }
  operations.fetch_add(count, std::memory_order_relaxed);
  lives.fetch_add(1, std::memory_order_relaxed);
  return nullptr;
}

void start(pthread_t& thread, uint64_t number) {
  if (pthread_create(&thread, nullptr, live, reinterpret_cast<void*>(number)) != 0)
    fail("pthread_create: %s", strerror(errno));
}

void stall(int) { fail("no thread ended within %u s: they hang", kStallSeconds); }

}  // namespace

int main(int count, char** arguments) {
  if (!options.read(count, arguments)) return 2;
  printf("stress: seed %llu, %u threads, %u s\n", static_cast<unsigned long long>(options.seed),
         options.threads, options.seconds);
  fflush(stdout);
  pthread_key_create(&at_end, thread_ends);
  signal(SIGALRM, stall);

  static pthread_t threads[256];
  uint64_t next = 1;
  const time_t end = time(nullptr) + options.seconds;
  for (unsigned i = 0; i < options.threads; ++i) start(threads[i], next++);
  for (unsigned i = 0;; i = (i + 1) % options.threads) {
    alarm(kStallSeconds);
    pthread_join(threads[i], nullptr);
    threads[i] = 0;
    if (time(nullptr) >= end) break;
    start(threads[i], next++);
  }
  for (unsigned i = 0; i < options.threads; ++i) {
    if (threads[i] != 0) pthread_join(threads[i], nullptr);
  }
  alarm(0);

  Random random(options.seed);
  for (Slot& slot : slots) {
    if (slot.block != nullptr) release_from(slot, random);
  }
  printf("stress: %llu operations, %llu threads, %llu children\n",
         static_cast<unsigned long long>(operations.load()),
         static_cast<unsigned long long>(lives.load()),
         static_cast<unsigned long long>(children.load()));
  return 0;
}
