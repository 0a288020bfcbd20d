// Blocks, between slabs and JavaScript's magazines, and the windows that show them.
#include <algorithm>
#include <vector>

#include "binding/calls.h"
#include "binding/codes.h"
#include "binding/js_objects.h"
#include "heap/heap.h"
#include "heap/huge.h"
#include "heap/size_class.h"

namespace superslab {
namespace {

/// The class that a tag names, if JavaScript leases blocks of it.
std::optional<ClassIndex> class_at(const CallbackInfo& info, std::size_t i) {
  const auto tag = whole_at(info, i, kClassCount);
  if (!tag || *tag == 0 || !is_lease_class(*tag - 1)) return {};
  return static_cast<ClassIndex>(*tag - 1);
}

/// Bytes of a block beyond 2 MiB; 0 for no such number.
ByteCount huge_bytes_at(const CallbackInfo& info, std::size_t i) {
  const ByteCount bytes = whole_at(info, i, kMaxHugeBytes).value_or(0);
  return bytes > kMaxClassBytes ? bytes : 0;
}

/// Tells why the heap gave nothing. That there is room now says little: another thread may have
/// made it since.
class Refusal {
 public:
  explicit Refusal(BufferThreadCache& cache)
      : cache_(cache), os_failures_(cache.pool().os_failures()) {}

  /// After the attempt: kNoRoom or kNoMemory.
  Value reason(Napi::Env env) {
    if (cache_.pool().os_failures() != os_failures_) return Napi::Number::New(env, kNoMemory);
    cache_.pool().count_exhausted();
    // What other threads cache counts too; the next request finds it given back.
    cache_.pool().caches().ask_for_flush(&cache_);
    return Napi::Number::New(env, kNoRoom);
  }

 private:
  BufferThreadCache& cache_;
  const std::uint64_t os_failures_;
};

/// `refill(pool, tag)`: blocks that are now in the magazine, kNoRoom or kNoMemory.
Value refill(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const auto c = class_at(info, 1);
  if (cache == nullptr || !c) return Napi::Number::New(info.Env(), kNoRoom);
  Refusal refusal(*cache);
  const std::uint32_t got = cache->refill(*c);
  if (got == 0) return refusal.reason(info.Env());
  ShownWindows* windows = environment_of(info).windows_of_pool(pool_at(info, 0));
  const bool recut = windows != nullptr && windows->note_recut({cache->refilled(), got});
  return Napi::Number::New(info.Env(), got + (recut ? kRecut : 0));
}

void spill(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const auto c = class_at(info, 1);
  if (cache != nullptr && c) cache->spill(*c);
}

/// `give(pool, block)`: a block of the calling environment's own slabs, or beyond 2 MiB.
void give(const CallbackInfo& info) {
  if (BufferThreadCache* cache = cache_at(info))
    static_cast<void>(cache->give(block_number_at(info, 1)));
}

/// `takeHuge(pool, bytes)`: a block number, kNoRoom or kNoMemory.
Value take_huge(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const ByteCount bytes = huge_bytes_at(info, 1);
  if (cache == nullptr || bytes == 0) return Napi::Number::New(info.Env(), kNoRoom);
  Refusal refusal(*cache);
  const BlockNumber block = cache->take_huge(bytes);
  return block != 0 ? Napi::Number::New(info.Env(), block) : refusal.reason(info.Env());
}

/// `hugeCapacity(pool, bytes)`: what a block beyond 2 MiB is charged for.
Value huge_capacity(const CallbackInfo& info) {
  BufferThreadCache* cache = cache_at(info);
  const ByteCount bytes = huge_bytes_at(info, 1);
  if (cache == nullptr || bytes == 0) return Napi::Number::New(info.Env(), 0);
  return Napi::Number::New(info.Env(), static_cast<double>(cache->pool().huge().capacity(bytes)));
}

Value slice_list(Napi::Env env, const std::vector<SliceIndex>& slices) {
  Napi::Uint32Array out = Napi::Uint32Array::New(env, slices.size());
  if (out.IsEmpty()) return env.Undefined();  // the thread is told to stop
  std::copy(slices.begin(), slices.end(), out.Data());
  return out;
}

/// The slice that argument `i` names, if it is part of a slab.
std::optional<SliceIndex> slice_at(const CallbackInfo& info, std::size_t i) {
  const auto slice = whole_at(info, i, std::size_t{kMaxSuperslabs} * kSlicesPerSuperslab - 1);
  const Space& space = environment_of(info).process().space();
  if (!slice || !is_cut(space, static_cast<SliceIndex>(*slice))) return {};
  return static_cast<SliceIndex>(*slice);
}

/// `window(evaluation, slice)`: a new ArrayBuffer over the blocks that start in the slice.
Value window(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  ShownWindows* windows = environment.windows(evaluation_at(info, 0));
  const auto slice = slice_at(info, 1);
  if (windows == nullptr || !slice) return info.Env().Undefined();
  const WindowCut cut = windows->show(*slice);
  const Superslab& s = environment.process().space().superslab(superslab_of_slice(*slice));
  std::byte* base = s.base + (*slice % kSlicesPerSuperslab) * kSliceBytes;
  return mapped_buffer(info.Env(), base + cut.start() * kGranuleBytes,
                       cut.granules() * kGranuleBytes);
}

/// `isRecut(evaluation, slice)`: whether the window that JavaScript has shows a former cut.
Value is_recut(const CallbackInfo& info) {
  const ShownWindows* windows = environment_of(info).windows(evaluation_at(info, 0));
  const auto slice = slice_at(info, 1);
  return Napi::Boolean::New(info.Env(), windows != nullptr && slice && windows->is_recut(*slice));
}

/// `recutWindows(evaluation)`: slices whose windows JavaScript must forget before it leases a block
/// of them.
Value recut_windows(const CallbackInfo& info) {
  const ShownWindows* windows = environment_of(info).windows(evaluation_at(info, 0));
  return slice_list(info.Env(), windows == nullptr ? std::vector<SliceIndex>() : windows->recut());
}

/// `hugeWindow(block)`: a new ArrayBuffer over a block beyond 2 MiB.
Value huge_window(const CallbackInfo& info) {
  const NamedBlock block = block_at(info, 0);
  if (!block.is_huge) return info.Env().Undefined();
  return mapped_buffer(info.Env(), block.address, block.capacity);
}

/// `capacity(block)`: 0 for no leased block.
Value capacity(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(block_at(info, 0).capacity));
}

/// `leasedInSlice(slice)`: blocks that start there and are neither free nor cached by this thread.
Value leased_in_slice(const CallbackInfo& info) {
  const auto slice = slice_at(info, 0);
  return Napi::Number::New(info.Env(), slice ? environment_of(info).leased_in(*slice) : 0);
}

/// `staleWindows(evaluation)`: slices whose windows it should drop.
Value stale_windows(const CallbackInfo& info) {
  std::vector<SliceIndex> stale;
  if (ShownWindows* windows = environment_of(info).windows(evaluation_at(info, 0)))
    windows->drop_stale([&](SliceIndex slice) { stale.push_back(slice); });
  return slice_list(info.Env(), stale);
}

/// `isHugeBlock(block, bytes)`: whether a window of `bytes` still shows a block beyond 2 MiB.
Value is_huge_block(const CallbackInfo& info) {
  const NamedBlock block =
      find_block(environment_of(info).process().space(), block_number_at(info, 0));
  const bool same = block.is_huge && whole_at(info, 1) == block.capacity;
  return Napi::Boolean::New(info.Env(), same);
}

}  // namespace

void export_block_calls(Napi::Object& exports) {
  export_function<refill>(exports, "refill");
  export_function<spill>(exports, "spill");
  export_function<give>(exports, "give");
  export_function<take_huge>(exports, "takeHuge");
  export_function<huge_capacity>(exports, "hugeCapacity");
  export_function<window>(exports, "window");
  export_function<huge_window>(exports, "hugeWindow");
  export_function<capacity>(exports, "capacity");
  export_function<is_recut>(exports, "isRecut");
  export_function<recut_windows>(exports, "recutWindows");
  export_function<leased_in_slice>(exports, "leasedInSlice");
  export_function<stale_windows>(exports, "staleWindows");
  export_function<is_huge_block>(exports, "isHugeBlock");
}

}  // namespace superslab
