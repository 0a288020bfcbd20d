// Any POSIX system, by mmap and mprotect alone.
#pragma once

#include "os/os.h"

namespace superslab {

class PosixOs final : public Os {
 public:
  PosixOs();

  ByteCount page_bytes() const override { return page_bytes_; }
  void* reserve(ByteCount bytes, ByteCount alignment) override;
  OsStatus reserve_at(void* address, ByteCount bytes) override;
  void unreserve(void* address, ByteCount bytes) override;
  OsStatus commit(void* address, ByteCount bytes, HugePages pages) override;
  OsStatus purge(const OsRange* ranges, std::size_t count) override;
  OsStatus populate(void* address, ByteCount bytes) override;
  OsStatus place(void* address, ByteCount bytes, NodePlacement placement) override;
  /// POSIX has mlock alone, and that brings the whole range into memory.
  Secrecy protect(void*, ByteCount, Secrecy what) override { return what; }
  Secrecy unprotect(void*, ByteCount, Secrecy) override { return Secrecy::kNone; }
  unsigned node_count() const override { return 1; }
  /// False: POSIX has no call that tells.
  bool is_resident(const void*) const override { return false; }
  FaultCounts fault_counts() const override;

 private:
  ByteCount page_bytes_;
};

}  // namespace superslab
