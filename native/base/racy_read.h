// Looking at what other threads write without telling anybody.
#pragma once

namespace superslab {

/// The value of `field`, read in one piece, whatever it is at the moment. For fields whose writers
/// store plainly because they stand on the way of every block, and for readers that put up with any
/// value and follow no pointer they read. ThreadSanitizer has to be told.
template <class T>
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread"), noinline))
#endif
T racy_read(const T& field) {
  static_assert(sizeof(T) <= sizeof(void*));
  return *const_cast<const volatile T*>(&field);
}

}  // namespace superslab
