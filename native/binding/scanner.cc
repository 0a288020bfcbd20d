// The inspector's look at the memory. The looking is done on a thread of libuv's pool; the
// environment's own thread copies what came of it.
#include <memory>
#include <new>
#include <vector>

#include "base/clock.h"
#include "base/racy_read.h"
#include "binding/async_work.h"
#include "binding/objects.h"
#include "diagnostics/map_scan.h"
#include "pools/buffer/recent_blocks.h"

namespace superslab {
namespace {

/// Remembers what every cache had acquired at the last look.
class Watch final : public RecentBlocks {
 public:
  void look_at(const void* whose, const std::uint32_t* acquired,
               const BlockNumber* blocks) override {
    Seen& seen = seen_of(whose);
    seen.round = round_;
    for (std::size_t i = 0; i < kFixedClasses; ++i) {
      const SliceTag tag = tag_of(static_cast<ClassIndex>(i));
      const std::uint32_t now = racy_read(acquired[tag]);
      if (seen.acquired[i] == now) continue;
      seen.acquired[i] = now;
      if (round_ == 1) continue;  // of what came before nobody knows when
      // Numbers left from long ago name blocks that lie still, at worst slabs of another class now.
      const BlockNumber* row = blocks + std::size_t{tag} * kMagazineBlocks;
      for (std::size_t k = 0; k < kMagazineBlocks; ++k) recent_.push_back(racy_read(row[k]));
    }
  }

  void begin() {
    ++round_;
    recent_.clear();
  }
  /// Forgets the caches that are gone.
  void end() {
    std::erase_if(seen_, [this](const Seen& seen) { return seen.round != round_; });
  }
  const std::vector<BlockNumber>& recent() const { return recent_; }

 private:
  struct Seen {
    const void* whose;
    std::uint64_t round;
    std::uint32_t acquired[kFixedClasses];
  };
  Seen& seen_of(const void* whose) {
    for (Seen& seen : seen_) {
      if (seen.whose == whose) return seen;
    }
    return seen_.emplace_back(Seen{whose, 0, {}});
  }

  std::uint64_t round_ = 0;
  std::vector<Seen> seen_;
  std::vector<BlockNumber> recent_;
};

/// What a scanner works with. It stays until its scan is done.
struct Scanner {
  explicit Scanner(Space& space) : map(space) {}
  MapScanner map;
  Watch watch;
  bool is_busy = false;  // of the environment's own thread
};

/// A heap, and what JavaScript chose to call it on the map.
struct Ordinal {
  HeapId heap;
  std::uint8_t ordinal;
};

using Frame = std::vector<std::byte>;

/// One scan on its way.
struct Scan {
  std::shared_ptr<Scanner> scanner;
  ProcessPools* process;
  std::vector<Ordinal> ordinals;
  double at_ms;
  bool wants_full;
  bool wants_changes;
  Frame full;
  Frame changes;
  napi_async_work work = nullptr;
  napi_ref done = nullptr;
};

Frame frame_of(const Scan& scan, bool full) {
  const MapScanner& map = scan.scanner->map;
  Frame frame(map.frame_bytes(full));
  map.write_frame(full, scan.at_ms, frame.data());
  return frame;
}

/// On a thread of libuv's pool.
void run_scan(napi_env, void* data) {
  auto& scan = *static_cast<Scan*>(data);
  Scanner& scanner = *scan.scanner;
  std::vector<MapHeap> heaps;
  scanner.watch.begin();
  scan.process->for_each_pool([&](Pool& pool, HeapId id) {
    for (const Ordinal& one : scan.ordinals) {
      if (one.heap == id) heaps.push_back({&pool.heap(), one.ordinal});
    }
    pool.show_recent(scanner.watch);
  });
  scanner.watch.end();
  scanner.map.scan(SystemClock().now(), heaps, scanner.watch.recent());
  if (scan.wants_full) scan.full = frame_of(scan, true);
  if (scan.wants_changes) scan.changes = frame_of(scan, false);
}

napi_value buffer_of(napi_env env, const Frame& frame) {
  napi_value out = nullptr;
  void* bytes = nullptr;
  if (frame.empty() || napi_create_arraybuffer(env, frame.size(), &bytes, &out) != napi_ok) {
    napi_get_undefined(env, &out);
    return out;
  }
  std::memcpy(bytes, frame.data(), frame.size());
  return out;
}

/// On the environment's thread. When that is being stopped it can call nothing any more.
void finish_scan(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Scan> scan(static_cast<Scan*>(data));
  scan->scanner->is_busy = false;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value done = nullptr;
  napi_value undefined = nullptr;
  if (napi_get_reference_value(env, scan->done, &done) == napi_ok && done != nullptr &&
      napi_get_undefined(env, &undefined) == napi_ok) {
    const napi_value frames[] = {buffer_of(env, scan->changes), buffer_of(env, scan->full)};
    napi_call_function(env, undefined, done, 2, frames, nullptr);
  }
  napi_delete_reference(env, scan->done);
  napi_delete_async_work(env, scan->work);
  napi_close_handle_scope(env, scope);
}

}  // namespace

/// What a scanner object stands for.
class ScannerObject {
 public:
  static constexpr napi_type_tag kTypeTag = {0x2f1c6de09b7a4e15, 0x8d3b52a7c460f98e};

  ScannerObject(ProcessPools& process, std::shared_ptr<Scanner> scanner)
      : process_(process), scanner_(std::move(scanner)) {}

  ProcessPools& process() const { return process_; }
  const std::shared_ptr<Scanner>& scanner() const { return scanner_; }

  static void finalize(napi_env, void* own, void*) { delete static_cast<ScannerObject*>(own); }

 private:
  ProcessPools& process_;
  std::shared_ptr<Scanner> scanner_;
};

namespace {

/// `makeScanner()`: an object that can scan(); undefined without memory.
Value make_scanner(const CallbackInfo& info, Evaluation& own) {
  const Napi::Env env = info.Env();
  auto scanner = std::make_shared<Scanner>(own.space());
  if (!scanner->map.is_open()) return env.Undefined();
  auto made = std::make_unique<ScannerObject>(own.process(), std::move(scanner));
  napi_value object =
      AddonInstance::of(env).scanners.make(env, made.get(), ScannerObject::finalize);
  if (object == nullptr) return env.Undefined();
  static_cast<void>(made.release());
  return Value(env, object);
}

/// Pairs of a heap's id and what the map is to call it; false when `given` is something else.
bool read_ordinals(napi_env env, napi_value given, std::vector<Ordinal>& out) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, given, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint32_array)
    return false;
  const auto* const ordinals = static_cast<const std::uint32_t*>(data);
  for (std::size_t i = 0; i + 1 < length; i += 2)
    out.push_back({ordinals[i], static_cast<std::uint8_t>(ordinals[i + 1])});
  return true;
}

/// `scan({ ordinals, changes, full, atMs, done })`: calls done(changes?, full?) with the frames
/// asked for. One scan at a time: nothing is done while another is on its way. Throws when Node.js
/// cannot start it.
void scan(const CallbackInfo& info, ScannerObject& own) {
  const Napi::Env env = info.Env();
  const Fields given(info, 0);
  auto scan = std::make_unique<Scan>();
  scan->wants_changes = given.flag("changes");
  scan->wants_full = given.flag("full");
  scan->at_ms = given.figure("atMs");
  const Value done(env, given.get("done"));
  const bool can_read = read_ordinals(env, given.get("ordinals"), scan->ordinals);
  // Not before: to read a field may be to scan.
  if (own.scanner()->is_busy || !can_read || !done.IsFunction()) return;
  scan->scanner = own.scanner();
  scan->process = &own.process();
  if (napi_create_reference(env, done, 1, &scan->done) != napi_ok ||
      !queue_work(env, "superslab:scan", run_scan, finish_scan, scan.get(), scan->work)) {
    if (scan->done != nullptr) napi_delete_reference(env, scan->done);
    Napi::Error::New(env, "Node.js cannot start a scan").ThrowAsJavaScriptException();
    return;
  }
  scan->scanner->is_busy = true;
  static_cast<void>(scan.release());
}

}  // namespace

void add_scanner_maker(Methods& methods) {
  add_bound_method<Evaluation, make_scanner>(methods, "makeScanner");
}

void add_scanner_methods(Methods& methods) {
  add_shared_method<ScannerObject, scan>(methods, "scan");
}

}  // namespace superslab
