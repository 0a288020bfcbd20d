// Blocks, between slabs and JavaScript's magazines, and the windows that show them.
#include "binding/calls.h"
#include "binding/js_objects.h"
#include "heap/heap.h"
#include "heap/large.h"
#include "heap/size_class.h"

namespace superslab {
namespace {

/// What refill() and takeLarge() answer instead of blocks; lib/addon/binding.ts names them.
constexpr std::int32_t kNoRoom = 0;
constexpr std::int32_t kNoMemory = -1;

/// The class that a tag names, if JavaScript leases blocks of it.
std::optional<ClassIndex> class_at(const CallbackInfo& info, std::size_t i) {
  const auto tag = whole_at(info, i, kClassCount);
  if (!tag || *tag == 0 || !is_lease_class(*tag - 1)) return {};
  return static_cast<ClassIndex>(*tag - 1);
}

/// Bytes of a block beyond 2 MiB; 0 for no such number.
ByteCount large_bytes_at(const CallbackInfo& info, std::size_t i) {
  const ByteCount bytes = whole_at(info, i, kMaxLargeBytes).value_or(0);
  return bytes > kMaxClassBytes ? bytes : 0;
}

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
  const auto c = class_at(info, 1);
  if (cache == nullptr || !c) return Napi::Number::New(info.Env(), kNoRoom);
  Refusal refusal(*cache);
  const std::uint32_t got = cache->refill(*c);
  return got != 0 ? Napi::Number::New(info.Env(), got) : refusal.reason(info.Env());
}

void spill(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  const auto c = class_at(info, 1);
  if (cache != nullptr && c) cache->spill(*c);
}

/// `give(pool, block)`: a block of the calling environment's own slabs, or beyond 2 MiB.
void give(const CallbackInfo& info) {
  if (LeaseCache* cache = cache_at(info)) static_cast<void>(cache->give(block_number_at(info, 1)));
}

/// `takeLarge(pool, bytes)`: a block number, kNoRoom or kNoMemory.
Value take_large(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  const ByteCount bytes = large_bytes_at(info, 1);
  if (cache == nullptr || bytes == 0) return Napi::Number::New(info.Env(), kNoRoom);
  Refusal refusal(*cache);
  const BlockNumber block = cache->take_large(bytes);
  return block != 0 ? Napi::Number::New(info.Env(), block) : refusal.reason(info.Env());
}

/// `largeCapacity(pool, bytes)`: what a block beyond 2 MiB is charged for.
Value large_capacity(const CallbackInfo& info) {
  LeaseCache* cache = cache_at(info);
  const ByteCount bytes = large_bytes_at(info, 1);
  if (cache == nullptr || bytes == 0) return Napi::Number::New(info.Env(), 0);
  return Napi::Number::New(info.Env(), static_cast<double>(cache->heap().large_capacity(bytes)));
}

/// `window(evaluation, superslab)`: a new ArrayBuffer over 2 MiB.
Value window(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  const Space& space = environment.runtime().space();
  const EvaluationId evaluation = evaluation_at(info, 0);
  const auto index = whole_at(info, 1, kMaxSuperslabs - 1);
  if (evaluation == kNoEvaluation || !index || !is_cut(space, static_cast<SuperslabIndex>(*index)))
    return info.Env().Undefined();
  environment.note_window(evaluation, static_cast<SuperslabIndex>(*index));
  return mapped_buffer(info.Env(), space.superslab(static_cast<SuperslabIndex>(*index)).base,
                       kSuperslabBytes);
}

/// `largeWindow(block)`: a new ArrayBuffer over a block beyond 2 MiB.
Value large_window(const CallbackInfo& info) {
  const NamedBlock block = block_at(info, 0);
  if (!block.is_large) return info.Env().Undefined();
  return mapped_buffer(info.Env(), block.address, block.capacity);
}

/// `capacity(block)`: 0 for no leased block.
Value capacity(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(block_at(info, 0).capacity));
}

/// `staleWindows(evaluation)`: superslabs whose windows it should drop.
Value stale_windows(const CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  const EvaluationId evaluation = evaluation_at(info, 0);
  if (evaluation == kNoEvaluation) return out;
  environment_of(info).drop_stale_windows(evaluation,
                                          [&](SuperslabIndex index) { out[out.Length()] = index; });
  return out;
}

/// `isLargeBlock(block, bytes)`: whether a window of `bytes` still shows a block beyond 2 MiB.
Value is_large_block(const CallbackInfo& info) {
  const NamedBlock block =
      find_block(environment_of(info).runtime().space(), block_number_at(info, 0));
  const bool same = block.is_large && whole_at(info, 1) == block.capacity;
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
