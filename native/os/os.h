// What the core asks of the operating system, and nothing else. linux_os.cc is the real one,
// posix_os.cc the plain fallback, fake_os.h the one that tests make fail.
//
// Ranges are [address, address + bytes), both multiples of page_bytes() unless said otherwise.
// No function here throws, aborts or allocates from the heap it serves: failure is a status.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace superslab {

enum class OsStatus : std::uint8_t {
  kOk,
  kNoMemory,     // ENOMEM, RLIMIT_AS, a cgroup or commit limit, vm.max_map_count
  kNoHugePages,  // explicit huge pages were asked for and none is free
  kUnsupported,  // this kernel or machine lacks the call; ask no more
  kTaken,        // something else is mapped there
  kLost,         // the addresses now belong to someone else in this process: never use them again
};

enum class HugePages : std::uint8_t { kOff, kTransparent, k2MiB, k1GiB };

constexpr bool is_explicit(HugePages pages) {
  return pages == HugePages::k2MiB || pages == HugePages::k1GiB;
}

/// Explicit huge pages stay with who has them: they come from a pool of the machine that nobody
/// else can use, and a purged one may have lost its reservation, so that the next touch is a
/// SIGBUS.
constexpr bool is_purgeable(HugePages pages) { return !is_explicit(pages); }

/// A memory node: an ordinal below node_count(), not the kernel's number.
using NodeOrdinal = std::uint16_t;

/// None, or one that is not known.
constexpr NodeOrdinal kNoNode = 0xffff;

/// Where pages are placed. `node` counts only for kNode. Every kind is a preference: memory on
/// another node beats no memory.
struct NodePlacement {
  enum class Kind : std::uint8_t { kLocal, kInterleave, kNode } kind = Kind::kLocal;
  NodeOrdinal node = 0;
};

/// What became of pages that were to lie on another node. Unit: pages of page_bytes().
struct PageMoves {
  std::uint64_t moved = 0;   // lie there now, and did not before
  std::uint64_t there = 0;   // lay there already
  std::uint64_t absent = 0;  // not in memory
  std::uint64_t failed = 0;  // stay where they are: in use, or the node is full, or it is forbidden

  std::uint64_t total() const { return moved + there + absent + failed; }
  PageMoves& operator+=(const PageMoves& more) {
    moved += more.moved;
    there += more.there;
    absent += more.absent;
    failed += more.failed;
    return *this;
  }
};

/// Most pages that move together.
constexpr std::size_t kMoveBatchPages = 1024;

/// What keeps the bytes of a range from others: a set of bits.
enum class Secrecy : std::uint8_t {
  kNone = 0,
  kNoDump = 1,      // left out of core dumps
  kWipeOnFork = 2,  // a child that is forked reads zeros
  kLocked = 4,      // never written to swap, from its first touch on
};
inline constexpr Secrecy kEverySecrecy[] = {Secrecy::kNoDump, Secrecy::kWipeOnFork,
                                            Secrecy::kLocked};
constexpr Secrecy operator|(Secrecy a, Secrecy b) {
  return static_cast<Secrecy>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr Secrecy operator&(Secrecy a, Secrecy b) {
  return static_cast<Secrecy>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
/// What `a` has and `b` has not.
constexpr Secrecy without(Secrecy a, Secrecy b) {
  return static_cast<Secrecy>(static_cast<unsigned>(a) & ~static_cast<unsigned>(b));
}
constexpr bool has(Secrecy set, Secrecy one) { return (set & one) != Secrecy::kNone; }

/// On the calling thread's own node, or on another one.
enum class Nearness : std::uint8_t { kUnknown, kLocal, kRemote };

struct OsRange {
  void* address;
  ByteCount bytes;
};

/// Page faults of this process so far, as the kernel counts them.
struct FaultCounts {
  std::uint64_t minor;
  std::uint64_t major;
};

/// What the kernel says of one mapping of this process. Neighbours with the same rights are one
/// mapping, and mprotect(2) makes several of one: its ends are nobody's in particular.
struct MappingFacts {
  std::uintptr_t from;
  std::uintptr_t to;
  ByteCount rss_bytes;  // explicit huge pages too, which the kernel leaves out of its own count
  ByteCount huge_page_bytes;
  ByteCount swapped_bytes;
};

/// More memory nodes than any kernel knows (MAX_NUMNODES, at most 1 << 10).
constexpr unsigned kMaxNodes = 1024;

/// Who looks at the mappings of this process. Must not map or unmap anything meanwhile.
class MappingVisitor {
 public:
  virtual void mapping(const MappingFacts& facts) = 0;
  /// `bytes` of the mapping that starts at `from` lie on the node with the kernel's number `node`,
  /// below kMaxNodes.
  virtual void on_node(std::uintptr_t from, unsigned node, ByteCount bytes) = 0;

 protected:
  ~MappingVisitor() = default;
};

class Os {
 public:
  virtual ~Os() = default;

  /// The base page in bytes (4 KiB, 16 KiB or 64 KiB); never assumed.
  virtual ByteCount page_bytes() const = 0;

  /// Addresses without memory: any touch faults. `alignment` is a power of two >= page_bytes().
  /// nullptr when the address space is used up or limited.
  virtual void* reserve(ByteCount bytes, ByteCount alignment) = 0;

  /// The same at exactly these addresses, or nothing: kTaken when something is mapped in the range,
  /// kNoMemory when the system has no such addresses or no more of them.
  virtual OsStatus reserve_at(void* address, ByteCount bytes) = 0;

  /// Addresses that the system hands out to nobody who does not name them, as far as is known; none
  /// where nothing is.
  virtual OsRange quiet_addresses() const { return {}; }

  /// Gives a reservation, or a part of one, back. Only tests and a failed start do this: JavaScript
  /// may hold views of anything that was ever handed out.
  virtual void unreserve(void* address, ByteCount bytes) = 0;

  /// Makes a reserved range readable and writable; it reads as zero. For k2MiB and k1GiB the range
  /// is aligned to that size and backed by explicit huge pages, or nothing changed and the answer
  /// is kNoHugePages. kTransparent is advice: it never fails where kOff would not. kLost, for k2MiB
  /// and k1GiB only: putting the reservation back after the kernel had dropped it lost a race
  /// against another thread's mmap. The range is that thread's now.
  virtual OsStatus commit(void* address, ByteCount bytes, HugePages pages) = 0;

  /// Gives the memory of committed ranges back; they stay mapped and read as zero. Ranges are
  /// batched into as few system calls as the kernel allows. A range that fails does not keep the
  /// others from being purged; it returns the first failure.
  /// Of explicit huge pages, only whole ones can be purged. Kernels before 6.9 drop their
  /// reservation with them, so a later touch may raise SIGBUS: a caller whose users may touch
  /// purged memory purges no explicit huge pages.
  virtual OsStatus purge(const OsRange* ranges, std::size_t count) = 0;

  /// Populates a committed range with memory ahead of its first touch: contents stay, whatever
  /// other threads write meanwhile.
  virtual OsStatus populate(void* address, ByteCount bytes) = 0;

  /// Sets where pages of a committed, not yet touched range will lie. kOk without doing anything
  /// on a machine with one node.
  virtual OsStatus place(void* address, ByteCount bytes, NodePlacement placement) = 0;

  /// Keeps the bytes of a committed range from others, by all of `what`, until unprotect(). Returns
  /// what could not be had; for kLocked that is mostly RLIMIT_MEMLOCK. Never for explicit huge
  /// pages.
  virtual Secrecy protect(void* address, ByteCount bytes, Secrecy what) = 0;

  /// Ends `what` of a reserved range, committed or not. Returns what may still hold somewhere in
  /// it: memory that a fork would wipe must not serve code that does not know.
  virtual Secrecy unprotect(void* address, ByteCount bytes, Secrecy what) = 0;

  /// Nodes that have memory this process may use, at least 1; read once.
  virtual unsigned node_count() const = 0;

  // The rest of what is asked about nodes. Where there is one, nothing is: each costs a branch.

  /// The kernel's number of a node.
  virtual unsigned node_number(NodeOrdinal node) const { return node; }

  /// The node of the processor that the calling thread runs on, or the nearest to it if that has no
  /// memory that this process may use. It may run elsewhere a moment later. Costs a system call.
  virtual NodeOrdinal current_node() const { return 0; }

  /// How far the memory of `to` is from the processors of `from`, as the firmware says: 10 is the
  /// node's own. Reads a file.
  virtual unsigned node_distance(NodeOrdinal from, NodeOrdinal to) const {
    return from == to ? 10 : 20;
  }

  /// Whether `bytes` of memory are free on a node without bringing it to where the kernel would
  /// take them from another one. True when the kernel does not tell. Reads a file.
  virtual bool has_room(NodeOrdinal, ByteCount) const { return true; }

  /// Says in `nodes` where each page lies that `pages` name; kNoNode for one that is not in memory,
  /// or when the kernel does not tell.
  virtual void nodes_of(const void* const*, std::size_t count, NodeOrdinal* nodes) const {
    for (std::size_t i = 0; i < count; ++i) nodes[i] = kNoNode;
  }

  /// Moves the pages of committed ranges to a node, with all that threads read and write there
  /// meanwhile. The ranges have at most kMoveBatchPages together, and go by one system call, and
  /// others for what that left. Never fails: what stayed is counted.
  virtual PageMoves move_pages(const OsRange* ranges, std::size_t count, NodeOrdinal) {
    PageMoves none;
    for (std::size_t i = 0; i < count; ++i) none.there += ranges[i].bytes / page_bytes();
    return none;
  }

  /// Whether the page at `address` (committed) is in memory. Guides policy only: false when the
  /// kernel does not tell.
  virtual bool is_resident(const void* address) const = 0;

  /// Whether anything is mapped at `address`, with or without rights. True when the kernel does not
  /// tell.
  virtual bool is_mapped(const void*) const { return true; }

  /// Where the page at `address` (committed) lies, as the calling thread sees it. kUnknown when the
  /// page is not in memory, the kernel does not tell, or there is one node only. Costs two system
  /// calls where there are several.
  virtual Nearness nearness(const void*) const { return Nearness::kUnknown; }

  virtual FaultCounts fault_counts() const = 0;

  /// Shows every mapping of this process, in order of address, and then what lies on which node,
  /// where the kernel tells. kUnsupported: it tells nothing, and nothing was shown. kNoMemory:
  /// reading broke off, and what was shown is not all. The kernel walks the page tables of the
  /// whole process, while page faults of other threads wait: milliseconds for a large one.
  virtual OsStatus visit_mappings(MappingVisitor&) const { return OsStatus::kUnsupported; }
};

/// The operating system of this process. Never destroyed.
Os& system_os();

/// The same for a malloc: by the system calls alone that any malloc makes (mmap, munmap, mprotect,
/// madvise). A program that confines itself expects those, and may be killed for others. Only what
/// is asked for beyond them, such as a memory node, makes its own.
Os& system_os_for_malloc();

}  // namespace superslab
