// For tests: files that live in memory, whose calls are counted and made to fail, and that forget
// what was not made durable, as a machine does that loses power. Mappings are real.
// One thread, but that several may use the files that it has open.
#pragma once

#if defined(__linux__)

#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "os/file.h"

namespace superslab {

class FakeFiles final : public Files {
 public:
  enum class Lasts : std::uint8_t { kOnce, kFromThenOn };

  /// What one file holds: its bytes as everybody sees them, and those that a power failure leaves.
  class Disk;

  FakeFiles();
  ~FakeFiles() override;

  FileError open(const char* path, FileAccess access, unsigned mode,
                 std::unique_ptr<File>* file) override;
  FileError create(const char* path, unsigned mode, std::unique_ptr<File>* file) override;
  FileError publish(File& file, const char* path) override;
  FileError remove(const File& file, const char* path) override;
  std::uint64_t boot() const override { return boot_; }
  void random(std::span<std::uint8_t> into) const override;
  ByteCount page_bytes() const override { return page_bytes_; }

  /// Makes the nth call from now (1 is the next) fail, of this kind and of files opened by it. A
  /// write that fails has written a part of what it was given, by chance.
  void fail_nth(std::uint64_t n, FileError error, Lasts lasts = Lasts::kOnce);
  void fail_none() { fail_at_ = 0; }
  /// Only syncs are counted and fail.
  void count_syncs_only(bool only) { only_syncs_ = only; }
  std::uint64_t calls() const { return calls_; }
  /// From now on nothing of the files is in memory: try_read_at() gives nothing.
  void be_cold(bool is) { is_cold_ = is; }

  /// From now on the machine may make parts of what was written durable by itself, before any call.
  void write_back_by_chance(bool does) { writes_back_ = does; }

  /// The same files after all processes were killed: what was written or stored is there.
  std::unique_ptr<FakeFiles> after_kill() const;
  /// The same files after a power failure: of each 512 bytes that are not durable, the older or the
  /// newer ones, by chance. Another boot.
  std::unique_ptr<FakeFiles> after_power_failure(unsigned seed) const;

  /// The bytes of a file as everybody sees them, and others in their place.
  std::vector<std::uint8_t> content(const std::string& path) const;
  void set_content(const std::string& path, const std::vector<std::uint8_t>& bytes);

 private:
  friend class FakeFile;

  using Guard = std::lock_guard<std::recursive_mutex>;

  /// What the call is to return without doing anything; kOk when it goes on. With the lock.
  FileError begin_call(bool is_sync = false);

  mutable std::recursive_mutex mutex_;  // several threads may read, write and sync a file
  std::map<std::string, std::shared_ptr<Disk>> files_;
  std::uint64_t boot_ = 1;
  ByteCount page_bytes_;
  std::uint64_t calls_ = 0;
  std::uint64_t fail_at_ = 0;  // a number of calls_; 0: never
  FileError failure_;
  Lasts lasts_ = Lasts::kOnce;
  bool only_syncs_ = false;
  bool writes_back_ = false;
  bool is_cold_ = false;
  mutable std::minstd_rand chance_{1};
};

}  // namespace superslab

#endif
