// The operating system of a replay: addresses are really reserved, at the same places each time,
// and nothing is kept of blocks but which of their pages a program would have in memory. A page is
// touched when a block on it is allocated; a purge takes it out of memory again.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "os/os.h"

namespace superslab {

/// What the program and its heap had the operating system do.
struct OsWork {
  std::uint64_t commits = 0;  // calls
  std::uint64_t purges = 0;   // calls
  std::uint64_t purged_pages = 0;
  std::uint64_t faults = 0;    // first touches of pages of 4 KiB
  std::uint64_t refaults = 0;  // among them, of pages that had been purged
};

class ReplayOs final : public Os {
 public:
  explicit ReplayOs(Os& real) : real_(real) {}

  /// The program writes to all of a block.
  void touch(const void* address, ByteCount bytes);

  const OsWork& work() const { return work_; }
  ByteCount resident_bytes() const { return resident_pages_ * kPage; }
  ByteCount peak_bytes() const { return peak_pages_ * kPage; }

  ByteCount page_bytes() const override { return real_.page_bytes(); }
  void* reserve(ByteCount bytes, ByteCount alignment) override;
  OsStatus reserve_at(void* address, ByteCount bytes) override;
  void unreserve(void* address, ByteCount bytes) override;
  OsStatus commit(void* address, ByteCount bytes, HugePages pages) override;
  OsStatus purge(const OsRange* ranges, std::size_t count) override;
  OsStatus populate(void* address, ByteCount bytes) override;
  OsStatus place(void*, ByteCount, NodePlacement) override { return OsStatus::kOk; }
  Secrecy protect(void*, ByteCount, Secrecy what) override { return what; }
  Secrecy unprotect(void*, ByteCount, Secrecy) override { return Secrecy::kNone; }
  unsigned node_count() const override { return 1; }
  bool is_resident(const void*) const override { return true; }
  FaultCounts fault_counts() const override { return {work_.faults, 0}; }

 private:
  static constexpr ByteCount kPage = 4 * kKiB;
  static constexpr std::size_t kPagesPerSuperslab = kSuperslabBytes / kPage;
  using Bits = std::array<std::uint64_t, kPagesPerSuperslab / 64>;
  struct Pages {
    Bits resident{};
    Bits purged{};  // since they were last touched
  };

  template <class Visit>
  void for_each_word(const void* address, ByteCount bytes, Visit visit);
  /// Of the superslab at `address`; nullptr before the first commit near it.
  Pages* pages_at(std::uintptr_t address);

  Os& real_;
  std::uintptr_t next_ = 0;
  std::uintptr_t base_ = 0;  // of the first superslab that was committed
  std::vector<Pages> pages_;
  std::uint64_t resident_pages_ = 0;
  std::uint64_t peak_pages_ = 0;
  OsWork work_;
};

}  // namespace superslab
