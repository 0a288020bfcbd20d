// The pages of one file in memory, after the buffer manager of PostgreSQL (src/backend/storage/
// buffer/README): pages are pinned while they are used; where a page is to come in, the hand of a
// clock finds one that was not used since it came by that often; scans use the same few frames
// again; and a writer goes ahead of the hand, so that nobody has to wait for a write.
//
//   pin, unpin      a page that is there: by the frame's word alone
//   pin             one that is not: into an empty frame, or into that of a page that has to go
//   read            by whoever pinned it, or by a thread that was asked to
//   write           from a copy, in the order of the file, neighbours together. So nobody waits for
//                   a write, and what is written has not changed since its checksum was made
//   checkpoint      all that is dirty now, then fdatasync. Who is the first to pin a page that it
//                   has not come to yet writes that page himself: what is pinned may change
//
// A page is dirty when its user says so. It is written when its frame is needed, when a checkpoint
// wants it, or by the writer; never while it is pinned, but by its user's own thread.
//
// Locks: writing_ is held while pages are written, lock_ for the books; the file is never read or
// synced under either. Neither is held in a call of the program's.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/counter.h"
#include "base/lock.h"
#include "os/file.h"
#include "pools/mapped/fault.h"
#include "pools/page_cache/frame_table.h"
#include "pools/page_cache/new_pages.h"
#include "pools/page_cache/page_checksum.h"

namespace superslab::pages {

using mapped::Failure;
using mapped::Fault;

struct PageCacheOptions {
  ByteCount page_bytes = 4096;  // a power of two from kMinPageBytes to kMaxPageBytes
  std::uint32_t frames = 0;     // most that there may be; from kMinFrames on
  unsigned mode = 0600;         // of a new file; what others may do with one at most
  FileAccess access = FileAccess::kReadWrite;
  bool is_direct = false;  // past the kernel's page cache; page_bytes a multiple of its page
  PageChecksum checksum = PageChecksum::kNone;
};

constexpr ByteCount kMinPageBytes = 512;
constexpr ByteCount kMaxPageBytes = kMiB;
constexpr std::uint32_t kMinFrames = 1;
constexpr std::uint32_t kMostFrames = 1u << 26;

/// When a page that is not there is read.
enum class Reading : std::uint8_t {
  kNow,         // by the caller, who waits for the disk
  kIfInMemory,  // the same if nobody has to wait, later otherwise
  kLater,       // by read()
};

struct PinRequest {
  PageNumber page = kNoPage;
  Reading reading = Reading::kNow;
  bool is_scan = false;    // counts as one use, however often
  bool may_evict = false;  // even where frames could be added
  /// Lent to the caller: for the page, if it is in no frame.
  FrameIndex given = kNoFrame;
  /// Of a scan: the frame that it used longest ago, and its turn then.
  FrameIndex again = kNoFrame;
  std::uint32_t again_turn = 0;
};

enum class PinStatus : std::uint8_t {
  kPinned,
  kNoFrame,      // all are pinned, or frames may be added and are to be
  kLoading,      // somebody reads it, or will
  kToBeRead,     // read() it: it has come into a frame by this call
  kTooManyPins,  // 65,535
  kFailed,       // see `failure`
};

struct PinResult {
  PinStatus status = PinStatus::kFailed;
  FrameIndex frame = kNoFrame;
  bool is_first = false;  // of a page that nobody had pinned, nor its frame lent
  bool is_new = false;    // the page came into the frame by this call
  Failure failure{};
};

struct PageFigures {
  std::uint64_t file_pages = 0;
  std::uint64_t frames = 0;  // that have memory
  std::uint64_t pages = 0;   // that are in frames
  std::uint64_t pinned = 0;
  std::uint64_t dirty = 0;
  std::uint64_t misses = 0;      // pins of pages that were not there
  std::uint64_t prefetches = 0;  // pages that were asked for ahead of any pin
  std::uint64_t reads = 0;       // pages that were read
  std::uint64_t writes = 0;      // pages that were written
  std::uint64_t write_calls = 0;
  std::uint64_t writes_ahead = 0;  // pages that the writer wrote ahead of the hand
  std::uint64_t evictions = 0;
  std::uint64_t waits = 0;  // times that a page had to be written before another could come in
  std::uint64_t checkpoints = 0;
  std::uint64_t damaged = 0;         // reads that found a wrong checksum
  std::uint64_t write_failures = 0;  // of write calls
};

class PageCache {
 public:
  /// Opens the file or, to be written, makes it.
  static Failure open(Files& files, const std::string& path, const PageCacheOptions& options,
                      std::unique_ptr<PageCache>* cache);
  ~PageCache();
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;

  const PageCacheOptions& options() const { return options_; }
  const std::shared_ptr<FrameTable>& table() const { return table_; }
  /// Bytes of a page that are the program's.
  ByteCount usable_bytes() const;
  PageNumber page_count() const { return page_count_.load(std::memory_order_relaxed); }

  // Frames: their memory is their owner's. Any thread, with no lock held
  // ---------------------------

  /// Lends a new frame of page_bytes at `memory`; kNoFrame when there are as many as may be.
  FrameIndex add(void* memory, std::uint32_t block);
  /// Lends an empty frame, or that of a page that has to go; kNoFrame when all are pinned, or when
  /// frames could be added and `may_evict` is false.
  FrameIndex lend(bool may_evict);
  /// Takes back a frame that was lent and not used.
  void give_back(FrameIndex frame);
  /// Whether the frame is lent.
  bool is_lent(FrameIndex frame) const {
    return to_word(frame) < made() && table_->look(frame).word == (FrameState::kThere | 1);
  }
  /// Empties a frame of which nobody needs the page, which was used `most_use` times at most and is
  /// not dirty; once the cache is closed, any that is not pinned. Its memory is its owner's again.
  /// kNoFrame when there is none; else what add() was told of the memory, at `block`.
  FrameIndex drop(std::uint32_t most_use, std::uint32_t* block);
  /// Whether there are as many frames as may be.
  bool is_full() const { return there_.load(std::memory_order_relaxed) == options_.frames; }

  // Pages: any thread, with no lock held
  // -----------------------------------------------------------

  PinResult pin(const PinRequest& request);
  /// Pins a page that is there, with no lock taken; kNoFrame where that cannot be, or where others
  /// are changing the books just now.
  FrameIndex try_pin(PageNumber page);
  /// Whether the frame has that page, and it is pinned.
  bool is_pinned(FrameIndex frame, PageNumber page) const;
  void* memory(FrameIndex frame) const { return memory_[to_word(frame)]; }
  /// The page is pinned. Whether nobody else has it pinned.
  bool unpin(FrameIndex frame);
  /// A frame for a page that is not there and that somebody will want: to be read.
  PinResult prefetch(PageNumber page, bool may_evict);
  /// Reads a page that has a frame, if nobody has begun to.
  Failure read(PageNumber page);
  /// Reads all pages that have a frame and that nobody has begun to read, in the order of the file.
  void read_asked();
  /// The page is pinned, and its bytes are newer than those of the file.
  void mark_dirty(FrameIndex frame) { table_->set(frame, FrameState::kDirty); }

  // Writing
  // ----------------------------------------------------------------------------------------

  /// Writes one page if it is in a frame and dirty. Not durably. The thread of whoever has it
  /// pinned.
  Failure flush(PageNumber page, bool* is_written);
  /// Makes the file longer by `count` pages of zeros, with space behind them.
  Failure grow(PageNumber count, PageNumber* first);
  /// Notes which pages are dirty, and writes those that are pinned. The thread of whoever has them
  /// pinned; one checkpoint at a time.
  Failure begin_checkpoint();
  /// Writes the others, and makes all of them durable. Any thread.
  Failure finish_checkpoint();
  /// Writes dirty pages that the hand comes to next. Returns how many. Any thread.
  std::uint32_t write_ahead();
  /// Whether it is time for write_ahead().
  bool wants_writer() const {
    return options_.access != FileAccess::kRead &&
           evictions_.get() - evictions_before_.get() >= ahead() / 2;
  }

  /// Nothing is read or written from now on: no dirty page either. What is pinned stays valid.
  /// Waits for those who read and write.
  void close();
  bool is_closed() const { return is_closed_.load(std::memory_order_acquire); }

  PageFigures figures();
  /// Calls visit(page, pins) for up to `most` pages that are pinned.
  template <class Visit>
  void for_each_pinned(std::uint32_t most, Visit visit);
  /// What contradicts itself, in words; nullptr when nothing does. While no other thread uses it.
  const char* contradiction();

 private:
  friend class PageCacheOpener;
  /// What pin() does next.
  enum class Step : std::uint8_t {
    kDone,
    kAgain,     // the word has changed
    kRead,      // the caller has begun to read
    kAwait,     // somebody else reads
    kCopied,    // somebody copies it
    kWriteDue,  // a checkpoint waits for it
    kClean,     // all that could go is dirty
    kBusy,      // all that could go is on its way to or from the file
  };

  PageCache(std::unique_ptr<File> file, std::string path, const PageCacheOptions& options);
  bool make_tables();

  Step begin_pin(const PinRequest& request, bool skips_dirty, PinResult& out) REQUIRES(lock_);
  Step pin_found(const PinRequest& request, PinResult& out) REQUIRES(lock_);
  Step begin_load(const PinRequest& request, bool skips_dirty, PinResult& out) REQUIRES(lock_);
  void enter(FrameIndex frame, PageNumber page, std::uint32_t state) REQUIRES(lock_);
  void leave(FrameIndex frame, FrameState state) REQUIRES(lock_);
  bool is_new_page(const PinRequest& request) REQUIRES(lock_);
  Step claim(const PinRequest& request, bool skips_dirty, FrameIndex& frame) REQUIRES(lock_);
  Step sweep(bool skips_dirty, FrameIndex& frame) REQUIRES(lock_);
  /// What a search for a page that may go has seen.
  struct Search {
    bool skips_dirty;
    std::uint32_t dirty = 0;
    bool is_busy = false;  // pages on their way to or from the file
    FrameIndex found = kNoFrame;
    bool has_enough_dirty() const;
  };
  void search_new(Search& search, bool even_few) REQUIRES(lock_);
  void search_clock(Search& search) REQUIRES(lock_);
  bool take_if_clean(Search& search, FrameIndex frame, FrameState state) REQUIRES(lock_);
  FrameIndex cancel_load() REQUIRES(lock_);
  bool evict(FrameIndex frame, FrameState state) REQUIRES(lock_);
  void read_pinned(const PinRequest& request, PinResult& out);
  Failure end_read(FrameIndex frame, FileError error, std::uint32_t pins, bool stays_lent);
  void put_off(FrameIndex frame);
  void end_access() REQUIRES(lock_);
  void wait_for_change();
  FrameIndex pop(FrameIndex& list) REQUIRES(lock_);
  void push(FrameIndex& list, FrameIndex frame) REQUIRES(lock_);

  Failure make_room(const PinRequest& request);
  Failure write_around(FrameIndex frame);
  Failure write(std::span<FrameIndex> frames, bool even_pinned);
  bool stage(FrameIndex frame, bool even_pinned, std::uint32_t place) REQUIRES(writing_);
  Failure write_staged(std::uint32_t count) REQUIRES(writing_);
  Failure fail(FileError error, const char* what);
  Failure break_by(Failure failure);
  Failure broken();
  Failure last_write_failure();
  std::vector<FrameIndex> due_frames();
  std::vector<FrameIndex> dirty_ahead(std::uint32_t most);
  std::uint32_t ahead() const;
  ByteCount staging_bytes() const;
  std::uint32_t made() const { return made_.load(std::memory_order_acquire); }

  const PageCacheOptions options_;
  const std::string path_;
  std::unique_ptr<File> file_;  // until close(), which waits for those who use it
  std::shared_ptr<FrameTable> table_;
  std::unique_ptr<void*[]> memory_;  // by frame
  std::atomic<PageNumber> page_count_{0};
  std::atomic<std::uint32_t> made_{0};   // frames that ever had memory: those below
  std::atomic<std::uint32_t> there_{0};  // those that have
  std::atomic<bool> is_closed_{false};
  std::atomic<std::uint32_t> hand_{0};  // the frame that the clock comes to next

  Mutex writing_{LockRank::kPageWriting};
  std::byte* staging_ GUARDED_BY(writing_) = nullptr;  // pages that are written together
  std::vector<FrameIndex> staged_ GUARDED_BY(writing_);
  PageNumber first_staged_ GUARDED_BY(writing_) = 0;

  Mutex lock_{LockRank::kPageCache};
  Condition changed_;
  std::uint32_t waiting_ GUARDED_BY(lock_) = 0;
  std::uint32_t accesses_ GUARDED_BY(lock_) = 0;    // of the file, under way
  FrameIndex empty_ GUARDED_BY(lock_) = kNoFrame;   // with memory and no page
  FrameIndex vacant_ GUARDED_BY(lock_) = kNoFrame;  // without memory
  std::uint32_t drop_hand_ GUARDED_BY(lock_) = 0;
  NewPages new_ GUARDED_BY(lock_);
  Failure broken_ GUARDED_BY(lock_);
  Failure last_write_failure_ GUARDED_BY(lock_);
  std::uint64_t failures_before_ = 0;  // write failures when the checkpoint began

  Counter misses_, prefetches_, reads_, writes_, write_calls_, writes_ahead_, evictions_, waits_,
      checkpoints_, damaged_, write_failures_;
  Counter evictions_before_;  // when the writer last looked ahead
};

template <class Visit>
void PageCache::for_each_pinned(std::uint32_t most, Visit visit) {
  for (std::uint32_t i = 0; i < made() && most > 0; ++i) {
    const FrameState state = table_->look(FrameIndex{i});
    if (!state.has(FrameState::kValid) || state.pins() == 0) continue;
    --most;
    visit(table_->number(FrameIndex{i}).load(std::memory_order_relaxed), state.pins());
  }
}

}  // namespace superslab::pages
