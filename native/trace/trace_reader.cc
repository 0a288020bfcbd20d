#include "trace/trace_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/crc32c.h"

namespace superslab::trace {
namespace {

/// A trace that says that more time passed is damaged: a thousand years.
constexpr std::uint64_t kMaxSteps64 = std::uint64_t{1} << 61;

/// An event as it was found, with its absolute time.
struct Found {
  std::uint64_t step;
  std::uint64_t what;
  std::uint64_t bytes;
  std::uint32_t thread;
};

struct FoundProcess {
  std::uint32_t parent = 0;
  std::uint64_t pid = 0;
  std::vector<Found> events;
  std::map<std::uint32_t, std::uint32_t> threads;  // numbers in the file -> from 0 on
};

Kind kind_of(std::uint64_t what) { return static_cast<Kind>(what & ((1u << kKindBits) - 1)); }

std::string check_head(const HeadFacts& head) {
  if (std::memcmp(head.magic, kMagic, sizeof head.magic) != 0)
    return "it is no trace; record one with superslab record";
  if (head.byte_order != kByteOrder)
    return "it was recorded on a machine with another byte order; read it there";
  if (head.version != kFormatVersion)
    return "it is a trace of version " + std::to_string(head.version) +
           ", and this superslab reads " + std::to_string(kFormatVersion) +
           "; record it anew, or use the version that wrote it";
  if (head.crc != crc32c(&head, offsetof(HeadFacts, crc)) || head.event_bytes != sizeof(Event) ||
      head.chunk_bytes != kChunkBytes || head.head_bytes != kHeadBytes ||
      head.step_nanos != kStepNanos)
    return "its head is damaged; record it anew";
  return {};
}

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::string read(Trace& out) {
    if (bytes_.size() < kHeadBytes) {
      const bool is_ours =
          bytes_.size() >= sizeof kMagic && std::memcmp(bytes_.data(), kMagic, sizeof kMagic) == 0;
      return is_ours ? "it was cut within its head; record it anew"
                     : "it is no trace; record one with superslab record";
    }
    // Copied: the file may be mapped and change.
    HeadFacts head;
    std::memcpy(&head, bytes_.data(), sizeof head);
    if (std::string wrong = check_head(head); !wrong.empty()) return wrong;
    out = {};
    out.superslab.assign(head.superslab, strnlen(head.superslab, sizeof head.superslab));
    out.page_bytes = head.page_bytes;
    out.processors = head.processors;
    const auto* counters = reinterpret_cast<const Head*>(bytes_.data());
    out.sources = counters->sources.load(std::memory_order_relaxed);
    out.dropped = counters->dropped.load(std::memory_order_relaxed);
    out.is_full = counters->chunks.load(std::memory_order_relaxed) > head.max_chunks;
    for (ByteCount at = kHeadBytes; at + kChunkBytes <= bytes_.size(); at += kChunkBytes) {
      if (std::string wrong = read_chunk(at); !wrong.empty()) return wrong;
    }
    for (auto& [number, process] : processes_) out.processes.push_back(order(number, process));
    for (const TracedProcess& process : out.processes) out.events += process.ops.size();
    return {};
  }

 private:
  std::string damaged(ByteCount at) const {
    return "the chunk at byte " + std::to_string(at) + " is damaged; record it anew";
  }

  std::string read_chunk(ByteCount at) {
    const auto& chunk = *reinterpret_cast<const Chunk*>(bytes_.data() + at);
    const ChunkHead head = chunk.head;
    if (head.magic == 0) return {};  // taken, and nobody has written to it
    if (head.magic != kChunkMagic || head.process == 0 || head.thread == 0 ||
        head.parent == head.process || head.base / kStepNanos > kMaxSteps64)
      return damaged(at);
    FoundProcess& process = processes_[head.process];
    process.parent = head.parent;
    process.pid = head.pid;
    const std::uint32_t thread =
        process.threads.try_emplace(head.thread, static_cast<std::uint32_t>(process.threads.size()))
            .first->second;
    std::uint64_t step = head.base / kStepNanos;
    for (const Event& place : chunk.events) {
      const Event event = place;
      if (event.what == 0) break;
      const Kind kind = kind_of(event.what);
      if (static_cast<std::uint8_t>(kind) > kLastKind || kind == Kind::kNone) return damaged(at);
      const std::uint64_t passed = kind == Kind::kTime ? event.bytes : event.bytes & kMaxSteps;
      if (passed > kMaxSteps64 || (step += passed) > kMaxSteps64) return damaged(at);
      if (kind != Kind::kTime)
        process.events.push_back({step, event.what, event.bytes >> kStepBits, thread});
    }
    return {};
  }

  /// By time; those of one thread, whose chunks come in order, stay in order.
  static TracedProcess order(std::uint32_t number, FoundProcess& found) {
    const auto earlier = [](const Found& a, const Found& b) { return a.step < b.step; };
    if (!std::is_sorted(found.events.begin(), found.events.end(), earlier))
      std::stable_sort(found.events.begin(), found.events.end(), earlier);
    TracedProcess out;
    out.number = number;
    out.parent = found.parent;
    out.pid = found.pid;
    out.threads = static_cast<std::uint32_t>(found.threads.size());
    out.ops.reserve(found.events.size());
    Numbers numbers;
    const std::uint64_t first = found.events.empty() ? 0 : found.events.front().step;
    for (const Found& event : found.events) add(event, first, numbers, out);
    out.blocks = numbers.most;
    found = {};
    return out;
  }

  /// The numbers of blocks that live, and those that are free again.
  struct Numbers {
    std::unordered_map<std::uint64_t, std::uint32_t> live;  // by address / 16
    std::vector<std::uint32_t> free;
    std::uint32_t most = 0;

    std::uint32_t take() {
      if (free.empty()) return most++;
      const std::uint32_t number = free.back();
      free.pop_back();
      return number;
    }
  };

  static void add(const Found& event, std::uint64_t first, Numbers& numbers, TracedProcess& out) {
    const Kind kind = kind_of(event.what);
    const std::uint64_t address = event.what >> kKindBits;
    Op op{(event.step - first) * kStepNanos, kNoBlock, event.thread, event.bytes,
          static_cast<std::uint64_t>(kind)};
    if (kind != Kind::kThreadEnd) {
      auto at = numbers.live.find(address);
      if (kind == Kind::kAllocate) {
        if (at != numbers.live.end()) {
          ++out.lost_frees;
          out.ops.push_back(
              {op.at, at->second, op.thread, 0, static_cast<std::uint64_t>(Kind::kFree)});
          numbers.free.push_back(at->second);
          numbers.live.erase(at);
        }
        op.block = numbers.take();
        numbers.live.emplace(address, op.block);
      } else if (at == numbers.live.end()) {
        out.unknown_frees += kind == Kind::kFree ? 1 : 0;
        return;
      } else {
        op.block = at->second;
        if (kind == Kind::kFree) {
          numbers.free.push_back(at->second);
          numbers.live.erase(at);
        }
      }
    }
    out.ops.push_back(op);
  }

  const std::span<const std::byte> bytes_;
  std::map<std::uint32_t, FoundProcess> processes_;
};

}  // namespace

std::string read_trace(std::span<const std::byte> bytes, Trace& out) {
  return Reader(bytes).read(out);
}

std::string read_trace_file(const char* path, Trace& out) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path, "rb"), std::fclose);
  if (file == nullptr) return std::string("it cannot be read: ") + std::strerror(errno);
  // Read, not mapped: whoever cuts it meanwhile would end this process. In words, for alignment.
  std::vector<std::uint64_t> words;
  std::size_t used = 0;
  for (;;) {
    words.resize(words.size() + kChunkBytes / sizeof(std::uint64_t));
    const std::size_t got =
        std::fread(reinterpret_cast<char*>(words.data()) + used, 1, kChunkBytes, file.get());
    used += got;
    if (got < kChunkBytes) break;
  }
  if (std::ferror(file.get()) != 0) return "it cannot be read: it is a folder, or its disk fails";
  return read_trace({reinterpret_cast<const std::byte*>(words.data()), used}, out);
}

}  // namespace superslab::trace
