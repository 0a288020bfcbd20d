// Pages moved between memory nodes by superslab's own code and by bare system calls, many at a time and one by one. On a
// machine with one node they are moved to where they lie, which the kernel looks up and has nothing to do for.
//
//   moves PAGES ROUNDS   prints nanoseconds per page: the median of the rounds for each of the rows below, as "name ns"
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "os/linux_os.h"
#include "os/page_moves_linux.h"

using namespace superslab;

namespace {

struct Pages {
  LinuxOs os;
  std::size_t count;
  std::byte* memory;
  std::vector<void*> each;

  explicit Pages(std::size_t pages) : count(pages), each(pages) {
    const ByteCount page = os.page_bytes();
    memory = static_cast<std::byte*>(os.reserve(count * page, page));
    if (memory == nullptr || os.commit(memory, count * page, HugePages::kOff) != OsStatus::kOk) exit(1);
    for (std::size_t i = 0; i < count; ++i) {
      each[i] = memory + i * page;
      memory[i * page] = std::byte{1};
    }
  }

  NodeOrdinal node() const {
    NodeOrdinal found;
    os.nodes_of(each.data(), 1, &found);
    return found == kNoNode ? NodeOrdinal{0} : found;
  }
  /// Where the next round moves them: the next node, or their own.
  NodeOrdinal next() const { return static_cast<NodeOrdinal>((node() + 1) % os.node_count()); }
};

/// By the bare call, `batch` pages each.
void call(Pages& pages, NodeOrdinal to, std::size_t batch) {
  std::vector<int> nodes(batch, static_cast<int>(pages.os.node_number(to)));
  std::vector<int> status(batch);
  for (std::size_t i = 0; i < pages.count; i += batch)
    if (!call_move_pages(&pages.each[i], std::min(batch, pages.count - i), nodes.data(), status.data()))
      exit(2);
}

/// By superslab, with its counts.
void move(Pages& pages, NodeOrdinal to, std::size_t batch) {
  const ByteCount page = pages.os.page_bytes();
  for (std::size_t i = 0; i < pages.count; i += batch) {
    const OsRange range{pages.each[i], std::min(batch, pages.count - i) * page};
    if (pages.os.move_pages(&range, 1, to).failed != 0) exit(3);
  }
}

template <class Work>
void measure(const char* name, Pages& pages, unsigned rounds, Work work) {
  std::vector<double> ns;
  for (unsigned round = 0; round < rounds; ++round) {
    const NodeOrdinal to = pages.next();
    const Nanos start = precise_now();
    work(to);
    ns.push_back(static_cast<double>(precise_now() - start) / static_cast<double>(pages.count));
  }
  std::nth_element(ns.begin(), ns.begin() + rounds / 2, ns.end());
  printf("%s %.1f\n", name, ns[rounds / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  Pages pages(strtoull(argv[1], nullptr, 10));
  const auto rounds = static_cast<unsigned>(strtoul(argv[2], nullptr, 10));
  if (pages.count == 0 || pages.count > kMoveBatchPages || rounds == 0) return 64;
  const std::size_t all = pages.count;
  measure("call-batch", pages, rounds, [&](NodeOrdinal to) { call(pages, to, all); });
  measure("call-single", pages, rounds, [&](NodeOrdinal to) { call(pages, to, 1); });
  measure("move-batch", pages, rounds, [&](NodeOrdinal to) { move(pages, to, all); });
  measure("move-single", pages, rounds, [&](NodeOrdinal to) { move(pages, to, 1); });
  printf("nodes %u\n", pages.os.node_count());
}
