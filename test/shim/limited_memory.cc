// Under a limit of addresses (ulimit -v): memory runs out with ENOMEM and bad_alloc, and what is
// freed can be had again.
#include <new>
#include <vector>

#include "check.h"

namespace {

std::size_t use_up(std::size_t size) {
  std::vector<void*> kept;
  kept.reserve(1 << 16);
  errno = 0;
  while (kept.size() < kept.capacity()) {
    void* p = malloc(size);
    if (p == nullptr) break;
    kept.push_back(p);
  }
  const int error = errno;
  CHECK(kept.size() * size > 100 << 20);
  bool threw = false;
  try {
    for (int i = 0; i < 1 << 16; ++i) kept.push_back(operator new(size));
  } catch (const std::bad_alloc&) {
    threw = true;
  }
  const std::size_t count = kept.size();
  for (void* p : kept) free(p);
  CHECK(error == ENOMEM);
  CHECK(threw);
  return count * size;
}

}  // namespace

int main() {
  for (const std::size_t size : {100000, 3 << 20, 40 << 20}) {
    const std::size_t first = use_up(size);
    const std::size_t second = use_up(size);
    CHECK(second > first / 10 * 9);
  }
}
