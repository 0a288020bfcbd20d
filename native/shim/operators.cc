// operator new and delete, every one that C++20 has.
//
// This library is built without exceptions and needs no C++ library. When memory is short, the
// operator new of the C++ library that the process has does what is left to do: it calls malloc
// (the one here) again and again, between that the new-handler, and throws std::bad_alloc in the
// end.
#include <dlfcn.h>

#include <new>

#include "malloc/allocate.h"
#include "malloc/fatal.h"
#include "shim/export.h"

namespace calls = superslab::calls;

namespace {

/// The C++ library's function of this name; nullptr in a process that has none.
void* of_cpp_library(const char* name) {
  if (void* found = dlsym(RTLD_NEXT, name); found != nullptr) return found;
  // Loaded by a plug-in for itself alone?
  for (const char* library : {"libstdc++.so.6", "libc++abi.so.1", "libc++.so.1"}) {
    if (void* handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD); handle != nullptr)
      return dlsym(handle, name);
  }
  return nullptr;
}

[[noreturn]] void fail_without_cpp_library() {
  superslab::fail("superslab: operator new: out of memory, and no C++ library to throw for it\n");
}

// Not noexcept: an exception passes through.
[[gnu::noinline]] void* new_slow(std::size_t size) {
  if (void* block = calls::malloc_slow(size); block != nullptr) return block;
  using New = void*(std::size_t);
  auto* next = reinterpret_cast<New*>(of_cpp_library("_Znwm"));
  if (next == nullptr) fail_without_cpp_library();
  return next(size);
}

[[gnu::noinline]] void* new_slow_nothrow(std::size_t size) {
  if (void* block = calls::malloc_slow(size); block != nullptr) return block;
  using New = void*(std::size_t, const std::nothrow_t&);
  auto* next = reinterpret_cast<New*>(of_cpp_library("_ZnwmRKSt9nothrow_t"));
  return next == nullptr ? nullptr : next(size, std::nothrow_t());
}

void* allocate_aligned(std::size_t size, std::align_val_t alignment) {
  return calls::aligned_alloc(static_cast<std::size_t>(alignment), size);
}

void* new_aligned(std::size_t size, std::align_val_t alignment) {
  if (void* block = allocate_aligned(size, alignment); block != nullptr) return block;
  using New = void*(std::size_t, std::align_val_t);
  auto* next = reinterpret_cast<New*>(of_cpp_library("_ZnwmSt11align_val_t"));
  if (next == nullptr) fail_without_cpp_library();
  return next(size, alignment);
}

void* new_aligned_nothrow(std::size_t size, std::align_val_t alignment) {
  if (void* block = allocate_aligned(size, alignment); block != nullptr) return block;
  using New = void*(std::size_t, std::align_val_t, const std::nothrow_t&);
  auto* next = reinterpret_cast<New*>(of_cpp_library("_ZnwmSt11align_val_tRKSt9nothrow_t"));
  return next == nullptr ? nullptr : next(size, alignment, std::nothrow_t());
}

}  // namespace

// NOLINTBEGIN(misc-definitions-in-headers)
#define SHIM_NEW(name)                                                                        \
  SHIM_EXPORT void* name(std::size_t size) { return superslab::allocate_or<new_slow>(size); } \
  SHIM_EXPORT void* name(std::size_t size, const std::nothrow_t&) noexcept {                  \
    return superslab::allocate_or<new_slow_nothrow>(size);                                    \
  }                                                                                           \
  SHIM_EXPORT void* name(std::size_t size, std::align_val_t alignment) {                      \
    return new_aligned(size, alignment);                                                      \
  }                                                                                           \
  SHIM_EXPORT void* name(std::size_t size, std::align_val_t alignment,                        \
                         const std::nothrow_t&) noexcept {                                    \
    return new_aligned_nothrow(size, alignment);                                              \
  }

#define SHIM_DELETE(name)                                                                    \
  SHIM_EXPORT void name(void* block) noexcept { calls::free(block); }                        \
  SHIM_EXPORT void name(void* block, std::size_t size) noexcept {                            \
    calls::free_sized(block, size);                                                          \
  }                                                                                          \
  SHIM_EXPORT void name(void* block, const std::nothrow_t&) noexcept { calls::free(block); } \
  SHIM_EXPORT void name(void* block, std::align_val_t) noexcept { calls::free(block); }      \
  SHIM_EXPORT void name(void* block, std::size_t size, std::align_val_t) noexcept {          \
    calls::free_sized(block, size);                                                          \
  }                                                                                          \
  SHIM_EXPORT void name(void* block, std::align_val_t, const std::nothrow_t&) noexcept {     \
    calls::free(block);                                                                      \
  }
// NOLINTEND(misc-definitions-in-headers)

SHIM_NEW(operator new)
SHIM_NEW(operator new[])
SHIM_DELETE(operator delete)
SHIM_DELETE(operator delete[])
