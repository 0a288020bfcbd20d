// What a handle names. A handle is the number of a slot, and how often the slot was used.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace superslab {

struct Chunk;

/// Low half: the number of a slot. High half: the generation of the slot. 0 is none.
using ValueHandle = std::uint64_t;

/// Set in the numbers of slots whose values end with their scope.
constexpr std::uint32_t kScoped = std::uint32_t{1} << 31;

/// Programs know this layout: superslab.h fills slots of scopes in.
struct Slot {
  std::byte* at;             // of the value; nullptr without one
  std::uint32_t generation;  // of its handle, and without a value of the next one
  std::uint32_t length;      // bytes; without a value the next free slot, by number in the page
  std::uint32_t number;      // its own, with kScoped
  // Of those that live until they are freed:
  std::uint16_t pins;
  std::uint8_t age;  // collections that a young value has survived
  Chunk* chunk;

  ValueHandle handle() const { return ValueHandle{generation} << 32 | number; }
};
static_assert(sizeof(Slot) == 32);

constexpr std::uint32_t slot_of(ValueHandle handle) { return static_cast<std::uint32_t>(handle); }
constexpr std::uint32_t generation_of(ValueHandle handle) {
  return static_cast<std::uint32_t>(handle >> 32);
}

/// Of the generation after this one. 0 is left out, so that small numbers are no handles.
constexpr std::uint32_t next_generation(std::uint32_t generation) {
  return generation + 1 == 0 ? 1 : generation + 1;
}

}  // namespace superslab
