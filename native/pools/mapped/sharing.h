// A member of those who share a file: the writer's lock, where the journal ends, who has views, and
// events to wait for.
//
// Of one thread, but for what says otherwise.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "os/file.h"
#include "pools/mapped/journal.h"
#include "pools/mapped/mapped_range.h"
#include "pools/mapped/shared_format.h"

namespace superslab::mapped {

/// For so long a view keeps others from using its block again once somebody has freed it.
constexpr Nanos kViewLease = 10'000 * kMillisecond;

class Sharing {
 public:
  Sharing(std::shared_ptr<MappedRange> range, std::shared_ptr<File> file)
      : range_(std::move(range)), file_(std::move(file)) {}
  ~Sharing() { leave(); }
  Sharing(const Sharing&) = delete;
  Sharing& operator=(const Sharing&) = delete;

  // Opening and closing, with kOpenLock held.

  /// Nobody has the file open: what was written here before means nothing.
  void format(std::uint64_t boot, SyncLevel promise, const JournalPlace& place);
  bool is_formatted(std::uint64_t boot) const;
  SyncLevel promise() const { return static_cast<SyncLevel>(state().promise.load()); }
  /// kLocked when kMaxMembers have it open, or somebody has it alone.
  FileError join(std::uint32_t pid);
  void leave();
  /// Whether somebody else has the file open.
  static bool has_members(const File& file, std::size_t but = kMaxMembers);
  bool is_alone() const { return !has_members(*file_, index_); }

  // The writer's lock.

  enum class Taken : std::uint8_t {
    kLocked,
    kOwnerDied,  // locked; the holder died with it, or gave it up: repair comes first
    kBusy,       // the holder lives, and did not give it back in time
  };
  Taken take_writer(Nanos patience);
  /// What was appended is published.
  void release_writer();
  /// The next one repairs.
  void abandon_writer();
  bool holds_writer() const { return holds_; }
  /// Of whoever holds the lock; 0 when nobody does.
  std::uint32_t writer_pid() const;
  /// Waits until nobody holds it, or the time is over. Any thread.
  void await_writer(Nanos timeout) const;

  // Where the journal ends.

  bool is_at(const JournalPlace& place) const {
    return state().sequence.load(std::memory_order_seq_cst) == place.sequence - 1 &&
           state().epoch.load(std::memory_order_relaxed) == place.epoch;
  }
  std::uint64_t sequence() const { return state().sequence.load(std::memory_order_seq_cst); }
  std::uint64_t epoch() const { return state().epoch.load(std::memory_order_relaxed); }
  ByteCount tail() const { return state().tail.load(std::memory_order_relaxed); }
  void publish(const JournalPlace& place);
  void note_change() { state().changes.fetch_add(1, std::memory_order_seq_cst); }

  /// Those who read look at it before and after: pages that they have not changed may be written
  /// meanwhile.
  std::uint64_t homes() const { return state().homes.load(std::memory_order_seq_cst); }
  void begin_home() { state().homes.fetch_add(1, std::memory_order_seq_cst); }

  std::uint64_t applied() const { return state().applied.load(std::memory_order_relaxed); }
  void note_applied(std::uint64_t sequence) { raise(state().applied, sequence); }
  std::uint64_t durable() const { return state().durable.load(std::memory_order_relaxed); }
  void note_durable(std::uint64_t sequence) { raise(state().durable, sequence); }
  std::uint64_t wanted() const { return state().wanted.load(std::memory_order_relaxed); }
  void note_wanted(std::uint64_t sequence) { raise(state().wanted, sequence); }
  bool has_failed() const { return state().failed.load(std::memory_order_relaxed) != 0; }
  void note_failure() { state().failed.store(1, std::memory_order_relaxed); }

  // Views. A block that record N frees is not used again while somebody has a view that was made
  // before he knew of N.

  /// From now on there are views that know of the records up to `sequence`, unless older ones are
  /// told of already; `is_first`: there are no others. What is looked up after it is as safe as if
  /// the view were there.
  void show_view(std::uint64_t sequence, bool is_first);
  /// The oldest view knows of the records up to `sequence`, and is `age` old.
  void set_oldest_view(std::uint64_t sequence, Nanos age);
  void end_views() { own().reads_from.store(0, std::memory_order_release); }
  /// What records up to this one have freed nobody sees any more. Those who died do not count, and
  /// no view that is older than kViewLease.
  std::uint64_t unseen_through();

  // Events: a lock was given back, something was committed. Any thread.

  std::uint32_t events() const { return state().events.load(std::memory_order_seq_cst); }
  std::uint64_t changes() const { return state().changes.load(std::memory_order_seq_cst); }
  void tell();
  void await_event(std::uint32_t seen, Nanos timeout) const;

  File& file() const { return *file_; }

 private:
  SharedState& state() const {
    return *reinterpret_cast<SharedState*>(range_->address() + kSharedStateAt);
  }
  SharedMember& member(std::size_t index) const {
    return reinterpret_cast<SharedMember*>(range_->address() + kSharedMembersAt)[index];
  }
  SharedMember& own() const { return member(index_); }
  static void raise(SharedWord& word, std::uint64_t to);

  bool lives(std::size_t index) const {
    return index == index_ || file_->is_byte_locked(kMemberLocks + index);
  }
  bool is_alive(std::uint64_t word) const;
  void empty(std::size_t index);
  void reap(std::size_t index);
  bool try_writer(std::uint64_t from);

  const std::shared_ptr<MappedRange> range_;
  const std::shared_ptr<File> file_;
  std::size_t index_ = kMaxMembers;
  std::uint64_t own_word_ = 0;
  bool holds_ = false;
};

}  // namespace superslab::mapped
