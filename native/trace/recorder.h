// Writes what a program allocates and frees to a trace: see trace/trace_format.h.
//
// Recorder is one for each kind of source in a process; TraceWriter one for each thread that
// records, and only that thread uses it. Nothing here allocates. Where there is no place for an
// event (the file is full, the disk is, somebody took the file away) it is counted as dropped and
// the program goes on.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "os/chunk_file.h"
#include "trace/trace_format.h"

namespace superslab {

class Recorder {
 public:
  constexpr explicit Recorder(trace::Source source) : source_(source) {}
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Begins to record to the file `path`, which is made if need be, and is at most `max_bytes` long
  /// if this makes it. Call it once, before any thread records. nullptr, or what is wrong in words:
  /// then nothing is recorded.
  const char* begin(const char* path, ByteCount max_bytes);

  /// Whether events have a place to go to. Any thread.
  bool is_on() const { return head_.load(std::memory_order_acquire) != nullptr; }

  /// In the child of a fork: what follows is another process's.
  void survive_fork();

 private:
  friend class TraceWriter;

  /// A chunk for a thread; nullptr when there is none.
  trace::Chunk* take_chunk(std::uint32_t thread, std::uint32_t sequence, Nanos base);

  const trace::Source source_;
  std::atomic<trace::Head*> head_{nullptr};
  std::atomic<std::uint32_t> process_{0};  // its number in the file
  std::atomic<bool> is_full_{false};
  std::uint32_t parent_ = 0;
  FileNumber file_;
  char path_[1024] = {};
};

class TraceWriter {
 public:
  constexpr TraceWriter() = default;
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// After the block was allocated.
  void allocated(Recorder& recorder, const void* block, ByteCount bytes) {
    add(recorder, trace::Kind::kAllocate, block, bytes);
  }
  /// Before the block is freed: nobody else may have it by then.
  void freed(Recorder& recorder, const void* block) { add(recorder, trace::Kind::kFree, block, 0); }
  void resized(Recorder& recorder, const void* block, ByteCount bytes) {
    add(recorder, trace::Kind::kResize, block, bytes);
  }
  /// The thread records nothing more, or begins anew.
  void end(Recorder& recorder);

 private:
  void add(Recorder& recorder, trace::Kind kind, const void* block, ByteCount bytes);
  void put(std::uint64_t what, std::uint64_t bytes);
  bool has_room(Recorder& recorder, Nanos now);
  void leave_chunk();

  trace::Chunk* chunk_ = nullptr;
  std::size_t next_ = 0;    // place in the chunk
  std::uint64_t last_ = 0;  // time of the last event, in steps
  std::uint32_t process_ = 0;
  std::uint32_t thread_ = 0;
  std::uint32_t sequence_ = 0;
};

}  // namespace superslab
