// The inspector's look at the memory. The looking is done on a thread of libuv's pool; the
// environment's own thread copies what came of it.
#include <memory>
#include <new>
#include <vector>

#include "base/clock.h"
#include "base/racy_read.h"
#include "binding/calls.h"
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
    for (std::size_t i = 0; i < kClassCount; ++i) {
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
    std::uint32_t acquired[kClassCount];
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

/// What JavaScript calls a scanner. It stays until its scan is done.
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

using ScannerHandle = std::shared_ptr<Scanner>;
constexpr napi_type_tag kScannerTag = {0x2f1c6de09b7a4e15, 0x8d3b52a7c460f98e};

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
  scan.process->for_each_pool([&](BufferPool& pool, HeapId id) {
    for (const Ordinal& one : scan.ordinals) {
      if (one.heap == id) heaps.push_back({&pool, one.ordinal});
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

/// `slabCuts()`: { tag, bytes, slices, blocks } of each size class.
Value slab_cuts(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env, kClassCount);
  for (std::uint32_t i = 0; i < kClassCount; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    Napi::Object row = Napi::Object::New(env);
    row["tag"] = Napi::Number::New(env, tag_of(c));
    row["bytes"] = Napi::Number::New(env, size_class(c).block_bytes);
    row["slices"] = Napi::Number::New(env, size_class(c).slices);
    row["blocks"] = Napi::Number::New(env, size_class(c).block_count);
    out[i] = row;
  }
  return out;
}

/// `makeScanner()`: an object for scan(); undefined without memory.
Value make_scanner(const CallbackInfo& info) {
  auto scanner = std::make_shared<Scanner>(environment_of(info).process().space());
  if (!scanner->map.is_open()) return info.Env().Undefined();
  const auto handle =
      Napi::External<ScannerHandle>::New(info.Env(), new ScannerHandle(std::move(scanner)),
                                         [](Napi::Env, ScannerHandle* own) { delete own; });
  if (!handle.IsEmpty()) napi_type_tag_object(info.Env(), handle, &kScannerTag);
  return handle;
}

/// The scanner that argument 0 is; nullptr for anything else.
std::shared_ptr<Scanner> scanner_at(const CallbackInfo& info) {
  bool is_scanner = false;
  if (!info[0].IsExternal() ||
      napi_check_object_type_tag(info.Env(), info[0], &kScannerTag, &is_scanner) != napi_ok ||
      !is_scanner)
    return nullptr;
  return *info[0].As<Napi::External<ScannerHandle>>().Data();
}

/// `scan(scanner, ordinals, changes, full, atMs, done)`: calls done(changes?, full?) with the
/// frames asked for. `ordinals` are pairs of a heap's id and what the map is to call it. One scan
/// of a scanner at a time: nothing is done while another is on its way. Throws when Node.js cannot
/// start it.
void scan(const CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto scan = std::make_unique<Scan>();
  scan->scanner = scanner_at(info);
  if (scan->scanner == nullptr || scan->scanner->is_busy || !info[5].IsFunction()) return;
  scan->process = &environment_of(info).process();
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, info[1], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint32_array)
    return;
  const auto* const ordinals = static_cast<const std::uint32_t*>(data);
  for (std::size_t i = 0; i + 1 < length; i += 2)
    scan->ordinals.push_back({ordinals[i], static_cast<std::uint8_t>(ordinals[i + 1])});
  scan->wants_changes = bool_at(info, 2);
  scan->wants_full = bool_at(info, 3);
  scan->at_ms = figure_at(info, 4);
  if (napi_create_reference(env, info[5], 1, &scan->done) != napi_ok ||
      !queue_work(env, "superslab:scan", run_scan, finish_scan, scan.get(), scan->work)) {
    if (scan->done != nullptr) napi_delete_reference(env, scan->done);
    Napi::Error::New(env, "Node.js cannot start a scan").ThrowAsJavaScriptException();
    return;
  }
  scan->scanner->is_busy = true;
  static_cast<void>(scan.release());
}

}  // namespace

void export_inspect_calls(Napi::Object& exports) {
  export_free_function<slab_cuts>(exports, "slabCuts");
  export_function<make_scanner>(exports, "makeScanner");
  export_function<scan>(exports, "scan");
}

}  // namespace superslab
