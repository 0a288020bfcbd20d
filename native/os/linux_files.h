// Files of Linux.
#pragma once

#if defined(__linux__)

#include "os/file.h"

namespace superslab {

class LinuxFiles final : public Files {
 public:
  LinuxFiles();

  FileError open(const char* path, FileAccess access, unsigned mode,
                 std::unique_ptr<File>* file) override;
  FileError create(const char* path, unsigned mode, std::unique_ptr<File>* file) override;
  FileError publish(File& file, const char* path) override;
  FileError remove(const File& file, const char* path) override;
  std::uint64_t boot() const override { return boot_; }
  void random(std::span<std::uint8_t> into) const override;
  ByteCount page_bytes() const override { return page_bytes_; }

 private:
  std::uint64_t boot_;
  ByteCount page_bytes_;
};

/// The descriptor of a file of LinuxFiles: for tests that do to it what others would.
int descriptor_of(const File& file);

}  // namespace superslab

#endif
