// The ArrayBuffers through which an environment sees blocks: a window a slice, a window for each
// block beyond 2 MiB, and those over single blocks that leak detection and guards watch.
#include <algorithm>
#include <vector>

#include "binding/js_objects.h"
#include "binding/objects.h"

namespace superslab {
namespace {

Value slice_list(Napi::Env env, const std::vector<SliceIndex>& slices) {
  Napi::Uint32Array out = Napi::Uint32Array::New(env, slices.size());
  if (out.IsEmpty()) return env.Undefined();  // the thread is told to stop
  std::transform(slices.begin(), slices.end(), out.Data(),
                 [](SliceIndex slice) { return static_cast<std::uint32_t>(slice); });
  return out;
}

/// The slice that argument 0 names, if it is part of a slab.
std::optional<SliceIndex> slice_at(const CallbackInfo& info, const Space& space) {
  const auto slice = whole_at(info, 0, std::size_t{kMaxSuperslabs} * kSlicesPerSuperslab - 1);
  if (!slice || !is_cut(space, static_cast<SliceIndex>(*slice))) return {};
  return static_cast<SliceIndex>(*slice);
}

/// `window(slice)`: a new ArrayBuffer over the blocks that start in the slice.
Value window(const CallbackInfo& info, Evaluation& own) {
  ShownWindows* windows = own.windows();
  const auto slice = slice_at(info, own.space());
  if (windows == nullptr || !slice) return info.Env().Undefined();
  const WindowCut cut = windows->show(*slice);
  return mapped_buffer(info.Env(), slice_start(own.space(), *slice) + cut.start() * kGranuleBytes,
                       cut.granules() * kGranuleBytes);
}

/// `isRecut(slice)`: whether the window that JavaScript has shows a former cut.
Value is_recut(const CallbackInfo& info, Evaluation& own) {
  const ShownWindows* windows = own.windows();
  const auto slice = slice_at(info, own.space());
  return Napi::Boolean::New(info.Env(), windows != nullptr && slice && windows->is_recut(*slice));
}

/// `recutWindows()`: slices whose windows JavaScript must forget before it leases a block of them.
Value recut_windows(const CallbackInfo& info, Evaluation& own) {
  const ShownWindows* windows = own.windows();
  return slice_list(info.Env(), windows == nullptr ? std::vector<SliceIndex>() : windows->recut());
}

/// `staleWindows()`: slices whose windows JavaScript should drop.
Value stale_windows(const CallbackInfo& info, Evaluation& own) {
  std::vector<SliceIndex> stale;
  if (ShownWindows* windows = own.windows())
    windows->drop_stale([&](SliceIndex slice) { stale.push_back(slice); });
  return slice_list(info.Env(), stale);
}

/// `leasedInSlice(slice)`: blocks that start there and are neither free nor cached by this thread.
Value leased_in_slice(const CallbackInfo& info, Evaluation& own) {
  const auto slice = slice_at(info, own.space());
  return Napi::Number::New(info.Env(), slice ? own.environment.leased_in(*slice) : 0);
}

/// `hugeWindow(block)`: a new ArrayBuffer over a block beyond 2 MiB.
Value huge_window(const CallbackInfo& info, Evaluation& own) {
  const NamedBlock block = block_at(info, 0, own.space());
  if (!block.is_huge) return info.Env().Undefined();
  return mapped_buffer(info.Env(), block.address, block.capacity);
}

/// `isHugeBlock(block, bytes)`: whether a window of `bytes` still shows a block beyond 2 MiB.
Value is_huge_block(const CallbackInfo& info, Evaluation& own) {
  const NamedBlock block = find_block(own.space(), block_number_at(info, 0));
  const bool same = block.is_huge && whole_at(info, 1) == block.capacity;
  return Napi::Boolean::New(info.Env(), same);
}

std::optional<WindowKey> window_key_at(const CallbackInfo& info, std::size_t i) {
  const auto key = whole_at(info, i);
  return key ? std::optional(WindowKey{*key}) : std::nullopt;
}

/// `ownWindow(block, bytes, key)`: a new ArrayBuffer over the block's first bytes.
Value own_window(const CallbackInfo& info, Evaluation& own) {
  const NamedBlock block = block_at(info, 0, own.space());
  const ByteCount bytes = whole_at(info, 1, block.capacity).value_or(0);
  const auto key = window_key_at(info, 2);
  if (bytes == 0 || !key || own.environment.evaluation(evaluation_of(*key)) == nullptr)
    return info.Env().Undefined();
  return OwnWindows::make(own.environment.own_windows(), info.Env(), block.address, bytes,
                          block_number_at(info, 0), *key);
}

/// `awaitWindow(key, isParked)`: whether any ArrayBuffer still shows that memory; if so,
/// takeUnseenWindows() will have it. `isParked`: its block counts as parked meanwhile.
Value await_window(const CallbackInfo& info, Evaluation& own) {
  const auto key = window_key_at(info, 0);
  return Napi::Boolean::New(info.Env(),
                            key && own.environment.own_windows()->await(*key, bool_at(info, 1)));
}

/// `takeUnseenWindows()`: its awaited ones that nobody can see any more.
Value take_unseen_windows(const CallbackInfo& info, Evaluation& own) {
  Napi::Array out = Napi::Array::New(info.Env());
  for (const WindowKey key : own.environment.own_windows()->take_unseen(own.id))
    out[out.Length()] = static_cast<double>(key);
  return out;
}

/// The first version of Node.js that has ArrayBuffer.prototype.transfer.
constexpr std::uint32_t kFirstWithTransfer = 21;

/// `detach(memory)`: for Node.js before ArrayBuffer.prototype.transfer. Later ones abort when the
/// ArrayBuffer was marked untransferable, and are not asked.
Value detach(const CallbackInfo& info, Evaluation&) {
  const napi_node_version* version = nullptr;
  const bool detached = napi_get_node_version(info.Env(), &version) == napi_ok &&
                        version->major < kFirstWithTransfer &&
                        napi_detach_arraybuffer(info.Env(), info[0]) == napi_ok;
  return Napi::Boolean::New(info.Env(), detached);
}

}  // namespace

void add_window_methods(Methods& methods) {
  add_bound_method<Evaluation, window>(methods, "window");
  add_bound_method<Evaluation, is_recut>(methods, "isRecut");
  add_bound_method<Evaluation, recut_windows>(methods, "recutWindows");
  add_bound_method<Evaluation, stale_windows>(methods, "staleWindows");
  add_bound_method<Evaluation, leased_in_slice>(methods, "leasedInSlice");
  add_bound_method<Evaluation, huge_window>(methods, "hugeWindow");
  add_bound_method<Evaluation, is_huge_block>(methods, "isHugeBlock");
  add_bound_method<Evaluation, own_window>(methods, "ownWindow");
  add_bound_method<Evaluation, await_window>(methods, "awaitWindow");
  add_bound_method<Evaluation, take_unseen_windows>(methods, "takeUnseenWindows");
  add_bound_method<Evaluation, detach>(methods, "detach");
}

}  // namespace superslab
