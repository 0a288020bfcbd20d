// Every operator new and delete; what they do without memory: the new-handler, an exception that
// passes through code of others, a null pointer.
#include <cstdint>
#include <new>
#include <stdexcept>
#include <vector>

#include "check.h"

namespace {

struct alignas(256) Wide {
  char bytes[512];
};

void every_form() {
  const std::size_t sizes[] = {0, 1, 100, 5000, 100000, 3 << 20};
  for (const std::size_t size : sizes) {
    const auto at = std::align_val_t(512);
    void* p = opaque(operator new(size));
    CHECK(p != nullptr);
    operator delete(p);
    operator delete(opaque(operator new(size)), size);
    operator delete(opaque(operator new(size, std::nothrow)), std::nothrow);
    operator delete[](opaque(operator new[](size)));
    operator delete[](opaque(operator new[](size)), size);
    operator delete[](opaque(operator new[](size, std::nothrow)), std::nothrow);
    p = opaque(operator new(size, at));
    CHECK(reinterpret_cast<std::uintptr_t>(p) % 512 == 0);
    operator delete(p, at);
    operator delete(opaque(operator new(size, at)), size, at);
    operator delete(opaque(operator new(size, at, std::nothrow)), at, std::nothrow);
    operator delete[](opaque(operator new[](size, at)), at);
    operator delete[](opaque(operator new[](size, at)), size, at);
    operator delete[](opaque(operator new[](size, at, std::nothrow)), at, std::nothrow);
    // They are of the same heap as malloc.
    free(opaque(operator new(size)));
    operator delete(opaque(malloc(size)));
  }
  auto* wide = new Wide[3];
  CHECK(reinterpret_cast<std::uintptr_t>(wide) % 256 == 0);
  delete[] wide;
  operator delete(nullptr);
}

volatile std::size_t too_much = PTRDIFF_MAX;

template <class Call>
bool throws_bad_alloc(Call call) {
  try {
    opaque(call());
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

void without_a_handler() {
  const auto at = std::align_val_t(64);
  CHECK(throws_bad_alloc([] { return operator new(too_much); }));
  CHECK(throws_bad_alloc([] { return operator new[](too_much); }));
  CHECK(throws_bad_alloc([&] { return operator new(too_much, at); }));
  CHECK(throws_bad_alloc([&] { return operator new[](too_much, at); }));
  CHECK(opaque(operator new(too_much, std::nothrow)) == nullptr);
  CHECK(opaque(operator new[](too_much, std::nothrow)) == nullptr);
  CHECK(opaque(operator new(too_much, at, std::nothrow)) == nullptr);
  CHECK(opaque(operator new[](too_much, at, std::nothrow)) == nullptr);
  CHECK(std::uncaught_exceptions() == 0);
}

int handler_calls;

void handler_that_gives_up() {
  if (++handler_calls == 3) std::set_new_handler(nullptr);
}

void handler_that_throws() {
  ++handler_calls;
  throw std::bad_alloc();
}

void handler_that_throws_something_else() { throw std::runtime_error("no"); }

void with_a_handler() {
  std::set_new_handler(handler_that_gives_up);
  CHECK(throws_bad_alloc([] { return operator new(too_much); }));
  CHECK(handler_calls == 3);

  handler_calls = 0;
  std::set_new_handler(handler_that_gives_up);
  CHECK(opaque(operator new(too_much, std::nothrow)) == nullptr);
  CHECK(handler_calls == 3);

  handler_calls = 0;
  std::set_new_handler(handler_that_throws);
  CHECK(throws_bad_alloc([] { return operator new(too_much, std::align_val_t(64)); }));
  CHECK(opaque(operator new(too_much, std::nothrow)) == nullptr);
  CHECK(handler_calls == 2);

  std::set_new_handler(handler_that_throws_something_else);
  bool caught = false;
  try {
    opaque(operator new(too_much));
  } catch (const std::runtime_error& error) {
    caught = std::string(error.what()) == "no";
  }
  CHECK(caught);
  std::set_new_handler(nullptr);
}

void through_the_library() {
  struct Noted {
    explicit Noted(bool& gone) : gone(gone) {}
    ~Noted() { gone = true; }
    bool& gone;
  };
  bool unwound = false;
  try {
    Noted noted(unwound);
    std::vector<char> bytes;
    bytes.reserve(PTRDIFF_MAX / 2);
  } catch (const std::bad_alloc&) {
  }
  CHECK(unwound);
}

}  // namespace

int main() {
  every_form();
  without_a_handler();
  with_a_handler();
  through_the_library();
}
