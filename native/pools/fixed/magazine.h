// What a get and a put of a cached object touch.
#pragma once

#include <cstddef>

#include "base/program_order.h"

namespace superslab {

/// A stack of free objects that one thread uses. All zero it has none to give and no room, so that
/// every get and put takes the slow path: what a thread has before its first.
///
/// Programs know this layout: superslab.h pops and pushes in their own code. Other threads read
/// `top` for statistics, and set `end` to nullptr when the objects are wanted elsewhere.
struct Magazine {
  void** top = nullptr;  // behind the object that was put last
  void** bottom = nullptr;
  void** end = nullptr;
  void* pool = nullptr;  // whose objects they are, as its owner knows it

  /// nullptr when it is empty.
  [[gnu::always_inline]] void* pop() {
    void** at = load(top);
    if (at == bottom) [[unlikely]]
      return nullptr;
    void* object = at[-1];
    in_program_order();
    store(top, at - 1);
    return object;
  }

  /// False when it is full.
  [[gnu::always_inline]] bool push(void* object) {
    void** at = load(top);
    if (at >= load(end)) [[unlikely]]
      return false;
    *at = object;
    in_program_order();
    store(top, at + 1);
    return true;
  }

  /// The same for `n` objects, or none.
  [[gnu::always_inline]] bool pop_bulk(void** out, std::size_t n) {
    void** at = load(top);
    if (n > static_cast<std::size_t>(at - bottom)) [[unlikely]]
      return false;
    for (std::size_t i = 0; i < n; ++i) {
      void* object = *--at;
      // Whoever takes many goes through them soon: the next one is on its way meanwhile.
      if (at != bottom) __builtin_prefetch(at[-1], 1);
      out[i] = object;
    }
    in_program_order();
    store(top, at);
    return true;
  }

  [[gnu::always_inline]] bool push_bulk(void* const* from, std::size_t n) {
    void** at = load(top);
    void** const last = load(end);
    if (at > last || n > static_cast<std::size_t>(last - at)) [[unlikely]]
      return false;
    for (std::size_t i = 0; i < n; ++i) at[i] = from[i];
    in_program_order();
    store(top, at + n);
    return true;
  }

  std::size_t depth() const { return static_cast<std::size_t>(load(top) - bottom); }
  void set_depth(std::size_t n) { store(top, bottom + n); }
  /// Most objects that fit in.
  std::size_t room() const {
    void** const last = load(end);
    return last == nullptr ? 0 : static_cast<std::size_t>(last - bottom);
  }
  void set_room(std::size_t n) { store(end, n == 0 ? nullptr : bottom + n); }

 private:
  static void** load(void** const& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); }
  static void store(void**& field, void** value) {
    __atomic_store_n(&field, value, __ATOMIC_RELAXED);
  }
};

}  // namespace superslab
