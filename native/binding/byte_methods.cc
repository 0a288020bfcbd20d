// Patterns in the bytes of blocks, for guards. Bytes are named by block and offset, so that they
// can be looked at when no ArrayBuffer shows them any more.
#include <algorithm>
#include <cstring>

#include "binding/objects.h"

namespace superslab {
namespace {

/// Part of a leased block, from the arguments (block, from, to, ...); empty unless it lies in one.
struct Part {
  std::byte* block = nullptr;
  std::byte* begin = nullptr;
  std::byte* end = nullptr;

  Part(const CallbackInfo& info, const Evaluation& own) {
    const NamedBlock named = block_at(info, 0, own.space());
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

/// `fillBytes(block, from, to, byte)`
void fill_bytes(const CallbackInfo& info, Evaluation& own) {
  const Part part(info, own);
  const auto byte = whole_at(info, 3, 0xff);
  if (byte && part.size() != 0) std::memset(part.begin, static_cast<int>(*byte), part.size());
}

/// `firstOther(block, from, to, byte)`: the offset of the first byte that is not `byte`; -1.
Value first_other(const CallbackInfo& info, Evaluation& own) {
  const Part part(info, own);
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
void write_canary(const CallbackInfo& info, Evaluation& own) {
  const Part part(info, own);
  for (std::byte* at = part.begin; at < part.end; ++at) *at = canary_at(at);
}

/// `brokenCanary(block, from, to)`: the offset of the first byte that was overwritten; -1.
Value broken_canary(const CallbackInfo& info, Evaluation& own) {
  const Part part(info, own);
  for (const std::byte* at = part.begin; at < part.end; ++at) {
    if (*at != canary_at(at)) return part.offset_value(info, at);
  }
  return part.offset_value(info, nullptr);
}

/// `hexBytes(block, from, to)`: at most 16 bytes in hexadecimal.
Value hex_bytes(const CallbackInfo& info, Evaluation& own) {
  const Part part(info, own);
  char text[32];
  std::size_t length = 0;
  for (const std::byte* at = part.begin; at < part.end && length < sizeof text; ++at) {
    for (const unsigned digit : {static_cast<unsigned>(*at) >> 4, static_cast<unsigned>(*at) & 15})
      text[length++] = "0123456789abcdef"[digit];
  }
  return Napi::String::New(info.Env(), text, length);
}

}  // namespace

void add_byte_methods(Methods& methods) {
  add_bound_method<Evaluation, fill_bytes>(methods, "fillBytes");
  add_bound_method<Evaluation, first_other>(methods, "firstOther");
  add_bound_method<Evaluation, write_canary>(methods, "writeCanary");
  add_bound_method<Evaluation, broken_canary>(methods, "brokenCanary");
  add_bound_method<Evaluation, hex_bytes>(methods, "hexBytes");
}

}  // namespace superslab
