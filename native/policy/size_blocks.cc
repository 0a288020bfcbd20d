#include "policy/size_blocks.h"

#include "base/types.h"

namespace superslab {
namespace {

constexpr SizeBlocksReading failure(TextFault fault) { return {{0, fault}, false}; }

/// "512:32"
TextFault read_one(const Knob& knob, std::string_view text, std::size_t colon, SizeBlocks& out) {
  const Reading size = read_size(first_part(text, colon));
  if (size.fault != TextFault::kNone) return size.fault;
  if (size.value == 0 || size.value > kSuperslabBytes) return TextFault::kOutOfRange;
  const Reading blocks = parse_value(knob, rest_from(text, colon + 1));
  if (blocks.fault != TextFault::kNone) return blocks.fault;
  out = {static_cast<std::uint32_t>(size.value), static_cast<std::uint8_t>(blocks.value)};
  return TextFault::kNone;
}

}  // namespace

SizeBlocksReading read_size_blocks(const Knob& knob, std::string_view text, HeapSnapshot& heap) {
  SizeBlocksReading out;
  decltype(heap.size_blocks) sizes{};
  std::size_t count = 0;
  for (bool is_last = false; !is_last;) {
    const std::size_t comma = text.find(',');
    is_last = comma == std::string_view::npos;
    const std::string_view part = is_last ? text : first_part(text, comma);
    if (!is_last) text = rest_from(text, comma + 1);
    if (const std::size_t colon = part.find(':'); colon != std::string_view::npos) {
      if (count == sizes.size()) return failure(TextFault::kOutOfRange);
      const TextFault fault = read_one(knob, part, colon, sizes[count]);
      if (fault != TextFault::kNone) return failure(fault);
      ++count;
      continue;
    }
    if (out.has_value) return failure(TextFault::kMalformed);
    out.all = parse_value(knob, part);
    if (out.all.fault != TextFault::kNone) return out;
    out.has_value = true;
  }
  heap.size_blocks = sizes;
  return out;
}

}  // namespace superslab
