// A heap in a file (docs/FILE-FORMAT.md). Whatever instant its process ends at, the file has
// exactly what the last commit left.
//
// A file belongs to one pool, or to all that open it as shared: then the first change of a batch
// takes the writer's lock, and commit or undo gives it back (mapped_shared.cc).
//
// Of one thread. No function throws; each says what failed and then has changed nothing. The core
// never trusts the file: what a checksum or a structure contradicts is Fault::kDamaged.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "pools/mapped/extents.h"
#include "pools/mapped/file_events.h"
#include "pools/mapped/granule_set.h"
#include "pools/mapped/journal.h"
#include "pools/mapped/mapped_range.h"
#include "pools/mapped/roots.h"
#include "pools/mapped/sharing.h"
#include "pools/mapped/slabs.h"

namespace superslab::mapped {

/// Whether each block has a checksum: fixed when a file is made.
enum class Checksums : std::uint8_t { kAny, kNo, kYes };  // kAny: as it was made; none in a new one

/// Whether what is freed is overwritten: fixed when a file is made.
enum class Sensitive : std::uint8_t { kAny, kNo, kYes };  // kAny: as it was made; not a new one

/// Whether the program seals blocks: fixed when a file is made.
enum class Encrypted : std::uint8_t { kAny, kNo, kYes };  // kAny: as it was made; not a new one

struct MappedOptions {
  ByteCount size = 0;       // of data in a new file; 0: 1 MiB
  ByteCount max_bytes = 0;  // of data ever; 0: 1 GiB in a new file, what it was made with in others
  ByteCount grow_by = 0;    // 0: an eighth of what there is, 1 MiB at least
  ByteCount journal_bytes = 0;  // of a new file; 0: 1/256 of max_bytes, 1 to 8 MiB
  unsigned mode = 0600;         // permission bits; a file with more of them is refused
  FileAccess access = FileAccess::kReadWrite;
  SyncLevel promise = SyncLevel::kData;  // what a commit makes durable unless it says otherwise
  Checksums checksums = Checksums::kAny;
  Sensitive sensitive = Sensitive::kAny;
  Encrypted encrypted = Encrypted::kAny;
  bool recovers = true;                        // opens a file that was not closed
  bool shares = false;                         // with others that do
  Nanos lock_patience = 5'000 * kMillisecond;  // for the writer's lock, and while others open it
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
  ByteCount disk_bytes = 0;  // the same; holes do not count
  ByteCount journal_bytes = 0;
  ByteCount undurable_bytes = 0;  // of records that a power failure may take
  Nanos undurable_for = 0;        // how long the oldest of them is there
  // Since it was opened.
  ByteCount peak_used_bytes = 0;
  std::uint64_t allocs = 0;
  std::uint64_t frees = 0;          // that were committed, and blocks that were undone
  std::uint64_t failed_allocs = 0;  // requests that got no block
  std::uint64_t exhausted = 0;      // those of them because of max_bytes
  std::uint64_t commits = 0;
  std::uint64_t syncs = 0;  // calls of the file system that make something durable
  Nanos sync_time = 0;      // that they took
  std::uint64_t checkpoints = 0;
  std::uint64_t replayed = 0;  // records, when it was opened
  ByteCount grown_bytes = 0;
  ByteCount trimmed_bytes = 0;
};

/// What check() found wrong.
struct CheckReport {
  std::uint64_t wrong = 0;
  std::uint64_t damaged_blocks = 0;   // those of them that are blocks with wrong bytes
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
  Failure alloc(ByteCount bytes, Block* block) {
    return alloc_within(lock_patience_, bytes, block);
  }
  /// The same; kBusy at once while another process has the writer's lock.
  Failure try_alloc(ByteCount bytes, Block* block) { return alloc_within(0, bytes, block); }
  /// The block is gone at once, and for good once a commit has succeeded; then its space is used
  /// again.
  Failure free(Handle handle);
  /// The block of a handle; kStale when it is gone.
  Failure find(Handle handle, Block* block);
  /// Before a block is looked up of which somebody keeps a view, and when one was allocated: while
  /// views are there, others do not use their blocks again once they are freed. `is_first`: there
  /// is no other. Returns the last record of which the view knows. Nothing, where the file is not
  /// shared.
  std::uint64_t show_view(bool is_first);
  /// The block that begins at that place in the data; kStale when none does.
  Failure find_at(std::uint64_t offset, Block* block);
  /// The first block at or behind the place `cursor`, which goes on behind it. False at the end,
  /// and when damage ends the walk. Blocks may come and go between two calls.
  /// `why`: what else ended the walk.
  bool next(std::uint64_t* cursor, Block* block, Failure* why = nullptr);

  Failure root(std::string_view name, Handle* handle);
  /// kNoHandle ends a root.
  Failure set_root(std::string_view name, Handle handle);
  /// Names in use, in no order.
  Failure root_names(std::vector<std::string>* names);

  /// Bytes that a commit puts into the block: all of a batch or none of it, also across a kill.
  /// They go through the journal, and the commit is as durable as the pool promises.
  Failure write(Handle handle, ByteCount at, std::span<const std::uint8_t> bytes);

  /// The bytes that this batch writes at that place in the data, as the last write() that covers
  /// all of them has them. False when none does.
  bool written_at(std::uint64_t offset, std::span<std::uint8_t> bytes) const;

  /// Makes all changes since the last commit happen together. With kData or kFull they, and all
  /// bytes in blocks, are durable when this returns.
  Failure commit(SyncLevel level);
  Failure commit() { return commit(promise_); }
  bool has_uncommitted() const;
  /// Takes the writer's lock for a batch that begins by reading, until it is committed or
  /// end_batch() is called. Nothing, where the file is not shared.
  Failure begin_batch();
  void end_batch();

  // Group commit: commits that arrive while a sync is under way share the next one.

  /// Makes all changes since the last commit happen, as commit(SyncLevel::kNone). They are durable
  /// once durable_through() has reached `sequence`; 0 when they are so already. Writes cannot wait:
  /// with them it is commit(SyncLevel::kData).
  Failure commit_later(std::uint64_t* sequence);
  /// A sync of the whole file on another thread.
  struct GroupSync {
    std::shared_ptr<File> file;  // whose sync() is to be called
    std::uint64_t through = 0;   // the last record that was written before
    std::uint64_t marked = 0;    // the last record that a marker before it speaks of
    Nanos began = 0;
    std::shared_ptr<Sharing> busy;  // somebody else has the writer's lock: wait a little for it
  };
  GroupSync begin_sync() const;
  /// After it, on the pool's thread. What was committed before it began is durable after another
  /// one, since records of it say so only then; while more of them are wanted, begin one.
  Failure end_sync(const GroupSync& sync, FileError error);
  /// The last record that is durable, and whose data is.
  std::uint64_t durable_through() const { return durable_through_; }
  /// How often end_sync() was called.
  std::uint64_t syncs_ended() const { return syncs_ended_; }

  /// A place in the batch of changes that are not committed.
  struct Savepoint {
    std::size_t changes = 0;
    std::size_t taken = 0;
    std::size_t frees = 0;  // of this batch
    std::size_t writes = 0;
  };
  Savepoint savepoint() const;
  /// Undoes what came after. Handles of blocks that were taken since are stale for good.
  void roll_back(const Savepoint& given);

  /// Gives the space of free pages back to the file system, and cuts the file behind its last
  /// block, until the file takes at most `target` bytes of it. `returned`: bytes.
  Failure trim(ByteCount target, ByteCount* returned);
  /// A copy of the file while it is used; one at a time. It gets the name `path` when it is
  /// finished, unless there is such a file. What the program stores into blocks directly meanwhile
  /// may be in it or not.
  Failure begin_backup(const std::string& path, unsigned mode);
  struct BackupProgress {
    ByteCount done = 0;
    ByteCount total = 0;  // of the data
  };
  /// Copies up to so many bytes more. A failure ends the backup.
  Failure go_on_with_backup(ByteCount bytes, BackupProgress* progress);
  /// Once all data is copied. The copy is what the last commit left, and durable.
  Failure finish_backup();
  /// Gives it up, if one is under way.
  void end_backup() { backup_.reset(); }

  /// Walks all structures. Nothing is changed.
  CheckReport check();
  MappedStats stats();
  /// Of the file, for blocks; 0 when closed.
  ByteCount data_bytes() { return is_closed() ? 0 : ByteCount{extents_.data_pages()} * kPageBytes; }

  /// Undoes what is not committed, writes everything home, and ends. Views see zeros from now on.
  Failure close();
  /// Overwrites all of the file, and ends the name `path`, if that leads to it. Nothing can be
  /// changed or found afterwards. kInUseShared, and nothing done, while others have the file. What
  /// a failure leaves may be overwritten in part.
  Failure destroy(const std::string& path);
  bool is_closed() const { return file_ == nullptr; }
  bool is_read_only() const { return access_ == FileAccess::kRead; }
  /// Whether the blocks of the file are sealed by those who use it.
  bool is_encrypted() const { return (header_.needed_features & kEncrypted) != 0; }
  /// Of a file that is shared; nullptr otherwise, and once it is closed.
  const std::shared_ptr<Sharing>& sharing() const { return sharing_; }
  /// Why the pool changes nothing any more.
  const Failure& broken() const { return broken_; }

  FileEvents& events() { return events_; }
  const Layout& layout() const { return layout_; }
  /// The bytes of the data; nullptr when closed.
  const std::shared_ptr<MappedRange>& range() const { return range_; }
  /// At which the data begins in the range.
  std::uint8_t* data() const { return range_->address() + layout_.data_at(); }
  void advise(std::uint64_t offset, ByteCount bytes, AccessPattern pattern);
  /// Of a pool that is only read: has stores to its blocks end the process instead of staying in
  /// it. False when the system refuses.
  bool forbid_stores();

 private:
  friend class MappedOpener;

  MappedPool(Files& files, std::unique_ptr<File> file, const Header& header,
             const MappedOptions& options, std::shared_ptr<MappedRange> range, void* metadata,
             GuardedMapping* metadata_guard);

  bool provide_data(DataPage page, std::uint32_t pages) override;
  bool provide_slab_words(DataPage slab) override;
  bool provide(ByteCount offset, ByteCount bytes);

  Failure begin_change() { return begin_change(lock_patience_); }
  Failure begin_change(Nanos patience);
  Failure end_change(const Savepoint& savepoint, Failure failure = {});
  void undo_to(const Savepoint& given);
  Failure break_by(Failure failure);
  Failure check_lost();

  // Shared (mapped_shared.cc).

  bool shares() const { return sharing_ != nullptr && !is_last_; }
  /// A call that may change something: at its end the writer's lock is given back, unless a batch
  /// has begun.
  struct Turn {
    explicit Turn(MappedPool& pool) : pool(pool) { ++pool.turns_; }
    ~Turn() {
      if (--pool.turns_ == 0) pool.end_turn();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    MappedPool& pool;
  };
  void end_turn();
  Failure lock_writer(Nanos patience);
  Failure catch_up();
  bool read_on();
  Failure reload();
  void forget_all();
  bool replay(const RecordParts& parts, std::uint64_t sequence, bool is_checked);
  void take_frees(const RecordParts& parts, std::uint64_t sequence);
  void note_others_record(const RecordParts& parts, const JournalPlace& after, ByteCount bytes);
  void note_reload(std::uint64_t durable);
  void learn_durable();
  Failure end_sharing();
  void publish();
  std::size_t frees_to_apply(bool applies_all);
  bool is_crowded();
  void leave();
  /// Calls look(), which reads and changes nothing, on a state of the heap that is one.
  template <class Look>
  Failure read(Look look);
  template <class Look>
  Failure read_unlocked(Look look, bool* is_done);
  Failure look_up(Handle handle, Block* block);

  Failure alloc_within(Nanos patience, ByteCount bytes, Block* block);
  Failure alloc_block(ByteCount bytes, Block* block);
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
    WordIndex checksum_word = 0;  // where blocks have checksums
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
  bool next_block(std::uint64_t* cursor, Block* block);
  bool next_in_slab(DataPage slab, std::uint32_t c, std::uint32_t number, std::uint64_t* cursor,
                    Block* block);

  ByteCount batch_limit() const { return layout_.half_bytes() / 4; }
  ByteCount batch_bytes() const;
  static constexpr std::size_t kAllFrees = SIZE_MAX;
  Failure commit_batch(SyncLevel level);
  Failure commit_batch_later(std::uint64_t* sequence);
  Failure commit_once(bool is_synced, std::size_t frees_to_apply);
  void apply_frees(std::size_t most);
  void note_durable(std::uint64_t sequence, Nanos began);
  void apply_writes(std::span<const std::uint8_t> writes);
  /// Counts a call that makes something durable, and the time that it takes.
  template <class Call>
  FileError timed_sync(Call call);
  void set_checksums();
  void change_checksum(const Found& found, std::size_t first, std::size_t end);
  std::uint32_t checksum_of_block(const Block& block) const;
  ByteCount checksum_bytes() const;
  GranuleSet batch_blocks() const;
  void note_unsynced(ByteCount bytes);
  void note_synced();
  Failure sync_data();
  Failure check_length();
  Failure checkpoint();
  Failure write_header(const JournalPlace& next);
  bool must_carry() const;
  void note_touched(std::uint64_t offset, ByteCount bytes);
  Failure copy_data(std::uint64_t offset, ByteCount bytes);
  Failure copy_books();
  Failure shrink_file(ByteCount wanted, ByteCount* returned);
  Failure punch_free(ByteCount wanted, ByteCount* returned);

  // Overwriting (mapped_wipe.cc).

  void wipe_data(std::uint64_t offset, ByteCount bytes);
  void wipe_taken(std::size_t first);
  void wipe_writes(std::size_t first);
  void wipe_frees();
  void wipe_unused();
  Failure wipe_file(ByteCount at, ByteCount bytes);
  Failure wipe_other_half();
  Failure wipe_remains();
  Failure apply_all_frees();
  Failure note_open();
  Failure begin_destroying();

  CheckReport check_books();
  void check_slab(DataPage slab, std::uint32_t c, CheckReport& report, struct Totals& totals);
  std::uint32_t check_extent(DataPage page, CheckReport& report, struct Totals& totals);
  void check_lists(CheckReport& report, struct Totals& totals);
  void check_block(const Found& found, const GranuleSet& batch, CheckReport& report);
  void check_roots(CheckReport& report);
  void check_headers(CheckReport& report);

  Files& files_;
  std::shared_ptr<File> file_;  // a sync on another thread may have it, too
  Header header_;               // the one that counts
  const Layout layout_;
  const FileAccess access_;
  const SyncLevel promise_;
  const ByteCount grow_by_;
  const Nanos lock_patience_;
  std::shared_ptr<MappedRange> range_;
  MappedRange metadata_range_;
  Metadata words_;
  Journal journal_;
  Extents extents_;
  Slabs slabs_;
  Roots roots_;

  std::shared_ptr<Sharing> sharing_;
  JournalReader reader_;  // of what others append
  bool is_last_ = false;  // nobody else has the file, and nobody can open it: close() is under way
  bool is_batch_open_ = false;  // begin_batch()
  unsigned turns_ = 0;          // that are under way, one within another
  bool needs_reload_ = false;   // what is here is no state of the file
  bool needs_room_ = false;     // a block was asked for that there was no room for
  bool is_marker_due_ = false;  // end_sync() did not get the writer's lock

  // The batch: what the next commit makes happen.
  std::vector<Handle> taken_;
  std::vector<Handle> frees_;             // their space is not used yet
  std::size_t due_count_ = 0;             // how many of them, the first ones, are committed
  GranuleSet due_;                        // granules of all of them
  std::vector<std::uint64_t> due_since_;  // shared: the record that made each of them due
  std::vector<std::uint8_t> writes_;
  struct Written {
    Handle handle;
    std::size_t start;  // in writes_
  };
  std::vector<Written> written_;  // where blocks have checksums

  std::size_t wiped_frees_ = 0;  // of a sensitive file: how many of frees_, the first ones
  bool leaves_clean_ = false;    // the next checkpoint leaves an empty journal
  bool is_destroyed_ = false;

  // A place at which an extent begins, for as long as no extents become one.
  std::uint64_t known_place_ = 0;
  std::uint64_t merges_ = 0;
  std::uint64_t known_merges_ = 0;

  std::vector<ChangedWord> changed_;  // kept, so that a commit allocates nothing
  bool has_unsynced_ = false;         // records since the last synced one
  ByteCount unsynced_bytes_ = 0;      // of those
  Nanos unsynced_since_ = 0;          // when the first of them was written
  bool has_writes_ = false;           // copied to the data since it was made durable

  // Group commit.
  struct DueMark {
    std::uint64_t sequence;  // of a record
    std::size_t due;         // how many of frees_ were due with it
  };
  std::uint64_t syncs_ended_ = 0;
  std::uint64_t durable_through_ = 0;
  std::uint64_t marked_through_ = 0;  // what the last marker speaks of
  std::uint64_t last_unsynced_ = 0;   // the last record that was written without a sync
  std::uint64_t wanted_through_ = 0;  // by commit_later()
  std::vector<DueMark> due_marks_;
  std::size_t durable_frees_ = 0;  // how many of frees_ are due and durable

  struct Backup {
    struct Range {
      std::uint64_t offset;  // in the data
      ByteCount bytes;
    };
    std::string path;
    std::unique_ptr<File> file;
    ByteCount data_bytes = 0;         // when it began
    ByteCount copied = 0;             // of those
    bool has_others_changes = false;  // of whose blocks it is not known which are new
    std::vector<Range> touched;       // since it began
  };
  std::unique_ptr<Backup> backup_;

  FileEvents events_;
  FileError space_error_;  // of the last provide() that failed
  Failure broken_;
  MappedStats counted_;
};

}  // namespace superslab::mapped
