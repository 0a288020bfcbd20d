#include "trace/recorder.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/bits.h"
#include "base/crc32c.h"
#include "base/program_order.h"
#include "policy/version.h"

namespace superslab {

using namespace trace;

namespace {

/// Events that a writer may put at once: the time, and what happened.
constexpr std::size_t kMostAtOnce = 2;

/// In plain storage that every process of a trace maps; only the first one writes the fixed part.
struct NewHead {
  alignas(Head) char bytes[kHeadBytes];
};

/// In static memory: the stack may be a few pages.
constinit NewHead new_head{};

void fill_head(ByteCount max_bytes) {
  auto& head = *reinterpret_cast<Head*>(new_head.bytes);
  std::memcpy(head.magic, kMagic, sizeof head.magic);
  head.version = kFormatVersion;
  head.byte_order = kByteOrder;
  head.event_bytes = sizeof(Event);
  head.chunk_bytes = kChunkBytes;
  head.head_bytes = kHeadBytes;
  head.step_nanos = static_cast<std::uint32_t>(kStepNanos);
  head.page_bytes = static_cast<std::uint32_t>(sysconf(_SC_PAGESIZE));
  head.processors = static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  std::memcpy(head.superslab, kVersion.data(),
              std::min(kVersion.size(), sizeof head.superslab - 1));
  head.max_chunks = std::max<std::uint64_t>(max_bytes / kChunkBytes, 2) - 1;
  head.started_at = precise_now();
  head.crc = crc32c(&head, offsetof(HeadFacts, crc));
}

/// nullptr, or why a file that is there cannot take our events.
const char* fault_of_head(const Head& head) {
  if (std::memcmp(head.magic, kMagic, sizeof head.magic) != 0)
    return "it is there already and is no trace; name another one, or remove it";
  if (head.version != kFormatVersion || head.byte_order != kByteOrder ||
      head.chunk_bytes != kChunkBytes || head.head_bytes != kHeadBytes ||
      head.crc != crc32c(&head, offsetof(HeadFacts, crc)))
    return "it is a trace of another version or machine, or damaged; name another one, or remove "
           "it";
  return nullptr;
}

const char* words_of(ChunkFault fault) {
  switch (fault) {
    case ChunkFault::kNone:
      break;
    case ChunkFault::kPath:
    case ChunkFault::kOther:
      return "it cannot be made or opened; give a path in a folder that this user may write to";
    case ChunkFault::kNoSpace:
      return "there is no space for it; free some, or name a file on another disk";
    case ChunkFault::kNoMemory:
      return "there is no address space or no descriptor for it";
  }
  return nullptr;
}

}  // namespace

const char* Recorder::begin(const char* path, ByteCount max_bytes) {
  const std::size_t length = std::strlen(path);
  if (length == 0 || length >= sizeof path_) return "its path is empty or too long";
  // A program that changes its folder would go on elsewhere.
  if (path[0] != '/') return "its path does not begin with a slash; give the whole path";
  std::memcpy(path_, path, length + 1);
  fill_head(max_bytes);
  ChunkFault fault = ChunkFault::kNone;
  void* const mapped = map_head(path_, new_head.bytes, kHeadBytes, &file_, &fault);
  if (mapped == nullptr) return words_of(fault);
  auto* const head = static_cast<Head*>(mapped);
  if (const char* wrong = fault_of_head(*head); wrong != nullptr) {
    unmap_chunk(mapped, kHeadBytes);
    return wrong;
  }
  head->sources.fetch_or(static_cast<std::uint32_t>(source_), std::memory_order_relaxed);
  process_.store(head->processes.fetch_add(1, std::memory_order_relaxed) + 1,
                 std::memory_order_relaxed);
  head_.store(head, std::memory_order_release);
  return nullptr;
}

void Recorder::survive_fork() {
  Head* const head = head_.load(std::memory_order_relaxed);
  if (head == nullptr) return;
  parent_ = process_.load(std::memory_order_relaxed);
  process_.store(head->processes.fetch_add(1, std::memory_order_relaxed) + 1,
                 std::memory_order_relaxed);
}

Chunk* Recorder::take_chunk(std::uint32_t thread, std::uint32_t sequence, Nanos base) {
  Head& head = *head_.load(std::memory_order_relaxed);
  if (is_full_.load(std::memory_order_relaxed)) return nullptr;
  const std::uint64_t number = head.chunks.fetch_add(1, std::memory_order_relaxed);
  ChunkFault fault = ChunkFault::kNoSpace;
  auto* const chunk =
      number >= head.max_chunks
          ? nullptr
          : static_cast<Chunk*>(map_chunk(path_, file_, chunk_offset(number), kChunkBytes, &fault));
  if (chunk == nullptr) {
    // Without a descriptor there may be one the next time.
    if (fault != ChunkFault::kNoMemory) is_full_.store(true, std::memory_order_relaxed);
    return nullptr;
  }
  ChunkHead& front = chunk->head;
  front.source = static_cast<std::uint32_t>(source_);
  front.process = process_.load(std::memory_order_relaxed);
  front.parent = parent_;
  front.thread = thread;
  front.sequence = sequence;
  front.base = base;
  front.pid = static_cast<std::uint64_t>(getpid());
  __atomic_store_n(&front.magic, kChunkMagic, __ATOMIC_RELEASE);
  return chunk;
}

void TraceWriter::leave_chunk() {
  if (chunk_ == nullptr) return;
  Chunk* const left = chunk_;
  chunk_ = nullptr;
  in_program_order();
  unmap_chunk(left, kChunkBytes);
}

bool TraceWriter::has_room(Recorder& recorder, Nanos now) {
  const std::uint32_t process = recorder.process_.load(std::memory_order_relaxed);
  if (process_ != process) {
    // The first event, or the first in the child of a fork, whose parent writes to that chunk.
    leave_chunk();
    process_ = process;
    thread_ = 0;
  }
  if (chunk_ != nullptr && next_ + kMostAtOnce <= kEventsPerChunk) return true;
  leave_chunk();
  Head& head = *recorder.head_.load(std::memory_order_relaxed);
  if (thread_ == 0) {
    thread_ = head.threads.fetch_add(1, std::memory_order_relaxed) + 1;
    sequence_ = 0;
  }
  chunk_ = recorder.take_chunk(thread_, sequence_, now);
  if (chunk_ == nullptr) {
    head.dropped.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  ++sequence_;
  next_ = 0;
  last_ = now / kStepNanos;
  return true;
}

void TraceWriter::put(std::uint64_t what, std::uint64_t bytes) {
  Event& event = chunk_->events[next_];
  event.bytes = bytes;
  // Release, for who maps the file meanwhile; and whoever is killed between the two leaves none.
  __atomic_store_n(&event.what, what, __ATOMIC_RELEASE);
  ++next_;
}

void TraceWriter::add(Recorder& recorder, Kind kind, const void* block, ByteCount bytes) {
  if (!recorder.is_on()) return;
  const Nanos now = precise_now();
  if (!has_room(recorder, now)) return;
  const std::uint64_t step = std::max(now / kStepNanos, last_);
  std::uint64_t passed = step - last_;
  last_ = step;
  if (passed > kMaxSteps) {
    put(static_cast<std::uint64_t>(Kind::kTime), passed);
    passed = 0;
  }
  const std::uint64_t what =
      address_of(block) / kMinAlignment << kKindBits | static_cast<std::uint64_t>(kind);
  put(what, std::min<std::uint64_t>(bytes, kMaxEventBytes) << kStepBits | passed);
}

void TraceWriter::end(Recorder& recorder) {
  if (chunk_ != nullptr) add(recorder, Kind::kThreadEnd, nullptr, 0);
  leave_chunk();
  thread_ = 0;
}

}  // namespace superslab
