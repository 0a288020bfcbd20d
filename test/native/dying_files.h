// Files of this machine, for a process that dies at one of its calls: before it is done, or half
// through it.
#pragma once

#if defined(__linux__)

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "os/file.h"

namespace superslab_test {

using namespace superslab;

class DyingFiles final : public Files {
 public:
  static constexpr int kDied = 77;

  /// Ends the process with kDied at the nth call from now on.
  void die_at(std::uint64_t n) { left_ = n; }

  FileError open(const char* path, FileAccess access, unsigned mode,
                 std::unique_ptr<File>* file) override {
    tick();
    return wrap(system_files().open(path, access, mode, file), file);
  }
  FileError create(const char* path, unsigned mode, std::unique_ptr<File>* file) override {
    tick();
    return wrap(system_files().create(path, mode, file), file);
  }
  FileError publish(File& file, const char* path) override {
    tick();
    return system_files().publish(static_cast<Dying&>(file).inner(), path);
  }
  FileError remove(const File& file, const char* path) override {
    tick();
    return system_files().remove(static_cast<const Dying&>(file).inner(), path);
  }
  std::uint64_t boot() const override { return system_files().boot(); }
  void random(std::span<std::uint8_t> into) const override { system_files().random(into); }
  ByteCount page_bytes() const override { return system_files().page_bytes(); }

 private:
  class Dying final : public File {
   public:
    Dying(DyingFiles& files, std::unique_ptr<File> inner)
        : files_(files), inner_(std::move(inner)) {}

    File& inner() { return *inner_; }
    const File& inner() const { return *inner_; }

    FileError size(ByteCount* bytes) const override { return inner_->size(bytes); }
    FileError disk_bytes(ByteCount* bytes) const override { return inner_->disk_bytes(bytes); }
    FileError read_at(void* into, ByteCount bytes, ByteCount offset) const override {
      files_.tick();
      return inner_->read_at(into, bytes, offset);
    }
    FileError try_read_at(void* into, ByteCount bytes, ByteCount offset) const override {
      return inner_->try_read_at(into, bytes, offset);
    }
    FileError write_at(const void* from, ByteCount bytes, ByteCount offset) override {
      if (files_.left_ == 1) static_cast<void>(inner_->write_at(from, bytes / 8 * 5, offset));
      files_.tick();
      const FileError error = inner_->write_at(from, bytes, offset);
      files_.tick();
      return error;
    }
    FileError allocate(ByteCount offset, ByteCount bytes) override {
      files_.tick();
      return inner_->allocate(offset, bytes);
    }
    FileError punch(ByteCount offset, ByteCount bytes) override {
      files_.tick();
      return inner_->punch(offset, bytes);
    }
    FileError set_size(ByteCount bytes) override {
      files_.tick();
      return inner_->set_size(bytes);
    }
    FileError sync(SyncLevel level) override {
      files_.tick();
      return inner_->sync(level);
    }
    FileError sync_range(ByteCount offset, ByteCount bytes) override {
      files_.tick();
      return inner_->sync_range(offset, bytes);
    }
    FileError lock(FileLock lock) override { return inner_->lock(lock); }
    void unlock() override { inner_->unlock(); }
    FileError lock_byte(ByteCount at, FileLock lock) override {
      files_.tick();
      return inner_->lock_byte(at, lock);
    }
    bool is_byte_locked(ByteCount at) const override { return inner_->is_byte_locked(at); }
    FileError unlock_byte(ByteCount at) override {
      files_.tick();
      return inner_->unlock_byte(at);
    }
    FileError watch(std::unique_ptr<FileWatch>* watch) const override {
      return inner_->watch(watch);
    }
    FileError bypass_page_cache() override { return inner_->bypass_page_cache(); }
    FileError map(ByteCount offset, ByteCount bytes, FileMapping mapping, void** address) override {
      files_.tick();
      return inner_->map(offset, bytes, mapping, address);
    }

   private:
    DyingFiles& files_;
    const std::unique_ptr<File> inner_;
  };

  FileError wrap(FileError error, std::unique_ptr<File>* file) {
    if (error.ok()) *file = std::make_unique<Dying>(*this, std::move(*file));
    return error;
  }

  void tick() {
    if (left_ != 0 && --left_ == 0) ::_exit(kDied);
  }

  std::uint64_t left_ = 0;
};

}  // namespace superslab_test

#endif
