#include "diagnostics/memory_facts.h"

namespace superslab {
namespace {

class Sums final : public MappingVisitor {
 public:
  Sums(const Space& space, MemoryFacts& out) : space_(space), out_(out) {}

  void mapping(const MappingFacts& facts) override {
    if (!touches_space(facts)) return;
    out_.rss_bytes += facts.rss_bytes;
    out_.huge_page_bytes += facts.huge_page_bytes;
    out_.swapped_bytes += facts.swapped_bytes;
  }

  void on_node(std::uintptr_t from, unsigned node, ByteCount bytes) override {
    if (node < kMaxNodes && space_.overlaps(from, from + 1)) out_.node_bytes[node] += bytes;
  }

 private:
  /// Either end may lie outside, or both.
  bool touches_space(const MappingFacts& facts) const {
    return facts.from < facts.to && space_.overlaps(facts.from, facts.to);
  }

  const Space& space_;
  MemoryFacts& out_;
};

}  // namespace

OsStatus read_memory_facts(const Space& space, MemoryFacts& out) {
  Sums sums(space, out);
  return space.os().visit_mappings(sums);
}

}  // namespace superslab
