// What is Linux's own: /sys, advice, policies, and the ways round an older kernel.

#if defined(__linux__)

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cinttypes>
#include <string>

#include "base/bits.h"
#include "check.h"
#include "os/huge_pages_linux.h"
#include "os/linux_os.h"
#include "os/mapping_linux.h"
#include "os/numa_linux.h"
#include "os_temp_tree.h"
#include "os_test_memory.h"
#include "os_vm_flags.h"

using namespace superslab;
using superslab_test::Context;
using superslab_test::is_all;
using superslab_test::Reservation;
using superslab_test::TempTree;
using superslab_test::vm_flags;

namespace {

std::string nodes_text(const NodeSet& nodes) {
  std::string text;
  for (unsigned node = 0; node < kMaxNodes; ++node) {
    if (nodes.has(node)) text += (text.empty() ? "" : " ") + std::to_string(node);
  }
  return text;
}

std::string parsed(const char* text) {
  NodeSet nodes;
  return parse_node_list(text, &nodes) ? nodes_text(nodes) : "refused";
}

bool has_flag(const std::string& flags, const char* flag) {
  return flags.find(" " + std::string(flag) + " ") != std::string::npos;
}

constexpr const char* kThp = "/kernel/mm/transparent_hugepage/enabled";
constexpr const char* kPool = "/kernel/mm/hugepages/hugepages-2048kB/";

}  // namespace

TEST(os, "node lists are parsed as the kernel writes them") {
  CHECK_EQ(parsed("0\n"), "0");
  CHECK_EQ(parsed("0"), "0");
  CHECK_EQ(parsed("0-3\n"), "0 1 2 3");
  CHECK_EQ(parsed("0,2-4,63-65\n"), "0 2 3 4 63 64 65");
  CHECK_EQ(parsed("5-5"), "5");
  CHECK_EQ(parsed("1023"), "1023");
  CHECK_EQ(parsed("\n"), "");
  CHECK_EQ(parsed(""), "");
}

TEST(os, "malformed node lists are refused") {
  for (const char* text : {"x", "0-", "-1", "3-1", "0,", ",0", "0,,1", "0 1", "0-1-2", "0\n1",
                           "1024", "0-1024", "99999999999999999999", "0x1"}) {
    const Context context(text);
    CHECK_EQ(parsed(text), "refused");
  }
}

TEST(os, "a refused node list leaves the set alone") {
  NodeSet nodes;
  nodes.add(7);
  CHECK(!parse_node_list("1,2,x", &nodes));
  CHECK_EQ(nodes_text(nodes), "7");
}

TEST(os, "the nth node of a set skips holes") {
  NodeSet nodes;
  CHECK(parse_node_list("1,64,1000", &nodes));
  CHECK_EQ(nodes.count(), 3u);
  CHECK_EQ(nodes.nth(0), 1);
  CHECK_EQ(nodes.nth(1), 64);
  CHECK_EQ(nodes.nth(2), 1000);
  CHECK_EQ(nodes.nth(3), -1);
}

TEST(os, "nodes without memory and nodes outside the cpuset do not count") {
  // The first node of the machine is one that this process may use, or nothing could run.
  TempTree sys;
  CHECK(sys.write("/devices/system/node/online", "0-3\n"));
  CHECK(sys.write("/devices/system/node/has_memory", "0\n"));
  const NodeSet nodes = usable_nodes(sys.root());
  CHECK_EQ(nodes.count(), 1u);
  CHECK(nodes.has(0));
}

TEST(os, "without /sys there is one node") {
  CHECK_EQ(nodes_text(usable_nodes("/nonexistent")), "0");
  TempTree sys;
  CHECK(sys.write("/devices/system/node/online", "garbage\n"));
  CHECK_EQ(nodes_text(usable_nodes(sys.root())), "0");
}

TEST(os, "the node list of older kernels is read where there is no better one") {
  TempTree sys;
  CHECK(sys.write("/devices/system/node/online", "0\n"));
  CHECK_EQ(nodes_text(usable_nodes(sys.root())), "0");
}

TEST(os, "placement reaches the kernel as a policy that never kills") {
  constexpr unsigned long kOfAddress = 2;
  constexpr int kPreferred = 1;
  constexpr int kInterleave = 3;
  constexpr int kLocal = 4;
  Os& os = system_os();
  const Reservation memory(os, kSuperslabBytes, kSuperslabBytes);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  const NodeSet nodes = usable_nodes("/sys");
  const auto policy_after = [&](NodePlacement placement) {
    if (bind_pages(memory.at(0), memory.bytes(), placement, nodes) != OsStatus::kOk) return -1;
    int policy = -2;
    syscall(SYS_get_mempolicy, &policy, nullptr, 0, memory.at(0), kOfAddress);
    return policy;
  };
  const int node = policy_after({NodePlacement::Kind::kNode, 0});
  if (node == -1) SKIP("mbind is not allowed here");
  CHECK_EQ(node, kPreferred);
  CHECK_EQ(policy_after({NodePlacement::Kind::kInterleave, 0}), kInterleave);
  const int local = policy_after({NodePlacement::Kind::kLocal, 0});
  CHECK(local == kLocal || local == kPreferred);  // one and the same since Linux 5.14
  CHECK_EQ(policy_after({NodePlacement::Kind::kNode, static_cast<std::uint16_t>(nodes.count())}),
           -1);
}

TEST(os, "placing what is not mapped is an error, not a crash") {
  void* p = mmap(nullptr, kSliceBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  munmap(p, kSliceBytes);
  const NodeSet nodes = usable_nodes("/sys");
  CHECK(bind_pages(p, kSliceBytes, {NodePlacement::Kind::kInterleave, 0}, nodes) != OsStatus::kOk);
}

TEST(os, "available explicit huge pages are free ones less promises, plus overcommit") {
  TempTree sys;
  CHECK_EQ(available_huge_pages(sys.root(), 2 * kMiB), 0u);
  const auto set = [&](const char* figure, const char* value) {
    return sys.write(std::string(kPool) + figure, value);
  };
  CHECK(set("free_hugepages", "10\n"));
  CHECK_EQ(available_huge_pages(sys.root(), 2 * kMiB), 10u);
  CHECK(set("resv_hugepages", "4\n"));
  CHECK_EQ(available_huge_pages(sys.root(), 2 * kMiB), 6u);
  CHECK(set("nr_overcommit_hugepages", "5\n"));
  CHECK(set("surplus_hugepages", "2\n"));
  CHECK_EQ(available_huge_pages(sys.root(), 2 * kMiB), 9u);
  CHECK(set("resv_hugepages", "11\n"));
  CHECK(set("surplus_hugepages", "9\n"));
  CHECK_EQ(available_huge_pages(sys.root(), 2 * kMiB), 0u);
  CHECK_EQ(available_huge_pages(sys.root(), kGiB), 0u);
}

TEST(os, "a huge page mapping that fails leaves the reservation in place") {
  if (available_huge_pages("/sys", 2 * kMiB) != 0) SKIP("this machine has explicit huge pages");
  TempTree sys;  // promises pages, so that the mapping is tried and the kernel refuses it
  CHECK(sys.write(std::string(kPool) + "free_hugepages", "8\n"));
  LinuxOs os({.sys = sys.root()});
  const Reservation memory(os, 3 * kSuperslabBytes, kSuperslabBytes);
  CHECK(memory);
  unsigned char* middle = memory.at(kSuperslabBytes);
  CHECK_EQ(os.commit(middle, kSuperslabBytes, HugePages::k2MiB), OsStatus::kNoHugePages);

  CHECK(is_still_reserved("/proc/self/maps", memory.at(0), memory.bytes(), false));
  // Nobody else can get the addresses.
  void* thief = mmap(middle, kSuperslabBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(thief != middle);
  if (thief != MAP_FAILED) munmap(thief, kSuperslabBytes);
  CHECK_EQ(os.commit(middle, kSuperslabBytes, HugePages::kTransparent), OsStatus::kOk);
  CHECK(is_all(middle, kSuperslabBytes, 0));
}

TEST(os, "a reservation that was dropped is restored, or found in place, or lost") {
  void* p = mmap(nullptr, kSuperslabBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  CHECK_EQ(restore_reservation(p, kSuperslabBytes, false), OsStatus::kNoHugePages);

  munmap(p, kSuperslabBytes);
  CHECK_EQ(restore_reservation(p, kSuperslabBytes, false), OsStatus::kNoHugePages);
  CHECK(is_still_reserved("/proc/self/maps", p, kSuperslabBytes, false));

  // Another thread's mapping came first, into a part of the hole. It is left alone.
  auto* middle = static_cast<unsigned char*>(p) + kSliceBytes;
  munmap(p, kSuperslabBytes);
  CHECK(mmap(middle, kSliceBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1, 0) == middle);
  middle[0] = 42;
  CHECK_EQ(restore_reservation(p, kSuperslabBytes, false), OsStatus::kLost);
  CHECK_EQ(middle[0], 42);
  munmap(middle, kSliceBytes);
}

TEST(os, "explicit huge pages back a range where the machine has them") {
  if (available_huge_pages("/sys", 2 * kMiB) < 2) SKIP("no free 2 MiB pages on this machine");
  Os& os = system_os();
  const Reservation memory(os, 2 * kSuperslabBytes, kSuperslabBytes);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::k2MiB), OsStatus::kOk);
  CHECK(has_flag(vm_flags(memory.at(0)), "ht"));
  CHECK_EQ(os.populate(memory.at(0), memory.bytes()), OsStatus::kOk);
  memset(memory.at(0), 0xee, memory.bytes());
  const OsRange range{memory.at(0), kSuperslabBytes};
  CHECK_EQ(os.purge(&range, 1), OsStatus::kOk);
  CHECK(is_all(memory.at(0), kSuperslabBytes, 0));
  CHECK(is_all(memory.at(kSuperslabBytes), kSuperslabBytes, 0xee));
}

TEST(os, "a misaligned range gets no explicit huge pages") {
  TempTree sys;
  CHECK(sys.write(std::string(kPool) + "free_hugepages", "8\n"));
  LinuxOs os({.sys = sys.root()});
  const Reservation memory(os, 2 * kSuperslabBytes, kSuperslabBytes);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(kSliceBytes), kSuperslabBytes, HugePages::k2MiB),
           OsStatus::kNoHugePages);
  CHECK_EQ(os.commit(memory.at(0), kSliceBytes, HugePages::k2MiB), OsStatus::kNoHugePages);
}

TEST(os, "transparent huge pages are advised, and forbidden only where they come unasked") {
  TempTree madvise_sys;
  TempTree always_sys;
  TempTree smaller_sys;
  CHECK(madvise_sys.write(kThp, "always [madvise] never\n"));
  CHECK(always_sys.write(kThp, "[always] madvise never\n"));
  CHECK(smaller_sys.write(kThp, "always [madvise] never\n"));
  CHECK(smaller_sys.write("/kernel/mm/transparent_hugepage/hugepages-64kB/enabled",
                          "[always] inherit madvise never\n"));
  const struct {
    const char* sys;
    bool forbidden;
  } cases[] = {{madvise_sys.root(), false}, {always_sys.root(), true}, {smaller_sys.root(), true}};
  for (const auto& each : cases) {
    LinuxOs os({.sys = each.sys});
    const Reservation memory(os, 2 * kSuperslabBytes, kSuperslabBytes);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), kSuperslabBytes, HugePages::kOff), OsStatus::kOk);
    CHECK_EQ(os.commit(memory.at(kSuperslabBytes), kSuperslabBytes, HugePages::kTransparent),
             OsStatus::kOk);
    const std::string off = vm_flags(memory.at(0));
    const std::string transparent = vm_flags(memory.at(kSuperslabBytes));
    if (off.empty()) SKIP("/proc/self/smaps shows no flags here");
    if (!has_flag(transparent, "hg")) SKIP("this kernel has no transparent huge pages");
    CHECK_EQ(has_flag(off, "nh"), each.forbidden);
    CHECK(!has_flag(off, "hg"));
    CHECK(!has_flag(transparent, "nh"));
  }
}

TEST(os, "a reservation is told from another's mapping") {
  TempTree proc;
  CHECK(proc.write("/maps",
                   "10000-20000 ---p 00000000 00:00 0 \n"
                   "20000-30000 ---p 00000000 00:00 0                  [anon:superslab]\n"
                   "30000-40000 ---p 00000000 00:00 0                  [anon:superslab]\n"
                   "50000-60000 rw-p 00000000 00:00 0                  [anon:superslab]\n"
                   "60000-70000 ---p 00000000 08:01 1234               /lib/x.so\n"));
  const std::string maps = std::string(proc.root()) + "/maps";
  const auto reserved = [&](std::uintptr_t first, std::uintptr_t last, bool named) {
    return is_still_reserved(maps.c_str(), reinterpret_cast<void*>(first), last - first, named);
  };
  CHECK(reserved(0x10000, 0x20000, false));
  CHECK(!reserved(0x10000, 0x20000, true));  // inaccessible, but without our name
  CHECK(reserved(0x20000, 0x40000, true));   // two adjoining mappings
  CHECK(reserved(0x24000, 0x38000, true));
  CHECK(!reserved(0x30000, 0x50000, true));   // a hole at the end
  CHECK(!reserved(0x48000, 0x50000, true));   // nothing there
  CHECK(!reserved(0x50000, 0x60000, true));   // accessible
  CHECK(!reserved(0x60000, 0x70000, false));  // a file
  CHECK(!reserved(0x70000, 0x80000, false));  // beyond the last
  CHECK(!is_still_reserved("/nonexistent", reinterpret_cast<void*>(0x10000), 0x1000, false));
}

TEST(os, "a range that cannot be purged does not keep the others") {
  for (const bool batch : {true, false}) {
    LinuxOs os({.batch_purge = batch});
    const ByteCount page = os.page_bytes();
    const Reservation memory(os, 8 * page, page);
    CHECK(memory);
    CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
    memset(memory.at(0), 1, memory.bytes());
    const OsRange ranges[] = {{memory.at(0), page},
                              {memory.at(2 * page) + 1, page},  // misaligned: EINVAL
                              {memory.at(4 * page), page},
                              {memory.at(6 * page), 2 * page}};
    CHECK_EQ(os.purge(ranges, 4), OsStatus::kUnsupported);
    CHECK(is_all(memory.at(0), page, 0));
    CHECK(is_all(memory.at(page), 3 * page, 1));
    CHECK(is_all(memory.at(4 * page), page, 0));
    CHECK(is_all(memory.at(5 * page), page, 1));
    CHECK(is_all(memory.at(6 * page), 2 * page, 0));
  }
}

TEST(os, "locked memory is purged too") {
  Os& os = system_os();
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  constexpr int kDontNeedLocked = 24;
  if (madvise(nullptr, 0, kDontNeedLocked) != 0) SKIP("before Linux 5.18 locked memory stays");
  if (mlock(memory.at(0), memory.bytes()) != 0) SKIP("memory cannot be locked here");
  memset(memory.at(0), 1, memory.bytes());
  const OsRange ranges[] = {{memory.at(0), page}, {memory.at(2 * page), page}};
  const OsStatus status = os.purge(ranges, 2);
  CHECK_EQ(status, OsStatus::kOk);
  CHECK(is_all(memory.at(0), page, 0));
  CHECK(is_all(memory.at(page), page, 1));
  CHECK(is_all(memory.at(2 * page), page, 0));
}

TEST(os, "a forked child purges its own memory, not its parent's") {
  // Shared between the processes only as a copy: the child's purge must leave the parent's pages.
  static unsigned char* page_of_parent;
  static Os* os_of_parent;
  Os& os = system_os();
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  memset(memory.at(0), 1, memory.bytes());
  page_of_parent = memory.at(0);
  os_of_parent = &os;
  const int code = superslab_test::run_in_child([] {
    const ByteCount bytes = os_of_parent->page_bytes();
    const OsRange ranges[] = {{page_of_parent, bytes}, {page_of_parent + 2 * bytes, bytes}};
    if (os_of_parent->purge(ranges, 2) != OsStatus::kOk) return 2;
    return is_all(page_of_parent, bytes, 0) && is_all(page_of_parent + 2 * bytes, bytes, 0) ? 0 : 3;
  });
  CHECK_EQ(code, 0);
  CHECK(is_all(memory.at(0), memory.bytes(), 1));
}

TEST(os, "a page is resident from its first touch until its purge") {
  LinuxOs os;
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  CHECK(!os.is_resident(memory.at(page)));
  memory.at(page)[0] = 1;
  CHECK(os.is_resident(memory.at(page)));
  CHECK(os.is_resident(memory.at(page) + 100));
  CHECK(!os.is_resident(memory.at(2 * page)));
  const OsRange range{memory.at(page), page};
  CHECK_EQ(os.purge(&range, 1), OsStatus::kOk);
  CHECK(!os.is_resident(memory.at(page)));
}

TEST(os, "what is reserved is mapped, until it is given back") {
  LinuxOs os;
  const ByteCount page = os.page_bytes();
  auto* place = static_cast<std::byte*>(os.reserve(page, page));
  CHECK(place != nullptr);
  CHECK(os.is_mapped(place));
  CHECK(os.is_mapped(place + page - 1));
  os.unreserve(place, page);
  errno = EEXIST;
  CHECK(!os.is_mapped(place + 8));
  CHECK_EQ(errno, EEXIST);
  CHECK(os.is_mapped(&page));
}

TEST(os, "a page's nearness is known once it is in memory") {
  LinuxOs os;
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 2 * page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  CHECK_EQ(nearness_of_page(memory.at(0)), Nearness::kUnknown);
  CHECK(!os.is_resident(memory.at(0)));  // asking brought nothing in
  memory.at(0)[0] = 1;
  if (nearness_of_page(memory.at(0)) == Nearness::kUnknown) SKIP("the kernel tells no nodes");
  if (os.node_count() == 1) {
    CHECK_EQ(nearness_of_page(memory.at(0)), Nearness::kLocal);
    CHECK_EQ(os.nearness(memory.at(0)), Nearness::kUnknown);  // nothing to tell apart
  }
}

TEST(os, "populating what is not committed is an error, not a crash") {
  LinuxOs os;
  if (!os.populates_by_call()) SKIP("before Linux 5.14 populate touches");
  const Reservation memory(os, kSliceBytes, kSliceBytes);
  CHECK(memory);
  CHECK(os.populate(memory.at(0), memory.bytes()) != OsStatus::kOk);
}

TEST(os, "the newer system calls can be switched off") {
  LinuxOs os({.batch_purge = false, .populate_call = false});
  CHECK(!os.batches_purges());
  CHECK(!os.populates_by_call());
}

#endif
