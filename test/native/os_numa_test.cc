// Memory nodes: what /sys tells of them, and pages that move between them.
#include <vector>

#include "check.h"
#include "os/fake_os.h"
#include "os/linux_os.h"
#include "os/page_moves_linux.h"
#include "os_temp_tree.h"
#include "os_test_memory.h"

using namespace superslab;
using namespace superslab_test;

namespace {

NodeSet nodes_in(const char* list) {
  NodeSet nodes;
  static_cast<void>(parse_node_list(list, &nodes));
  return nodes;
}

/// A machine of four nodes, of which number 2 has processors alone.
struct FourNodes {
  TempTree sys;
  FourNodes() {
    write("online", "0-2,5\n");
    write("node0/distance", "10 21 17 31\n");
    write("node2/distance", "17 28 10 12\n");
  }
  void write(const char* file, const char* text) {
    written &= sys.write((std::string("/devices/system/node/") + file).c_str(), text);
  }
  bool written = true;
};

}  // namespace

TEST(os, "a node's place among the others is the reverse of the nth node") {
  const NodeSet nodes = nodes_in("1,64,1000");
  for (const NodeOrdinal i : {0, 1, 2}) {
    CHECK_EQ(nodes.ordinal_of(static_cast<unsigned>(nodes.nth(i))), i);
  }
  for (const unsigned other : {0u, 2u, 63u, 65u, 999u, 1023u, 1024u, 5000u})
    CHECK_EQ(nodes.ordinal_of(other), kNoNode);
}

TEST(os, "distances are those to the nodes that are online, in their order") {
  FourNodes t;
  CHECK(t.written);
  CHECK_EQ(distance_between(t.sys.root(), 0, 0), 10u);
  CHECK_EQ(distance_between(t.sys.root(), 0, 5), 31u);
  CHECK_EQ(distance_between(t.sys.root(), 2, 1), 28u);
  CHECK_EQ(distance_between(t.sys.root(), 0, 3), 0u);  // not online
  CHECK_EQ(distance_between(t.sys.root(), 7, 0), 0u);  // no such folder
  t.write("node0/distance", "10 twenty\n");
  CHECK_EQ(distance_between(t.sys.root(), 0, 1), 0u);
  CHECK_EQ(distance_between("/nonexistent", 0, 0), 0u);
}

TEST(os, "the nearest node with memory serves a node without") {
  FourNodes t;
  const NodeSet memory = nodes_in("0-1,5");
  CHECK_EQ(nearest_node(t.sys.root(), 2, memory), 2);  // number 5, 12 away
  CHECK_EQ(nearest_node(t.sys.root(), 0, memory), 0);
  CHECK_EQ(nearest_node("/nonexistent", 2, memory), 0);
}

TEST(os, "a node has room while more is free than the kernel keeps for itself") {
  FourNodes t;
  t.write(
      "node0/meminfo",
      "Node 0 MemTotal:       64000 kB\nNode 0 MemFree:         4000 kB\nNode 0 MemUsed: 1 kB\n");
  CHECK(node_has_room(t.sys.root(), 0, 3000 * kKiB));
  CHECK(!node_has_room(t.sys.root(), 0, 3001 * kKiB));
  CHECK(node_has_room(t.sys.root(), 1, ~ByteCount{0} / 2));  // nobody says that it has not
}

TEST(os, "pages are moved to a node, and those that are there or absent are counted") {
  LinuxOs os;
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 8 * page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  for (const unsigned i : {0, 1, 4}) memory.at(i * page)[0] = static_cast<unsigned char>(i + 1);
  const void* pages[] = {memory.at(0), memory.at(2 * page), memory.at(4 * page)};
  NodeOrdinal nodes[3];
  os.nodes_of(pages, 3, nodes);
  if (nodes[0] == kNoNode) SKIP("the kernel tells no nodes");
  CHECK_EQ(nodes[1], kNoNode);  // asking brought nothing in
  CHECK_EQ(nodes[2], nodes[0]);
  for (unsigned to = 0; to < os.node_count(); ++to) {
    const OsRange ranges[] = {{memory.at(0), 3 * page}, {memory.at(4 * page), 2 * page}};
    const PageMoves moves = os.move_pages(ranges, 2, static_cast<NodeOrdinal>(to));
    CHECK_EQ(moves.total(), 5u);
    CHECK_EQ(moves.moved, to == nodes[0] ? 0u : 3u);
    CHECK_EQ(moves.there, to == nodes[0] ? 3u : 0u);
    CHECK_EQ(moves.absent, 2u);
    os.nodes_of(pages, 3, nodes);
    CHECK_EQ(nodes[0], to);
  }
  for (const unsigned i : {0, 1, 4}) CHECK_EQ(memory.at(i * page)[0], i + 1);
}

TEST(os, "a transparent huge page moves as a whole") {
  LinuxOs os;
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 2 * kSuperslabBytes, kSuperslabBytes);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kTransparent), OsStatus::kOk);
  CHECK_EQ(os.populate(memory.at(0), memory.bytes()), OsStatus::kOk);
  const std::uint64_t all = memory.bytes() / page;
  for (unsigned to = 0; to < os.node_count(); ++to) {
    const OsRange range{memory.at(0), memory.bytes()};
    const PageMoves moves = os.move_pages(&range, 1, static_cast<NodeOrdinal>(to));
    if (moves.failed == all) SKIP("move_pages is not allowed here");
    CHECK_EQ(moves.moved + moves.there, all);
  }
}

TEST(os, "pages do not move to a node that is not there, and addresses without memory are absent") {
  LinuxOs os;
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 4 * page, page);
  CHECK(memory);
  const OsRange range{memory.at(0), memory.bytes()};
  CHECK_EQ(move_ranges(&range, 1, page, 0).absent, 4u);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  memory.at(0)[0] = 1;
  const PageMoves moves = move_ranges(&range, 1, page, 1023);
  CHECK_EQ(moves.total(), 4u);
  CHECK_EQ(moves.moved, 0u);
  CHECK_EQ(memory.at(0)[0], 1);
}

TEST(os, "the node of a thread is one of those that it may use") {
  LinuxOs os;
  CHECK(os.current_node() < os.node_count());
  for (NodeOrdinal node = 0; node < os.node_count(); ++node) {
    CHECK(os.node_number(node) < kMaxNodes);
    CHECK(os.node_distance(node, node) >= 10);
  }
}

TEST(os, "the fake moves pages between nodes that it is told to have") {
  FakeOs os(system_os());
  os.set_nodes(3);
  const ByteCount page = os.page_bytes();
  const Reservation memory(os, 8 * page, page);
  CHECK(memory);
  CHECK_EQ(os.commit(memory.at(0), memory.bytes(), HugePages::kOff), OsStatus::kOk);
  CHECK_EQ(os.place(memory.at(0), 4 * page, {NodePlacement::Kind::kNode, 2}), OsStatus::kOk);
  for (unsigned i = 0; i < 6; ++i) memory.at(i * page)[0] = 1;
  CHECK_EQ(os.node_of(memory.at(3 * page)), 2);
  CHECK_EQ(os.node_of(memory.at(4 * page)), 0);
  os.keep_busy(memory.at(0), page);
  os.set_room(1, 3 * page);
  const OsRange range{memory.at(0), memory.bytes()};
  const PageMoves moves = os.move_pages(&range, 1, 1);
  CHECK_EQ(moves.moved, 3u);
  CHECK_EQ(moves.failed, 3u);  // one is busy, and the node is full
  CHECK_EQ(moves.absent, 2u);
  CHECK_EQ(os.node_of(memory.at(page)), 1);
  os.run_on(2);
  CHECK_EQ(os.current_node(), 2);
  CHECK_EQ(os.misuse().total(), 0u);
  static_cast<void>(os.move_pages(&range, 1, 3));
  CHECK_EQ(os.misuse().no_such_node, 1u);
}
