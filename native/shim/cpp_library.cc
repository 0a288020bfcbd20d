// What the containers of the C++ library call when they cannot go on. This library links to none
// (docs/ARCHITECTURE.md), is built without exceptions, and has containers on no path of an
// allocation: only pools in files use them.
#include <new>

#include "malloc/fatal.h"

namespace std {

const nothrow_t nothrow{};

// The names are those of libstdc++, and known here alone: exports.map shows none of them.
[[noreturn]] void __throw_bad_alloc() { superslab::fail("superslab: out of memory\n"); }
[[noreturn]] void __throw_bad_array_new_length() {
  superslab::fail("superslab: a size that no memory has\n");
}
[[noreturn]] void __throw_length_error(const char*) {
  superslab::fail("superslab: a length that no container has\n");
}
[[noreturn]] void __throw_logic_error(const char*) {
  superslab::fail("superslab: a text without an address\n");
}

}  // namespace std
