// A heap in a file (docs/FILE-FORMAT.md). Whatever instant its process ends at, the file has
// exactly what the last commit left.
//
// Of one thread. No function throws; each says what failed and then has changed nothing. The core
// never trusts the file: what a checksum or a structure contradicts is Fault::kDamaged.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "pools/mapped/extents.h"
#include "pools/mapped/journal.h"
#include "pools/mapped/mapped_range.h"
#include "pools/mapped/roots.h"
#include "pools/mapped/slabs.h"

namespace superslab::mapped {

struct MappedOptions {
  ByteCount size = 0;       // of data in a new file; 0: 1 MiB
  ByteCount max_bytes = 0;  // of data ever; 0: 1 GiB in a new file, what it was made with in others
  ByteCount grow_by = 0;    // 0: an eighth of what there is, 1 MiB at least
  ByteCount journal_bytes = 0;  // of a new file; 0: 1/256 of max_bytes, 1 to 8 MiB
  unsigned mode = 0600;         // permission bits; a file with more of them is refused
  FileAccess access = FileAccess::kReadWrite;
  SyncLevel promise = SyncLevel::kData;  // what a commit makes durable unless it says otherwise
  bool recovers = true;                  // opens a file that was not closed
};

/// A block that lives.
struct Block {
  Handle handle = kNoHandle;
  std::uint64_t offset = 0;  // in the data
  ByteCount bytes = 0;       // that were asked for
};

struct MappedStats {
  ByteCount data_bytes = 0;  // of the file
  ByteCount max_bytes = 0;
  ByteCount used_bytes = 0;  // of all blocks, as long as they are
  ByteCount free_bytes = 0;  // in free extents of whole pages
  std::uint64_t blocks = 0;
  ByteCount file_bytes = 0;  // with the books and the journal; holes count
  ByteCount journal_bytes = 0;
  std::uint64_t commits = 0;      // since it was opened
  std::uint64_t checkpoints = 0;  // likewise
  std::uint64_t replayed = 0;     // records, when it was opened
};

/// What check() found wrong.
struct CheckReport {
  std::uint64_t wrong = 0;
  std::vector<std::string> messages;  // the first of them
  std::uint64_t blocks = 0;
  std::uint64_t slabs = 0;
  std::uint64_t free_extents = 0;

  void add(std::string message);
};

class MappedPool final : private SpaceProvider {
 public:
  /// Opens the file, or makes it if there is none and access is kReadWrite.
  static Failure open(Files& files, const std::string& path, const MappedOptions& options,
                      std::unique_ptr<MappedPool>* pool);
  /// As close(), whose failure nobody learns of.
  ~MappedPool();

  /// A block of `bytes`, whose contents are whatever lies there. It is there for good once a commit
  /// has succeeded.
  Failure alloc(ByteCount bytes, Block* block);
  /// The block is gone at once, and for good once a commit has succeeded; then its space is used
  /// again.
  Failure free(Handle handle);
  /// The block of a handle; kStale when it is gone.
  Failure find(Handle handle, Block* block);
  /// The first block at or behind the place `cursor`, which goes on behind it. False at the end,
  /// and when damage ends the walk. Blocks may come and go between two calls.
  bool next(std::uint64_t* cursor, Block* block);

  Failure root(std::string_view name, Handle* handle);
  /// kNoHandle ends a root.
  Failure set_root(std::string_view name, Handle handle);
  /// Names in use, in no order.
  Failure root_names(std::vector<std::string>* names);

  /// Bytes that a commit puts into the block: all of a batch or none of it, also across a kill.
  /// They go through the journal, and the commit is as durable as the pool promises.
  Failure write(Handle handle, ByteCount at, std::span<const std::uint8_t> bytes);

  /// Makes all changes since the last commit happen together. With kData or kFull they, and all
  /// bytes in blocks, are durable when this returns.
  Failure commit(SyncLevel level);
  Failure commit() { return commit(promise_); }
  bool has_uncommitted() const;

  /// A place in the batch of changes that are not committed.
  struct Savepoint {
    std::size_t changes = 0;
    std::size_t taken = 0;
    std::size_t frees = 0;
    std::size_t writes = 0;
  };
  Savepoint savepoint() const;
  /// Undoes what came after. Handles of blocks that were taken since are stale for good.
  void roll_back(const Savepoint& given);

  /// Gives the space of free pages back to the file system, and cuts the file behind its last
  /// block. `returned`: bytes.
  Failure trim(ByteCount* returned);
  /// Walks all structures. Nothing is changed.
  CheckReport check();
  MappedStats stats();

  /// Undoes what is not committed, writes everything home, and ends. Views see zeros from now on.
  Failure close();
  bool is_closed() const { return file_ == nullptr; }
  bool is_read_only() const { return access_ == FileAccess::kRead; }
  /// Why the pool changes nothing any more.
  const Failure& broken() const { return broken_; }

  const Layout& layout() const { return layout_; }
  /// The bytes of the data; nullptr when closed.
  const std::shared_ptr<MappedRange>& range() const { return range_; }
  /// At which the data begins in the range.
  std::uint8_t* data() const { return range_->address() + layout_.data_at(); }
  void advise(std::uint64_t offset, ByteCount bytes, AccessPattern pattern);

 private:
  friend class MappedOpener;

  MappedPool(Files& files, std::unique_ptr<File> file, const Header& header,
             const MappedOptions& options, std::shared_ptr<MappedRange> range, void* metadata,
             GuardedMapping* metadata_guard);

  bool provide_data(DataPage page, std::uint32_t pages) override;
  bool provide_slab_words(DataPage slab) override;
  bool provide(ByteCount offset, ByteCount bytes);

  Failure begin_change();
  Failure end_change(const Savepoint& savepoint, Failure failure = {});
  Failure break_by(Failure failure);
  Failure check_lost();

  Handle take(ByteCount bytes);
  Handle take_small(ByteCount bytes);
  Handle take_large(ByteCount bytes);
  Failure grow(ByteCount bytes);
  Failure add_pages(std::uint64_t pages);
  void count_block(ByteCount capacity, bool is_new);
  struct Found {
    bool is_live = false;
    Block block;
    ByteCount capacity = 0;
    WordIndex generation_word = 0;
    unsigned generation_shift = 0;
  };
  /// The block that begins at a granule, live or not; with no capacity when none does.
  Found block_at(std::uint32_t granule);
  Found live_block(Handle handle);
  void apply_free(Handle handle);
  void make_stale(Handle handle);
  std::uint32_t pages_from(DataPage page);
  bool find_place(std::uint64_t* cursor);
  bool note_place(std::uint64_t cursor) {
    known_place_ = cursor;
    known_merges_ = merges_;
    return true;
  }
  bool next_in_slab(DataPage slab, std::uint32_t c, std::uint32_t number, std::uint64_t* cursor,
                    Block* block);

  ByteCount batch_limit() const { return layout_.half_bytes() / 4; }
  ByteCount batch_bytes() const;
  Failure commit_once(bool is_synced, bool applies_frees);
  void apply_frees();
  void apply_writes(std::span<const std::uint8_t> writes);
  Failure sync_data();
  Failure check_length();
  Failure checkpoint();
  Failure write_header(const JournalPlace& next);
  Failure shrink_file(ByteCount* returned);
  Failure punch_free(ByteCount* returned);

  void check_slab(DataPage slab, std::uint32_t c, CheckReport& report, struct Totals& totals);
  std::uint32_t check_extent(DataPage page, CheckReport& report, struct Totals& totals);
  void check_lists(CheckReport& report, struct Totals& totals);
  void check_roots(CheckReport& report);

  Files& files_;
  std::unique_ptr<File> file_;
  Header header_;  // the one that counts
  const Layout layout_;
  const FileAccess access_;
  const SyncLevel promise_;
  const ByteCount grow_by_;
  std::shared_ptr<MappedRange> range_;
  MappedRange metadata_range_;
  Metadata words_;
  Journal journal_;
  Extents extents_;
  Slabs slabs_;
  Roots roots_;

  // The batch: what the next commit makes happen.
  std::vector<Handle> taken_;
  std::vector<Handle> frees_;              // their space is not used yet
  std::size_t due_count_ = 0;              // how many of them, the first ones, are committed
  std::unordered_set<std::uint32_t> due_;  // granules of all of them
  std::vector<std::uint8_t> writes_;

  // A place at which an extent begins, for as long as no extents become one.
  std::uint64_t known_place_ = 0;
  std::uint64_t merges_ = 0;
  std::uint64_t known_merges_ = 0;

  std::vector<ChangedWord> changed_;  // kept, so that a commit allocates nothing
  bool has_unsynced_ = false;         // records since the last synced one
  bool has_writes_ = false;           // copied to the data since it was made durable
  FileError space_error_;             // of the last provide() that failed
  Failure broken_;
  MappedStats counted_;
};

}  // namespace superslab::mapped
