// An address space on a fake operating system, closed when the test ends.
#pragma once

#include <memory>

#include "os/fake_os.h"
#include "space/space.h"

namespace superslab_test {

/// Of the calls that a test makes fail one by one, every how many-th: under a sanitizer each 4 GiB
/// reservation that is given back costs tens of milliseconds.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t kFaultStep = 13;
#else
inline constexpr std::uint64_t kFaultStep = 1;
#endif

struct TestSpace {
  superslab::FakeOs os{superslab::system_os()};
  std::unique_ptr<superslab::Space> space = std::make_unique<superslab::Space>();
  bool open;

  explicit TestSpace(std::uint32_t arenas = superslab::kMaxArenas - 1)
      : open(space->open(os, arenas)) {}
  ~TestSpace() { close(); }
  TestSpace(const TestSpace&) = delete;
  TestSpace& operator=(const TestSpace&) = delete;

  void close() {
    if (open) space->close();
    open = false;
  }

  /// Everything that was reserved is given back, and no call broke the contract.
  bool is_balanced() const {
    return !open && os.reserved_bytes() == 0 && os.committed_bytes() == 0 &&
           os.misuse().total() == 0;
  }
};

/// Passes calls on to another Os; tests override what they want to see or refuse.
class OsProxy : public superslab::Os {
 public:
  explicit OsProxy(superslab::Os& to) : to_(to) {}
  superslab::ByteCount page_bytes() const override { return to_.page_bytes(); }
  void* reserve(superslab::ByteCount bytes, superslab::ByteCount alignment) override {
    return to_.reserve(bytes, alignment);
  }
  superslab::OsStatus reserve_at(void* address, superslab::ByteCount bytes) override {
    return to_.reserve_at(address, bytes);
  }
  superslab::OsRange quiet_addresses() const override { return to_.quiet_addresses(); }
  void unreserve(void* address, superslab::ByteCount bytes) override {
    to_.unreserve(address, bytes);
  }
  superslab::OsStatus commit(void* address, superslab::ByteCount bytes,
                             superslab::HugePages pages) override {
    return to_.commit(address, bytes, pages);
  }
  superslab::OsStatus purge(const superslab::OsRange* ranges, std::size_t count) override {
    return to_.purge(ranges, count);
  }
  superslab::OsStatus populate(void* address, superslab::ByteCount bytes) override {
    return to_.populate(address, bytes);
  }
  superslab::OsStatus place(void* address, superslab::ByteCount bytes,
                            superslab::NodePlacement placement) override {
    return to_.place(address, bytes, placement);
  }
  superslab::Secrecy protect(void* address, superslab::ByteCount bytes,
                             superslab::Secrecy what) override {
    return to_.protect(address, bytes, what);
  }
  superslab::Secrecy unprotect(void* address, superslab::ByteCount bytes,
                               superslab::Secrecy what) override {
    return to_.unprotect(address, bytes, what);
  }
  unsigned node_count() const override { return to_.node_count(); }
  superslab::NodeOrdinal current_node() const override { return to_.current_node(); }
  void nodes_of(const void* const* pages, std::size_t count,
                superslab::NodeOrdinal* nodes) const override {
    to_.nodes_of(pages, count, nodes);
  }
  superslab::PageMoves move_pages(const superslab::OsRange* ranges, std::size_t count,
                                  superslab::NodeOrdinal node) override {
    return to_.move_pages(ranges, count, node);
  }
  bool is_resident(const void* address) const override { return to_.is_resident(address); }
  superslab::FaultCounts fault_counts() const override { return to_.fault_counts(); }
  superslab::OsStatus visit_mappings(superslab::MappingVisitor& visitor) const override {
    return to_.visit_mappings(visitor);
  }

 private:
  superslab::Os& to_;
};

}  // namespace superslab_test
