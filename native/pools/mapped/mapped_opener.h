// One attempt to open or make a file, or to read what another process has made of it.
#pragma once

#include <memory>
#include <string>

#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

class MappedOpener {
 public:
  MappedOpener(Files& files, const std::string& path, const MappedOptions& options)
      : files_(files), path_(path), options_(options) {}
  /// For a pool that shares its file.
  MappedOpener(Files& files, MappedPool& pool)
      : files_(files), options_{.max_bytes = 0, .shares = true}, pool_(&pool) {}

  Failure open(std::unique_ptr<MappedPool>* pool);

  /// Reads header and journal anew, as far as the journal is published. Others may write meanwhile.
  Failure reload();
  /// With the lock of a writer that died: finishes what it had begun to write.
  Failure repair();

 private:
  Failure read_anew();
  Failure open_known(std::unique_ptr<MappedPool>* pool);
  Failure open_alone(std::unique_ptr<MappedPool>* pool);
  Failure open_shared(std::unique_ptr<MappedPool>* pool);
  Failure join_others(std::unique_ptr<MappedPool>* pool);
  Failure create(std::unique_ptr<MappedPool>* pool);
  Failure lock();
  Failure share(MappedPool& pool);
  Failure read_header();
  Failure find_header(const Header (&slots)[2]);
  bool is_wiped(const Layout& layout);
  Failure make_pool(std::unique_ptr<MappedPool>* pool);
  Failure replay(MappedPool& pool);
  Failure check_last_pages(MappedPool& pool, std::size_t kept, bool has_checkpoint);
  Failure check_super(MappedPool& pool);
  Failure apply_last_writes(MappedPool& pool);
  Failure recover(MappedPool& pool);
  Failure write_lost_header(MappedPool& pool);
  std::size_t kept_records() const;
  const File& file() const { return pool_ != nullptr ? *pool_->file_ : *file_; }

  Files& files_;
  const std::string path_;
  const MappedOptions options_;
  MappedPool* const pool_ = nullptr;  // that shares its file
  std::unique_ptr<File> file_;        // until there is a pool
  Header header_{};
  std::uint64_t last_ = UINT64_MAX;  // the last record that counts
  bool lacks_copy_ = false;          // one of the two headers is damaged
  bool lacks_header_ = false;        // the newer one is
  JournalReader reader_;
};

/// Waits until nobody else opens or closes the file. kLocked when that takes longer than
/// `patience`, or somebody has the file alone.
FileError take_open_lock(File& file, Nanos patience);

}  // namespace superslab::mapped
