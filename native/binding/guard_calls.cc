// What leak detection and the guards ask of the native side: ArrayBuffers over single blocks,
// patterns in their bytes, and the sites of leaks and misuse. Bytes are named by block and
// offset, so that they can be looked at when no ArrayBuffer shows them any more.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "binding/calls.h"
#include "binding/codes.h"
#include "diagnostics/leak_sites.h"
#include "diagnostics/misuse_sites.h"
#include "heap/heap.h"

namespace superslab {
namespace {

/// Part of a leased block, from the arguments (block, from, to, ...); empty unless it lies in one.
struct Part {
  std::byte* block = nullptr;
  std::byte* begin = nullptr;
  std::byte* end = nullptr;

  explicit Part(const CallbackInfo& info) {
    const NamedBlock named = block_at(info, 0);
    const auto to = whole_at(info, 2, named.capacity);
    const auto from = whole_at(info, 1, to.value_or(0));
    if (named.address == nullptr || !to || !from) return;
    block = named.address;
    begin = block + *from;
    end = block + *to;
  }

  std::size_t size() const { return static_cast<std::size_t>(end - begin); }

  /// Where `found` is in the block; -1 for nullptr.
  Value offset_value(const CallbackInfo& info, const std::byte* found) const {
    return Napi::Number::New(info.Env(),
                             found == nullptr ? -1 : static_cast<double>(found - block));
  }
};

/// `watchPool(pool, name)`: what the thread still has leased of it when it ends is noted under this
/// name. Returns the size of the machine's pages.
Value watch_pool(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  const PoolId pool = pool_at(info);
  if (pool != kNoPool) environment.watch_pool(pool, text_at(info, 1));
  return Napi::Number::New(info.Env(), static_cast<double>(system_os().page_bytes()));
}

/// `ownWindow(block, bytes, key)`: a new ArrayBuffer over the block's first bytes.
Value own_window(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  const NamedBlock block = block_at(info, 0);
  const ByteCount bytes = whole_at(info, 1, block.capacity).value_or(0);
  const auto key = whole_at(info, 2);
  if (bytes == 0 || !key ||
      !environment.has_evaluation(static_cast<EvaluationId>(evaluation_of(*key))))
    return info.Env().Undefined();
  return OwnWindows::make(environment.own_windows(), info.Env(), block.address, bytes,
                          block_number_at(info, 0), *key);
}

/// `awaitWindow(key, isParked)`: whether any ArrayBuffer still shows that memory; if so,
/// takeUnseenWindows() will have it. `isParked`: its block counts as parked meanwhile.
Value await_window(const CallbackInfo& info) {
  const auto key = whole_at(info, 0);
  return Napi::Boolean::New(
      info.Env(), key && environment_of(info).own_windows()->await(*key, bool_at(info, 1)));
}

/// `takeUnseenWindows(evaluation)`: its awaited ones that nobody can see any more.
Value take_unseen_windows(const CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  const EvaluationId evaluation = evaluation_at(info, 0);
  for (const WindowKey key : environment_of(info).own_windows()->take_unseen(evaluation))
    out[out.Length()] = static_cast<double>(key);
  return out;
}

/// The first version of Node.js that has ArrayBuffer.prototype.transfer.
constexpr std::uint32_t kFirstWithTransfer = 21;

/// `detach(memory)`: for Node.js before ArrayBuffer.prototype.transfer. Later ones abort when the
/// ArrayBuffer was marked untransferable, and are not asked.
Value detach(const CallbackInfo& info) {
  const napi_node_version* version = nullptr;
  const bool detached = napi_get_node_version(info.Env(), &version) == napi_ok &&
                        version->major < kFirstWithTransfer &&
                        napi_detach_arraybuffer(info.Env(), info[0]) == napi_ok;
  return Napi::Boolean::New(info.Env(), detached);
}

/// `fillBytes(block, from, to, byte)`
void fill_bytes(const CallbackInfo& info) {
  const Part part(info);
  const auto byte = whole_at(info, 3, 0xff);
  if (byte && part.size() != 0) std::memset(part.begin, static_cast<int>(*byte), part.size());
}

/// `firstOther(block, from, to, byte)`: the offset of the first byte that is not `byte`; -1.
Value first_other(const CallbackInfo& info) {
  const Part part(info);
  const auto wanted = whole_at(info, 3, 0xff);
  const std::size_t size = wanted ? part.size() : 0;
  const auto byte = static_cast<std::byte>(wanted.value_or(0));
  // All bytes are equal when each equals its neighbour and the first is right: memcmp is as fast as
  // memory.
  if (size == 0 || (*part.begin == byte && std::memcmp(part.begin, part.begin + 1, size - 1) == 0))
    return part.offset_value(info, nullptr);
  return part.offset_value(
      info, std::find_if(part.begin, part.end, [=](std::byte b) { return b != byte; }));
}

/// What stands at an address of a canary. Not one value: a memset that runs over must not write it.
std::byte canary_at(const std::byte* at) {
  return static_cast<std::byte>(0xc5 ^ (address_of(at) & 0xff));
}

/// `writeCanary(block, from, to)`
void write_canary(const CallbackInfo& info) {
  const Part part(info);
  for (std::byte* at = part.begin; at < part.end; ++at) *at = canary_at(at);
}

/// `brokenCanary(block, from, to)`: the offset of the first byte that was overwritten; -1.
Value broken_canary(const CallbackInfo& info) {
  const Part part(info);
  for (const std::byte* at = part.begin; at < part.end; ++at) {
    if (*at != canary_at(at)) return part.offset_value(info, at);
  }
  return part.offset_value(info, nullptr);
}

/// `hexBytes(block, from, to)`: at most 16 bytes in hexadecimal.
Value hex_bytes(const CallbackInfo& info) {
  const Part part(info);
  char text[32];
  std::size_t length = 0;
  for (const std::byte* at = part.begin; at < part.end && length < sizeof text; ++at) {
    for (const unsigned digit : {static_cast<unsigned>(*at) >> 4, static_cast<unsigned>(*at) & 15})
      text[length++] = "0123456789abcdef"[digit];
  }
  return Napi::String::New(info.Env(), text, length);
}

/// `noteLeak(pool, tag, stack, end, bytes, size, ageMs, estimated)`: how many leaks the site has
/// had. `end` is a LeakEnd.
Value note_leak(const CallbackInfo& info) {
  Environment& environment = environment_of(info);
  const PoolId pool = pool_at(info);
  const std::string tag = text_at(info, 1);
  const std::string stack = text_at(info, 2);
  const auto end = whole_at(info, 3, static_cast<std::uint64_t>(LeakEnd::kReferenceDropped));
  const auto size = whole_at(info, 5);
  const auto wanted_bytes = whole_at(info, 4);
  if (pool == kNoPool || !end || !wanted_bytes || !size) return Napi::Number::New(info.Env(), 0);
  const bool ended = static_cast<LeakEnd>(*end) != LeakEnd::kCollected;
  const ByteCount bytes = *wanted_bytes;
  const Leak leak{
      environment.watched_name(pool), 1, figure_at(info, 7), bytes, *size, figure_at(info, 6)};
  if (static_cast<LeakEnd>(*end) == LeakEnd::kBlockReclaimed)
    environment.note_end_leak(pool, bytes);
  if (BufferThreadCache* cache = environment.cache(pool); cache != nullptr && !ended) {
    cache->pool().count_collected(bytes);
  }
  const LeakSiteKey key{environment.heap_id(pool),
                        ended ? LeakReason::kThreadEnded : LeakReason::kCollected, tag, stack};
  return Napi::Number::New(info.Env(),
                           static_cast<double>(LeakSites::of_process().note(key, leak)));
}

Napi::Object site_object(Napi::Env env, const LeakSite& site) {
  Napi::Object out = Napi::Object::New(env);
  out["pool"] = site.pool_name;
  out["tag"] = site.tag;
  out["reason"] = site.reason == LeakReason::kCollected ? "collected" : "threadEnded";
  out["size"] = static_cast<double>(site.last_size);
  out["count"] = static_cast<double>(site.count);
  out["estimated"] = std::round(site.estimated);
  out["bytes"] = static_cast<double>(site.bytes);
  out["oldestMs"] = site.oldest_ms;
  out["stack"] = site.stack;
  return out;
}

/// `leakSites(pool?)`: those of one pool, or of the process.
Value leak_sites(const CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  const bool all = info[0].IsUndefined();
  const PoolId pool = all ? kNoPool : pool_at(info);
  if (!all && pool == kNoPool) return out;
  const HeapId heap = all ? 0 : environment_of(info).heap_id(pool);
  // Copied first: no JavaScript object is made while they are locked.
  for (const LeakSite& site : LeakSites::of_process().copy()) {
    if (all || site.heap == heap) out[out.Length()] = site_object(info.Env(), site);
  }
  return out;
}

/// `noteMisuse(kind, pool, tag, size, detail, acquired, released, noticed, nowMs)`: how many the
/// site has had
Value note_misuse(const CallbackInfo& info) {
  MisuseSite misuse;
  misuse.kind = text_at(info, 0);
  misuse.pool = text_at(info, 1);
  misuse.tag = text_at(info, 2);
  misuse.size = whole_at(info, 3).value_or(0);
  misuse.detail = text_at(info, 4);
  misuse.acquired = text_at(info, 5);
  misuse.released = text_at(info, 6);
  misuse.noticed = text_at(info, 7);
  const std::uint64_t count = MisuseSites::of_process().note(std::move(misuse), figure_at(info, 8));
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

Napi::Object misuse_object(Napi::Env env, const MisuseSite& site) {
  Napi::Object out = Napi::Object::New(env);
  out["kind"] = site.kind;
  out["pool"] = site.pool;
  out["tag"] = site.tag;
  out["size"] = static_cast<double>(site.size);
  out["count"] = static_cast<double>(site.count);
  out["firstAt"] = site.first_ms;
  out["lastAt"] = site.last_ms;
  out["detail"] = site.detail;
  out["acquired"] = site.acquired;
  out["released"] = site.released;
  out["noticed"] = site.noticed;
  return out;
}

Value misuse_sites(const CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env());
  for (const MisuseSite& site : MisuseSites::of_process().copy())
    out[out.Length()] = misuse_object(info.Env(), site);
  return out;
}

/// `misuseChanges()`: another number when misuseSites() gives something else.
Value misuse_changes(const CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(MisuseSites::of_process().changes()));
}

void count_guard_report(const CallbackInfo& info) {
  if (BufferThreadCache* cache = cache_at(info)) cache->pool().count_guard_report(bool_at(info, 1));
}

}  // namespace

void export_guard_calls(Napi::Object& exports) {
  export_function<watch_pool>(exports, "watchPool");
  export_function<own_window>(exports, "ownWindow");
  export_function<await_window>(exports, "awaitWindow");
  export_function<take_unseen_windows>(exports, "takeUnseenWindows");
  export_function<detach>(exports, "detach");
  export_function<fill_bytes>(exports, "fillBytes");
  export_function<first_other>(exports, "firstOther");
  export_function<write_canary>(exports, "writeCanary");
  export_function<broken_canary>(exports, "brokenCanary");
  export_function<hex_bytes>(exports, "hexBytes");
  export_function<note_leak>(exports, "noteLeak");
  export_function<leak_sites>(exports, "leakSites");
  export_function<note_misuse>(exports, "noteMisuse");
  export_function<misuse_sites>(exports, "misuseSites");
  export_function<misuse_changes>(exports, "misuseChanges");
  export_function<count_guard_report>(exports, "countGuardReport");
}

}  // namespace superslab
