// Blocks, between slabs and JavaScript's magazines, and the windows that show them.
#include "binding/calls.h"
#include "binding/js_objects.h"
#include "heap/heap.h"
#include "heap/size_class.h"

namespace superslab {
namespace {

/// What refill() and takeLarge() answer instead of blocks; lib/addon/binding.ts names them.
constexpr std::int32_t kNoRoom = 0;
constexpr std::int32_t kNoMemory = -1;

ClassIndex class_of_tag(std::uint32_t tag) { return static_cast<ClassIndex>(tag - 1); }

/// Tells why the heap gave nothing. That there is room now says little: another thread may have
/// made it since.
class Refusal {
 public:
  explicit Refusal(LeaseCache& cache) : cache_(cache), os_failures_(cache.heap().os_failures()) {}

  /// After the attempt: kNoRoom or kNoMemory.
  Value reason(Napi::Env env) {
    if (cache_.heap().os_failures() != os_failures_) return Napi::Number::New(env, kNoMemory);
    cache_.heap().count_exhausted();
    // What other threads cache counts too; the next request finds it given back.
    cache_.heap().room().ask_for_flush(&cache_);
    return Napi::Number::New(env, kNoRoom);
  }

 private:
  LeaseCache& cache_;
  const std::uint64_t os_failures_;
};

/// `refill(pool, tag)`: blocks that are now in the magazine, kNoRoom or kNoMemory.
Value refill(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  Refusal refusal(*cache);
  const std::uint32_t got = cache->refill(class_of_tag(uint_at(info, 1)));
  return got != 0 ? Napi::Number::New(info.Env(), got) : refusal.reason(info.Env());
}

void spill(const CallbackInfo& info) { cache_at(info)->spill(class_of_tag(uint_at(info, 1))); }

/// `give(pool, block)`: a block of the calling environment's own slabs, or beyond 2 MiB.
void give(const CallbackInfo& info) { cache_at(info)->give(uint_at(info, 1)); }

/// `takeLarge(pool, bytes)`: a block number, kNoRoom or kNoMemory.
Value take_large(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  Refusal refusal(*cache);
  const BlockNumber block = cache->take_large(static_cast<ByteCount>(number_at(info, 1)));
  return block != 0 ? Napi::Number::New(info.Env(), block) : refusal.reason(info.Env());
}

/// `largeCapacity(pool, bytes)`: what a block beyond 2 MiB is charged for.
Value large_capacity(const CallbackInfo& info) {
  const auto bytes = static_cast<ByteCount>(number_at(info, 1));
  return Napi::Number::New(info.Env(),
                           static_cast<double>(cache_at(info)->heap().large_capacity(bytes)));
}

/// `window(superslab)`: a new ArrayBuffer over 2 MiB.
Value window(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  const SuperslabIndex index = uint_at(info, 0);
  environment.note_window(index);
  return mapped_buffer(info.Env(), environment.runtime().space().superslab(index).base,
                       kSuperslabBytes);
}

/// `largeWindow(block)`: a new ArrayBuffer over a block beyond 2 MiB.
Value large_window(const CallbackInfo& info) {
  const Superslab& head =
      environment_of(info).runtime().space().superslab(superslab_of(uint_at(info, 0)));
  return mapped_buffer(info.Env(), head.base, head.large_bytes);
}

Value capacity(const CallbackInfo& info) {
  return Napi::Number::New(
      info.Env(),
      static_cast<double>(capacity_of(environment_of(info).runtime().space(), uint_at(info, 0))));
}

/// `staleWindows()`: superslabs whose windows JavaScript should drop.
Value stale_windows(const CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  environment_of(info).drop_stale_windows([&](SuperslabIndex index) { out[out.Length()] = index; });
  return out;
}

/// `isLargeBlock(block, bytes)`: whether a window of `bytes` still shows a block beyond 2 MiB.
Value is_large_block(const CallbackInfo& info) {
  const Space& space = environment_of(info).runtime().space();
  const BlockNumber block = uint_at(info, 0);
  const bool same = is_large(space, block) &&
                    static_cast<double>(capacity_of(space, block)) == number_at(info, 1);
  return Napi::Boolean::New(info.Env(), same);
}

}  // namespace

void export_block_calls(Napi::Object& exports) {
  export_function<refill>(exports, "refill");
  export_function<spill>(exports, "spill");
  export_function<give>(exports, "give");
  export_function<take_large>(exports, "takeLarge");
  export_function<large_capacity>(exports, "largeCapacity");
  export_function<window>(exports, "window");
  export_function<large_window>(exports, "largeWindow");
  export_function<capacity>(exports, "capacity");
  export_function<stale_windows>(exports, "staleWindows");
  export_function<is_large_block>(exports, "isLargeBlock");
}

}  // namespace superslab
