#if defined(__linux__)

#include "os/linux_os.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <new>

#include "base/bits.h"
#include "os/huge_pages_linux.h"
#include "os/mapping_linux.h"
#include "os/page_moves_linux.h"
#include "os/posix_memory.h"
#include "os/smaps_linux.h"

/// There when the program was built with ThreadSanitizer.
extern "C" [[gnu::weak]] void __tsan_init();

namespace superslab {

namespace {

// Newer than the headers that we build with: <asm-generic/mman-common.h>, <linux/pidfd.h>.
constexpr int kPopulateWrite = 23;   // Linux 5.14
constexpr int kDontNeedLocked = 24;  // Linux 5.18
constexpr int kWipeOnFork = 18;      // Linux 4.14
constexpr int kKeepOnFork = 19;
constexpr int kPidfdSelf = -10'000;  // PIDFD_SELF_THREAD, Linux 6.15. Unlike a descriptor it still
                                     // means "me" after fork; any thread shares the memory map.
#ifdef SYS_process_madvise
constexpr long kProcessMadvise = SYS_process_madvise;
#else
constexpr long kProcessMadvise = 440;  // one number on all architectures
#endif

#ifdef SYS_mlock2
constexpr long kMlock2 = SYS_mlock2;  // Linux 4.4
#else
constexpr long kMlock2 = -1;           // refused as ENOSYS
#endif
constexpr int kLockOnFault = 1;

constexpr std::size_t kMaxVectors = 1024;  // the kernel's UIO_MAXIOV

// Passing and rare; a kernel that says so for ever must not hang us.
constexpr int kMaxTries = 100;

static_assert(sizeof(OsRange) == sizeof(iovec) &&
                  offsetof(OsRange, address) == offsetof(iovec, iov_base) &&
                  offsetof(OsRange, bytes) == offsetof(iovec, iov_len),
              "ranges are handed to the kernel as they are");

long process_madvise_self(const OsRange* ranges, std::size_t count) {
  return syscall(kProcessMadvise, kPidfdSelf, ranges, count, MADV_DONTNEED, 0);
}

/// madvise(2), again while the kernel asks for it. 0 or an errno value.
int advise(void* address, ByteCount bytes, int advice) {
  for (int tries = 0;; ++tries) {
    if (madvise(address, bytes, advice) == 0) return 0;
    if ((errno != EAGAIN && errno != EINTR) || tries >= kMaxTries) return errno;
  }
}

// The probes name no memory: a kernel checks what it is asked for before it finds nothing to do.

bool can_batch_purges() { return process_madvise_self(nullptr, 0) == 0; }

bool can_populate_by_call() { return madvise(nullptr, 0, kPopulateWrite) == 0; }

}  // namespace

LinuxOs::LinuxOs(const Options& options)
    : sys_(options.sys),
      proc_(options.proc),
      page_bytes_(system_page_bytes()),
      name_mappings_(options.name_mappings),
      batch_purge_(options.batch_purge && can_batch_purges()),
      populate_call_(options.populate_call && can_populate_by_call()),
      thp_by_default_(!options.look_around || thp_is_on_by_default(options.sys, page_bytes_)) {
  if (options.look_around) (void)nodes();
}

const NodeSet& LinuxOs::nodes() const {
  // Acquire: pairs with the store below.
  if (!knows_nodes_.load(std::memory_order_acquire)) {
    pthread_mutex_lock(&nodes_lock_);
    if (!knows_nodes_.load(std::memory_order_relaxed)) nodes_ = usable_nodes(sys_);
    knows_nodes_.store(true, std::memory_order_release);
    pthread_mutex_unlock(&nodes_lock_);
  }
  return nodes_;
}

void* LinuxOs::reserve(ByteCount bytes, ByteCount alignment) {
  void* p = reserve_aligned(bytes, alignment, page_bytes_);
  if (p != nullptr && name_mappings_ && name_mapping(p, bytes)) {
    names_mappings_.store(true, std::memory_order_relaxed);
  }
  return p;
}

OsStatus LinuxOs::reserve_at(void* address, ByteCount bytes) {
  const OsStatus status = superslab::reserve_at(address, bytes);
  if (status == OsStatus::kOk && name_mappings_ && name_mapping(address, bytes))
    names_mappings_.store(true, std::memory_order_relaxed);
  return status;
}

OsRange LinuxOs::quiet_addresses() const {
  // With 47 or 48 bits of addresses the kernel hands out from the top of them down, and programs
  // lie at two thirds (ELF_ET_DYN_BASE, arch/*/include/asm/elf.h). Without a limit on the stack it
  // hands out from one third up, and randomises by at most 16 TiB. V8's hints lie below 64 TiB.
  // With less bits there are no such addresses, and reserve_at() says so.
  if constexpr (sizeof(void*) < 8) return {};
  constexpr ByteCount kTiB = 1024 * kGiB;
  // ThreadSanitizer's shadow memory lies there, and it ends a process that maps anything else. It
  // leaves programs what begins here (kHiAppMemBeg, compiler-rt/lib/tsan/rtl/tsan_platform.h).
  if (__tsan_init != nullptr) return {reinterpret_cast<void*>(0x7e80'0000'0000), kTiB / 2};
  return {reinterpret_cast<void*>(64 * kTiB), 16 * kTiB};
}

void LinuxOs::unreserve(void* address, ByteCount bytes) { munmap(address, bytes); }

OsStatus LinuxOs::commit(void* address, ByteCount bytes, HugePages pages) {
  if (const ByteCount huge = explicit_page_bytes(pages); huge != 0) {
    const bool fits = address_of(address) % huge == 0 && bytes % huge == 0;
    // Asked for first because a mapping that fails may cost the reservation.
    if (!fits || available_huge_pages(sys_, huge) < bytes / huge) return OsStatus::kNoHugePages;
    return map_huge_pages(address, bytes, huge, names_mappings_.load(std::memory_order_relaxed));
  }
  // EACCES and ENOMEM alike: this process may have no more.
  if (mprotect(address, bytes, PROT_READ | PROT_WRITE) != 0) return OsStatus::kNoMemory;
  // Advice: a kernel without transparent huge pages refuses it, and nothing is amiss.
  if (pages == HugePages::kTransparent) {
    advise(address, bytes, MADV_HUGEPAGE);
  } else if (thp_by_default_) {
    advise(address, bytes, MADV_NOHUGEPAGE);
  }
  return OsStatus::kOk;
}

OsStatus LinuxOs::purge(const OsRange* ranges, std::size_t count) {
  OsStatus status = OsStatus::kOk;
  std::size_t done = 0;
  while (done < count) {
    // A batch stops at the first range that fails. That one goes alone, for its error or for a
    // second way, and a new batch begins behind it.
    if (batch_purge_ && count - done > 1) done += purge_batch(ranges + done, count - done);
    if (done == count) break;
    const OsStatus one = purge_one(ranges[done]);
    if (status == OsStatus::kOk) status = one;
    ++done;
  }
  return status;
}

/// How many of the leading ranges were purged.
std::size_t LinuxOs::purge_batch(const OsRange* ranges, std::size_t count) {
  std::size_t done = 0;
  while (done < count) {
    const std::size_t batch = std::min(count - done, kMaxVectors);
    const long advised = process_madvise_self(ranges + done, batch);
    if (advised < 0) break;
    auto left = static_cast<ByteCount>(advised);
    std::size_t finished = 0;
    while (finished < batch && ranges[done + finished].bytes <= left) {
      left -= ranges[done + finished].bytes;
      ++finished;
    }
    done += finished;
    if (finished < batch) break;
  }
  return done;
}

OsStatus LinuxOs::purge_one(const OsRange& range) {
  int error = advise(range.address, range.bytes, MADV_DONTNEED);
  // Also the error for memory locked by mlockall(MCL_FUTURE). It stays locked, and comes back as
  // zeros with the next fault.
  if (error == EINVAL) error = advise(range.address, range.bytes, kDontNeedLocked);
  if (error == 0) return OsStatus::kOk;
  return error == EINVAL ? OsStatus::kUnsupported : OsStatus::kNoMemory;
}

OsStatus LinuxOs::populate(void* address, ByteCount bytes) {
  if (!populate_call_) {
    touch_pages(address, bytes, page_bytes_);
    return OsStatus::kOk;
  }
  const int error = advise(address, bytes, kPopulateWrite);
  if (error == 0) return OsStatus::kOk;
  // ENOMEM: out of memory. EFAULT: a touch would have raised SIGBUS, as with huge pages that are
  // gone. EHWPOISON: a broken page. None of them gets better by touching, which would kill.
  // EINVAL: the range is not writable memory.
  return error == EINVAL ? OsStatus::kUnsupported : OsStatus::kNoMemory;
}

OsStatus LinuxOs::place(void* address, ByteCount bytes, NodePlacement placement) {
  // As long as nobody asked for a node, every range is where the kernel puts it: local.
  if (placement.kind == NodePlacement::Kind::kLocal &&
      !knows_nodes_.load(std::memory_order_relaxed))
    return OsStatus::kOk;
  const unsigned count = node_count();
  if (placement.kind == NodePlacement::Kind::kNode && placement.node >= count)
    return OsStatus::kUnsupported;
  if (count == 1) return OsStatus::kOk;
  return bind_pages(address, bytes, placement, nodes());
}

Secrecy LinuxOs::protect(void* address, ByteCount bytes, Secrecy what) {
  Secrecy refused = Secrecy::kNone;
  if (has(what, Secrecy::kNoDump) && advise(address, bytes, MADV_DONTDUMP) != 0)
    refused = refused | Secrecy::kNoDump;
  if (has(what, Secrecy::kWipeOnFork) && advise(address, bytes, kWipeOnFork) != 0)
    refused = refused | Secrecy::kWipeOnFork;
  // On fault: memory that nobody has touched need not be populated.
  if (has(what, Secrecy::kLocked) && syscall(kMlock2, address, bytes, kLockOnFault) != 0)
    refused = refused | Secrecy::kLocked;
  return refused;
}

Secrecy LinuxOs::unprotect(void* address, ByteCount bytes, Secrecy what) {
  Secrecy left = Secrecy::kNone;
  if (has(what, Secrecy::kNoDump) && advise(address, bytes, MADV_DODUMP) != 0)
    left = left | Secrecy::kNoDump;
  if (has(what, Secrecy::kWipeOnFork) && advise(address, bytes, kKeepOnFork) != 0)
    left = left | Secrecy::kWipeOnFork;
  // By its number, as mlock2: under a sanitizer munlock() does nothing.
  if (has(what, Secrecy::kLocked) && syscall(SYS_munlock, address, bytes) != 0)
    left = left | Secrecy::kLocked;
  return left;
}

bool LinuxOs::is_resident(const void* address) const {
  void* page = reinterpret_cast<void*>(align_down(address_of(address), page_bytes_));
  unsigned char state = 0;
  return mincore(page, page_bytes_, &state) == 0 && (state & 1) != 0;
}

bool LinuxOs::is_mapped(const void* address) const {
  void* page = reinterpret_cast<void*>(align_down(address_of(address), page_bytes_));
  unsigned char state = 0;
  const int before = errno;
  const bool is_hole = mincore(page, page_bytes_, &state) != 0 && errno == ENOMEM;
  errno = before;
  return !is_hole;
}

Nearness LinuxOs::nearness(const void* address) const {
  return node_count() == 1 ? Nearness::kUnknown : nearness_of_page(address);
}

unsigned LinuxOs::node_number(NodeOrdinal node) const {
  return static_cast<unsigned>(std::max(nodes().nth(node), 0));
}

NodeOrdinal LinuxOs::current_node() const {
  if (node_count() == 1) return 0;
  const int running = running_node();
  if (running < 0) return 0;
  const NodeOrdinal own = nodes().ordinal_of(static_cast<unsigned>(running));
  return own != kNoNode ? own : nearest_node(sys_, static_cast<unsigned>(running), nodes());
}

unsigned LinuxOs::node_distance(NodeOrdinal from, NodeOrdinal to) const {
  const unsigned distance = distance_between(sys_, node_number(from), node_number(to));
  return distance != 0 ? distance : Os::node_distance(from, to);
}

bool LinuxOs::has_room(NodeOrdinal node, ByteCount bytes) const {
  return node_count() == 1 || node_has_room(sys_, node_number(node), bytes);
}

void LinuxOs::nodes_of(const void* const* pages, std::size_t count, NodeOrdinal* nodes_out) const {
  nodes_of_pages(pages, count, nodes(), nodes_out);
}

PageMoves LinuxOs::move_pages(const OsRange* ranges, std::size_t count, NodeOrdinal node) {
  return move_ranges(ranges, count, page_bytes_, node_number(node));
}

FaultCounts LinuxOs::fault_counts() const { return rusage_fault_counts(); }

OsStatus LinuxOs::visit_mappings(MappingVisitor& visitor) const {
  return visit_proc_mappings(proc_, page_bytes_, visitor);
}

// Both in plain storage, so that no destructor runs at exit under threads that still allocate, and
// made by pthread's means: a static local's guard is the C++ library's.

Os& system_os() {
  alignas(LinuxOs) static unsigned char storage[sizeof(LinuxOs)];
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, [] { new (storage) LinuxOs(); });
  return *reinterpret_cast<LinuxOs*>(storage);
}

Os& system_os_for_malloc() {
  alignas(LinuxOs) static unsigned char storage[sizeof(LinuxOs)];
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, [] {
    new (storage) LinuxOs({.batch_purge = false, .name_mappings = false, .look_around = false});
  });
  return *reinterpret_cast<LinuxOs*>(storage);
}

}  // namespace superslab

#endif
