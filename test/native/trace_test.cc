// Traces: what is recorded is read again, from every thread and process, and nothing in a file is
// believed.
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "trace/recorder.h"
#include "trace/trace_reader.h"

using namespace superslab;
using namespace superslab::trace;
using namespace superslab_test;

namespace {

/// A path for a trace that is gone with it.
struct TracePath {
  TracePath() {
    char name[] = "/tmp/superslab-trace-XXXXXX";
    folder = mkdtemp(name);
    path = folder + "/trace";
  }
  ~TracePath() {
    unlink(path.c_str());
    rmdir(folder.c_str());
  }
  TracePath(const TracePath&) = delete;
  TracePath& operator=(const TracePath&) = delete;

  const char* c_str() const { return path.c_str(); }
  std::string folder;
  std::string path;
};

const void* block_at(std::uintptr_t number) { return reinterpret_cast<const void*>(number * 16); }

Kind kind(const Op& op) { return static_cast<Kind>(op.kind); }

/// The bytes of a file, aligned as a reader wants them.
struct Bytes {
  explicit Bytes(const std::string& path) {
    FILE* file = std::fopen(path.c_str(), "rb");
    int c;
    while (file != nullptr && (c = std::fgetc(file)) != EOF) put(static_cast<char>(c));
    if (file != nullptr) std::fclose(file);
  }
  void put(char c) {
    if (used % 8 == 0) words.push_back(0);
    std::memcpy(reinterpret_cast<char*>(words.data()) + used++, &c, 1);
  }
  std::span<std::byte> all() { return {reinterpret_cast<std::byte*>(words.data()), used}; }
  std::vector<std::uint64_t> words;
  std::size_t used = 0;
};

}  // namespace

TEST(trace, "what a thread recorded is read again, with numbers for blocks") {
  const TracePath path;
  Recorder recorder(Source::kMalloc);
  CHECK(recorder.begin(path.c_str(), 16 * kMiB) == nullptr);
  TraceWriter writer;
  writer.allocated(recorder, block_at(100), 24);
  writer.allocated(recorder, block_at(200), 5 * kGiB);
  writer.freed(recorder, block_at(100));
  writer.resized(recorder, block_at(200), 77);
  writer.allocated(recorder, block_at(300), 1);
  writer.freed(recorder, block_at(12345));
  writer.end(recorder);

  Trace trace;
  CHECK_EQ(read_trace_file(path.c_str(), trace), std::string());
  CHECK_EQ(trace.processes.size(), std::size_t{1});
  const TracedProcess& process = trace.processes[0];
  CHECK_EQ(process.ops.size(), std::size_t{6});
  CHECK_EQ(process.blocks, 2u);
  CHECK_EQ(process.unknown_frees, std::uint64_t{1});
  CHECK(kind(process.ops[1]) == Kind::kAllocate);
  CHECK_EQ(std::uint64_t{process.ops[1].bytes}, std::uint64_t{5 * kGiB});
  CHECK(kind(process.ops[2]) == Kind::kFree);
  CHECK_EQ(process.ops[2].block, process.ops[0].block);
  CHECK(kind(process.ops[3]) == Kind::kResize);
  // The number of the first, which is free again.
  CHECK_EQ(process.ops[4].block, process.ops[0].block);
  CHECK(kind(process.ops[5]) == Kind::kThreadEnd);
}

TEST(trace, "times of events add up, also over long rests") {
  const TracePath path;
  Recorder recorder(Source::kMalloc);
  CHECK(recorder.begin(path.c_str(), 16 * kMiB) == nullptr);
  TraceWriter writer;
  const Nanos before = precise_now();
  writer.allocated(recorder, block_at(1), 1);
  usleep(300'000);  // more than the bits of an event hold
  writer.allocated(recorder, block_at(2), 1);
  const Nanos passed = precise_now() - before;
  writer.end(recorder);
  Trace trace;
  CHECK_EQ(read_trace_file(path.c_str(), trace), std::string());
  const Nanos at = trace.processes[0].ops[1].at;
  CHECK(at >= 300'000'000 && at <= passed);
}

TEST(trace, "threads and forked processes record to one file") {
  const TracePath path;
  static Recorder* recorder;
  static TraceWriter* forking;
  Recorder mine(Source::kMalloc);
  recorder = &mine;
  CHECK(mine.begin(path.c_str(), 16 * kMiB) == nullptr);
  TraceWriter writer;
  forking = &writer;
  writer.allocated(mine, block_at(1), 1);
  constexpr std::uintptr_t kEach = 2 * kEventsPerChunk;
  std::vector<std::thread> threads;
  for (std::uintptr_t t = 1; t <= 3; ++t) {
    threads.emplace_back([t, &mine] {
      TraceWriter own;
      for (std::uintptr_t i = 0; i < kEach; ++i)
        own.allocated(mine, block_at(t * 1'000'000 + i), 8 * t);
      own.end(mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(run_in_child([] {
             recorder->survive_fork();
             forking->allocated(*recorder, block_at(2), 2);
             // Without an end, as whoever is killed.
             return 0;
           }),
           0);
  writer.allocated(mine, block_at(3), 3);
  writer.end(mine);

  Trace trace;
  CHECK_EQ(read_trace_file(path.c_str(), trace), std::string());
  CHECK_EQ(trace.processes.size(), std::size_t{2});
  CHECK_EQ(trace.processes[0].threads, 4u);
  CHECK_EQ(trace.processes[0].ops.size(), std::size_t{3 * kEach + 3 + 3});
  CHECK_EQ(trace.processes[1].parent, trace.processes[0].number);
  CHECK_EQ(trace.processes[1].ops.size(), std::size_t{1});
  CHECK_EQ(trace.dropped, std::uint64_t{0});
  for (std::size_t i = 1; i < trace.processes[0].ops.size(); ++i)
    CHECK(trace.processes[0].ops[i - 1].at <= trace.processes[0].ops[i].at);
}

TEST(trace, "recording ends where the file is as long as it may be, and the file stays valid") {
  const TracePath path;
  Recorder recorder(Source::kMalloc);
  CHECK(recorder.begin(path.c_str(), 3 * kChunkBytes) == nullptr);
  TraceWriter writer;
  for (std::uintptr_t i = 1; i <= 5 * kEventsPerChunk; ++i)
    writer.allocated(recorder, block_at(i), 1);
  writer.end(recorder);
  Trace trace;
  CHECK_EQ(read_trace_file(path.c_str(), trace), std::string());
  CHECK(trace.is_full);
  CHECK(trace.dropped > 2 * kEventsPerChunk);
  CHECK(trace.events <= 2 * kEventsPerChunk && trace.events >= 2 * kEventsPerChunk - 4);
}

TEST(trace, "a file that is something else is left as it is") {
  const TracePath path;
  FILE* file = std::fopen(path.c_str(), "wb");
  const std::string text(2 * kHeadBytes, 'x');
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  Recorder recorder(Source::kMalloc);
  const char* const wrong = recorder.begin(path.c_str(), kMiB);
  CHECK(wrong != nullptr && std::strstr(wrong, "no trace") != nullptr);
  CHECK(!recorder.is_on());
  CHECK(recorder.begin("relative", kMiB) != nullptr);
  CHECK(recorder.begin("/no/such/folder/trace", kMiB) != nullptr);
  Trace trace;
  CHECK(read_trace_file(path.c_str(), trace).find("no trace") != std::string::npos);
}

TEST(trace, "whatever a trace is changed to, reading it ends with a trace or with words") {
  const TracePath path;
  Recorder recorder(Source::kMalloc);
  CHECK(recorder.begin(path.c_str(), 16 * kMiB) == nullptr);
  TraceWriter writer;
  for (std::uintptr_t i = 1; i <= 500; ++i) writer.allocated(recorder, block_at(i), i);
  for (std::uintptr_t i = 1; i <= 500; ++i) writer.freed(recorder, block_at(i));
  writer.end(recorder);
  Bytes whole(path.path);
  Trace trace;
  for (const std::size_t length : {0ul, 7ul, 100ul, kHeadBytes - 1})
    CHECK(!read_trace(whole.all().first(length), trace).empty());
  CHECK_EQ(read_trace(whole.all().first(kHeadBytes), trace), std::string());  // no events yet

  const auto change = [&](std::size_t at, int byte) {
    const auto before = whole.all()[at];
    whole.all()[at] = static_cast<std::byte>(byte);
    const std::string wrong = read_trace(whole.all(), trace);
    whole.all()[at] = before;
    return wrong;
  };
  CHECK(change(offsetof(HeadFacts, version), 9).find("version 9") != std::string::npos);
  CHECK(change(offsetof(HeadFacts, page_bytes), 9).find("damaged") != std::string::npos);
  CHECK(change(kHeadBytes, 9).find("damaged") != std::string::npos);
  std::uint32_t random = 7;
  const auto next = [&] { return random = random * 1664525 + 1013904223; };
  for (int round = 0; round < 3'000; ++round) {
    const std::size_t at = kHeadBytes + (next() >> 4) % (sizeof(ChunkHead) + 1'000 * sizeof(Event));
    if (!change(at, static_cast<int>(next() >> 24)).empty()) continue;
    for (const TracedProcess& process : trace.processes) {
      for (const Op& op : process.ops)
        CHECK(kind(op) == Kind::kThreadEnd || op.block < process.blocks);
    }
  }
}
