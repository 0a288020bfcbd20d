// Where there are no file mappings of ours yet: every call says so.
#if !defined(__linux__)

#include "os/file.h"

namespace superslab {
namespace {

constexpr FileError kNone{FileStatus::kUnsupported, 0};

class NoFiles final : public Files {
 public:
  FileError open(const char*, FileAccess, unsigned, std::unique_ptr<File>*) override {
    return kNone;
  }
  FileError create(const char*, unsigned, std::unique_ptr<File>*) override { return kNone; }
  FileError publish(File&, const char*) override { return kNone; }
  FileError remove(const File&, const char*) override { return kNone; }
  std::uint64_t boot() const override { return 0; }
  void random(std::span<std::uint8_t>) const override {}
  ByteCount page_bytes() const override { return 4096; }
};

}  // namespace

void unmap_file(void*, ByteCount) {}
bool map_zeros(void*, ByteCount) { return false; }
bool forbid_stores(void*, ByteCount) { return false; }
bool keep_from_dumps(void*, ByteCount) { return false; }
void advise_mapping(void*, ByteCount, AccessPattern) {}

Files& system_files() {
  static NoFiles* const files = new NoFiles;
  return *files;
}

}  // namespace superslab

#endif
