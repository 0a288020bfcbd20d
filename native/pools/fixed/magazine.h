// What a get and a put of a cached object touch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/program_order.h"

namespace superslab {

/// A stack of free objects that one thread uses. All zero it has none to give and no room, so that
/// every get and put takes the slow path: what a thread has before its first.
///
/// Programs know this layout: superslab.h pops and pushes in their own code. Other threads read
/// `count` for statistics, and set `limit` to 0 when the objects are wanted elsewhere.
struct Magazine {
  void** objects = nullptr;
  std::uint32_t count = 0;
  std::uint32_t limit = 0;
  void* pool = nullptr;  // whose objects they are, as its owner knows it

  /// nullptr when it is empty.
  [[gnu::always_inline]] void* pop() {
    const std::uint32_t n = depth();
    if (n == 0) [[unlikely]]
      return nullptr;
    void* object = objects[n - 1];
    in_program_order();
    set_depth(n - 1);
    return object;
  }

  /// False when it is full.
  [[gnu::always_inline]] bool push(void* object) {
    const std::uint32_t n = depth();
    if (n >= room()) [[unlikely]]
      return false;
    objects[n] = object;
    in_program_order();
    set_depth(n + 1);
    return true;
  }

  /// The same for `n` objects, or none.
  [[gnu::always_inline]] bool pop_bulk(void** out, std::size_t n) {
    const std::uint32_t held = depth();
    if (n > held) [[unlikely]]
      return false;
    void** top = objects + held;
    for (std::size_t i = 0; i < n; ++i) {
      void* object = *--top;
      // Whoever takes many goes through them soon: the next one is on its way meanwhile.
      if (i + 1 < held) __builtin_prefetch(top[-1], 1);
      out[i] = object;
    }
    in_program_order();
    set_depth(held - static_cast<std::uint32_t>(n));
    return true;
  }

  [[gnu::always_inline]] bool push_bulk(void* const* from, std::size_t n) {
    const std::uint32_t held = depth();
    if (n > room() - std::min(room(), held)) [[unlikely]]
      return false;
    for (std::size_t i = 0; i < n; ++i) objects[held + i] = from[i];
    in_program_order();
    set_depth(held + static_cast<std::uint32_t>(n));
    return true;
  }

  std::uint32_t depth() const { return __atomic_load_n(&count, __ATOMIC_RELAXED); }
  void set_depth(std::uint32_t n) { __atomic_store_n(&count, n, __ATOMIC_RELAXED); }
  std::uint32_t room() const { return __atomic_load_n(&limit, __ATOMIC_RELAXED); }
  void set_room(std::uint32_t n) { __atomic_store_n(&limit, n, __ATOMIC_RELAXED); }
};

}  // namespace superslab
