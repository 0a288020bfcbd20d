// The data of a file as this process sees it. It may outlive the pool: whoever has views of it has
// it, and once the pool is closed they see zeros.
#pragma once

#include "os/file.h"
#include "os/mapping_guard.h"

namespace superslab::mapped {

class MappedRange {
 public:
  /// Of a mapping that was made; it is unmapped with this.
  MappedRange(void* address, ByteCount bytes, GuardedMapping* guard)
      : address_(static_cast<std::uint8_t*>(address)), bytes_(bytes), guard_(guard) {}
  ~MappedRange() {
    unguard_mapping(guard_);
    unmap_file(address_, bytes_);
  }
  MappedRange(const MappedRange&) = delete;
  MappedRange& operator=(const MappedRange&) = delete;

  std::uint8_t* address() const { return address_; }
  bool is_lost() const { return guard_ != nullptr && guard_->is_lost(); }
  /// 64 bits, not 0 once it is lost. Never unmapped, but of no meaning after end().
  const void* lost_word() const { return &guard_->lost; }

  /// Views see pages of zeros from now on, and write to nothing that is kept. They may be there for
  /// long, and need no guard any more.
  void end() {
    if (!map_zeros(address_, bytes_)) return;
    unguard_mapping(guard_);
    guard_ = nullptr;
  }

 private:
  std::uint8_t* const address_;
  const ByteCount bytes_;
  GuardedMapping* guard_;
};

}  // namespace superslab::mapped
