// Pools of compressed values: what their own thread asks of them off the hot path.
#include <cmath>
#include <vector>

#include "addon/compressed_values.h"
#include "binding/external.h"
#include "binding/js_objects.h"
#include "binding/objects.h"
#include "heap/size_class.h"

namespace superslab {
namespace {

Value number(const CallbackInfo& info, double value) {
  return Napi::Number::New(info.Env(), value);
}
Value fault_value(const CallbackInfo& info, TierFault fault) {
  return number(info, static_cast<double>(fault));
}
Value handle_value(const CallbackInfo& info, TierHandle handle) {
  return number(info, static_cast<double>(handle));
}

/// nullptr once the pool is closed and has everything back, and in other pools.
Tiers* tiers_of(EnvironmentPool& pool) {
  return pool.values == nullptr ? nullptr : &pool.values->tiers();
}

/// 0, which is no handle, for anything else.
TierHandle handle_at(const CallbackInfo& info, std::size_t i) {
  return whole_at(info, i).value_or(0);
}

struct Bytes {
  const void* data = nullptr;
  std::size_t length = 0;
};

/// Of a Uint8Array; nothing for anything else.
Bytes bytes_at(const CallbackInfo& info, std::size_t i) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(info.Env(), info[i], &type, &length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != napi_uint8_array)
    return {};
  return {data, length};
}

/// `holdValues({ hotBytes, watermark, coldBytes, minRatio, cpuBudget, foreignFrom, usesLz4,
/// firstGeneration, clears })`: the pool keeps values. False when it cannot, or does already.
Value hold_values(const CallbackInfo& info, EnvironmentPool& pool) {
  const Fields given(info, 0);
  CompressedValues::Options options;
  options.tiers.hot_bytes = given.whole("hotBytes").value_or(0);
  options.tiers.watermark = given.figure("watermark");
  options.tiers.min_ratio = given.figure("minRatio");
  options.tiers.foreign_from = given.whole("foreignFrom").value_or(SIZE_MAX);
  options.tiers.uses_lz4 = has_lz4() && given.flag("usesLz4");
  options.tiers.clears = given.flag("clears");
  options.cold_bytes = given.whole("coldBytes").value_or(0);
  options.cpu_share = given.figure("cpuBudget");
  options.generation =
      static_cast<std::uint32_t>(given.whole("firstGeneration", kGenerationMask).value_or(0));
  const bool can_hold = pool.cache() != nullptr && pool.own != nullptr && pool.values == nullptr &&
                        !pool.is_closed && options.tiers.hot_bytes != 0 &&
                        options.tiers.watermark <= 1 && options.tiers.min_ratio >= 1 &&
                        options.tiers.foreign_from != 0 && options.cpu_share > 0 &&
                        options.cpu_share <= 1;
  if (can_hold)
    pool.values = CompressedValues::make(pool.environment.process(), *pool.own, options);
  return Napi::Boolean::New(info.Env(), can_hold && pool.values != nullptr);
}

/// `valueSlots(chunk)`: an ArrayBuffer over the rows of a chunk of slots, which stay mapped for as
/// long as it lives; undefined for one that there is not.
Value value_slots(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  const auto index = whole_at(info, 0, kMaxSlots / SlotChunk::kSlots);
  Tiers* const tiers = tiers_of(pool);
  if (tiers == nullptr || !index) return env.Undefined();
  SlotChunk* const chunk = tiers->slots().chunk(static_cast<std::uint32_t>(*index));
  if (chunk == nullptr) return env.Undefined();
  chunk->retain();
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, chunk, kMappedSlotBytes,
      [](node_api_basic_env, void* data, void* space) {
        static_cast<SlotChunk*>(data)->release(*static_cast<Space*>(space));
      },
      &pool.values->space(), &buffer);
  if (!will_finalize(status)) chunk->release(pool.values->space());
  return status == napi_ok ? Value(env, buffer) : env.Undefined();
}

/// `putValue(block, length)`: the handle of the value in that block, which is the pool's then; 0
/// without memory, or where there are too many.
Value put_value(const CallbackInfo& info, EnvironmentPool& pool) {
  Tiers* const tiers = tiers_of(pool);
  const auto length = whole_at(info, 1, kMaxClassBytes);
  if (tiers == nullptr || !length) return number(info, 0);
  const std::uint32_t block = own_block_at(info, 0, pool, *length);
  return handle_value(info,
                      block == 0 ? 0 : tiers->put(block, static_cast<std::uint32_t>(*length)));
}

/// `pinValue(handle)`, `unpinValue(handle)`, `freeValue(handle)`: a VALUE_FAULT.
template <class Act>
Value act_on(const CallbackInfo& info, EnvironmentPool& pool, Act act) {
  Tiers* const tiers = tiers_of(pool);
  return fault_value(info, tiers == nullptr ? TierFault::kStale : act(*tiers, handle_at(info, 0)));
}
Value pin_value(const CallbackInfo& info, EnvironmentPool& pool) {
  return act_on(info, pool, [](Tiers& tiers, TierHandle handle) {
    std::uint32_t block;
    return tiers.pin(handle, block);
  });
}
Value unpin_value(const CallbackInfo& info, EnvironmentPool& pool) {
  return act_on(info, pool, [](Tiers& tiers, TierHandle handle) { return tiers.unpin(handle); });
}
Value free_value(const CallbackInfo& info, EnvironmentPool& pool) {
  return act_on(info, pool, [](Tiers& tiers, TierHandle handle) { return tiers.free(handle); });
}

/// `heatValue(handle, block, isMade)`: decompresses a cold value into the block and pins it; with
/// `isMade` the program's codec has written it there. A VALUE_FAULT; with kNone the block is the
/// pool's.
Value heat_value(const CallbackInfo& info, EnvironmentPool& pool) {
  Tiers* const tiers = tiers_of(pool);
  const TierHandle handle = handle_at(info, 0);
  std::uint32_t length = 0;
  if (tiers == nullptr || !tiers->find_length(handle, length) || !tiers->is_cold(handle))
    return fault_value(info, TierFault::kStale);
  const std::uint32_t block = own_block_at(info, 1, pool, length);
  if (block == 0) return fault_value(info, TierFault::kStale);
  if (bool_at(info, 2)) return fault_value(info, tiers->heat_foreign(handle, block));
  bool is_taken;
  return fault_value(info, tiers->heat(handle, block, is_taken));
}

/// `coolValues(bytes)`: compresses values of about so many bytes, now; the bytes of those that
/// became cold.
Value cool_values(const CallbackInfo& info, EnvironmentPool& pool) {
  Tiers* const tiers = tiers_of(pool);
  const auto wanted = whole_at(info, 0);
  if (tiers == nullptr || !wanted || pool.is_closed) return number(info, 0);
  ByteCount done = 0;
  while (done < *wanted) {
    ByteCount freed = 0;
    const Cooled result = tiers->cool_one(freed);
    if (result == Cooled::kDone) done += freed;
    if (result == Cooled::kNothing || result == Cooled::kFull || result == Cooled::kNoMemory) break;
  }
  return number(info, static_cast<double>(done));
}

/// `nudgeCooling()`: the thread that compresses has a look. True when the hot values are beyond
/// their watermark.
Value nudge_cooling(const CallbackInfo& info, EnvironmentPool& pool) {
  if (pool.values != nullptr && !pool.is_closed) pool.values->cooler().nudge();
  return Napi::Boolean::New(info.Env(), pool.values != nullptr && pool.values->tiers().is_warm());
}

/// `coldExcess()`: bytes to be given back before cold values have room again.
Value cold_excess(const CallbackInfo& info, EnvironmentPool& pool) {
  return number(info,
                pool.values == nullptr ? 0 : static_cast<double>(pool.values->cold().excess()));
}

/// `unusedValue(isCold)`: the value that has been cold for longest, or a hot one that was not used
/// for a while; 0 when there is none.
Value unused_value(const CallbackInfo& info, EnvironmentPool& pool) {
  Tiers* const tiers = tiers_of(pool);
  if (tiers == nullptr) return number(info, 0);
  return handle_value(info, bool_at(info, 0) ? tiers->oldest_cold() : tiers->next_unused());
}

/// `trimValues()`: gives back what lies idle among cold values; the bytes that went.
Value trim_values(const CallbackInfo& info, EnvironmentPool& pool) {
  return number(info, pool.values == nullptr ? 0 : static_cast<double>(pool.values->trim()));
}

/// `valueFigures()`: what is counted of the values; undefined for a pool that has none.
Value value_figures(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  if (pool.values == nullptr) return env.Undefined();
  const TierFigures figures = pool.values->tiers().figures();
  Napi::Object out = Napi::Object::New(env);
  const auto set = [&](const char* name, std::uint64_t value) {
    out[name] = Napi::Number::New(env, static_cast<double>(value));
  };
  set("hotValues", figures.hot_values);
  set("hotBytes", figures.hot_bytes);
  set("coldValues", figures.cold_values);
  set("coldBytes", figures.cold_bytes);
  set("compressedBytes", figures.compressed_bytes);
  set("chunkBytes", pool.values->cold().heap().budget().charged());
  set("repeatedValues", figures.repeated_values);
  set("cooled", figures.cooled);
  set("heated", figures.heated);
  set("rejected", figures.rejected);
  set("inVain", figures.in_vain);
  set("refused", figures.refused);
  set("corrupt", figures.corrupt);
  set("cpuNs", pool.values->cooler().cpu());
  return out;
}

/// `pinnedValues(most)`: { handle, length, pins } of as many values that are pinned.
Value pinned_values(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env);
  const auto most = whole_at(info, 0, kMaxSlots);
  if (pool.values == nullptr || !most) return out;
  struct Pinned {
    TierHandle handle;
    std::uint32_t length;
    std::uint32_t pins;
  };
  std::vector<Pinned> all;
  pool.values->tiers().for_each_pinned(
      static_cast<std::uint32_t>(*most),
      [&](TierHandle handle, std::uint32_t length, std::uint32_t pins) {
        all.push_back({handle, length, pins});
      });
  for (const Pinned& one : all) {
    Napi::Object row = Napi::Object::New(env);
    row["handle"] = Napi::Number::New(env, static_cast<double>(one.handle));
    row["length"] = Napi::Number::New(env, one.length);
    row["pins"] = Napi::Number::New(env, one.pins);
    out[out.Length()] = row;
  }
  return out;
}

/// `valueContradiction()`: what contradicts itself in the books; undefined when nothing does.
Value value_contradiction(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  const char* found = pool.values == nullptr ? nullptr : pool.values->tiers().contradiction();
  return found == nullptr ? env.Undefined() : Napi::String::New(env, found);
}

/// `dropValues()`: nobody has the pool any more: every value ends.
void drop_values(const CallbackInfo&, EnvironmentPool& pool) {
  ByteCount pinned_bytes = 0;
  if (pool.values != nullptr) static_cast<void>(pool.values->tiers().drop_all(pinned_bytes));
}

// For a codec of the program.

/// `beginForeign()`: the handle of a hot value that is to be compressed; 0 when there is none.
Value begin_foreign(const CallbackInfo& info, EnvironmentPool& pool) {
  Tiers* const tiers = tiers_of(pool);
  std::uint32_t block;
  return handle_value(info, tiers == nullptr || pool.is_closed ? 0 : tiers->begin_foreign(block));
}

/// `finishForeign(handle, bytes)`: the value is those bytes, compressed. A COOLED.
Value finish_foreign(const CallbackInfo& info, EnvironmentPool& pool) {
  Tiers* const tiers = tiers_of(pool);
  const Bytes bytes = bytes_at(info, 1);
  const Cooled result = tiers == nullptr || pool.is_closed
                            ? Cooled::kInVain
                            : tiers->finish_foreign(handle_at(info, 0), bytes.data, bytes.length);
  return number(info, static_cast<double>(result));
}

/// `giveUpForeign(handle)`: it could not be compressed.
void give_up_foreign(const CallbackInfo& info, EnvironmentPool& pool) {
  if (Tiers* const tiers = tiers_of(pool); tiers != nullptr)
    tiers->give_up_foreign(handle_at(info, 0));
}

/// `readForeign(handle)`: an ArrayBuffer with what the value is compressed to, or a VALUE_FAULT.
Value read_foreign(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  Tiers* const tiers = tiers_of(pool);
  if (tiers == nullptr) return fault_value(info, TierFault::kStale);
  const TierHandle handle = handle_at(info, 0);
  ByteCount size = 0;
  TierFault fault = tiers->read_foreign(handle, nullptr, 0, size);
  if (fault != TierFault::kNone) return fault_value(info, fault);
  void* data = nullptr;
  napi_value buffer = nullptr;
  if (napi_create_arraybuffer(env, size, &data, &buffer) != napi_ok) return env.Undefined();
  fault = tiers->read_foreign(handle, data, size, size);
  return fault == TierFault::kNone ? Value(env, buffer) : fault_value(info, fault);
}

}  // namespace

void add_pool_value_methods(Methods& methods) {
  add_shared_method<EnvironmentPool, hold_values>(methods, "holdValues");
  add_shared_method<EnvironmentPool, value_slots>(methods, "valueSlots");
  add_hot_method<EnvironmentPool, put_value>(methods, "putValue");
  add_hot_method<EnvironmentPool, pin_value>(methods, "pinValue");
  add_hot_method<EnvironmentPool, unpin_value>(methods, "unpinValue");
  add_hot_method<EnvironmentPool, free_value>(methods, "freeValue");
  add_hot_method<EnvironmentPool, heat_value>(methods, "heatValue");
  add_shared_method<EnvironmentPool, cool_values>(methods, "coolValues");
  add_shared_method<EnvironmentPool, nudge_cooling>(methods, "nudgeCooling");
  add_shared_method<EnvironmentPool, cold_excess>(methods, "coldExcess");
  add_shared_method<EnvironmentPool, unused_value>(methods, "unusedValue");
  add_shared_method<EnvironmentPool, trim_values>(methods, "trimValues");
  add_shared_method<EnvironmentPool, value_figures>(methods, "valueFigures");
  add_shared_method<EnvironmentPool, pinned_values>(methods, "pinnedValues");
  add_shared_method<EnvironmentPool, value_contradiction>(methods, "valueContradiction");
  add_shared_method<EnvironmentPool, drop_values>(methods, "dropValues");
  add_shared_method<EnvironmentPool, begin_foreign>(methods, "beginForeign");
  add_shared_method<EnvironmentPool, finish_foreign>(methods, "finishForeign");
  add_shared_method<EnvironmentPool, give_up_foreign>(methods, "giveUpForeign");
  add_shared_method<EnvironmentPool, read_foreign>(methods, "readForeign");
}

}  // namespace superslab
