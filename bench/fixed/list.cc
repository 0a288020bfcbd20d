// What programs use without a pool: knows nothing of superslab, so that its malloc is the C library's
// or a preloaded one.
#include "loops.h"

int main(int argc, char** argv) {
  if (argc < 3) bench::die("usage: list array|locked|malloc SIZE ...");
  const size_t size = bench::number(argv[2]);
  if (strcmp(argv[1], "array") == 0) {
    bench::BareArray kind(size);
    return bench::measure(kind, size, argc - 3, argv + 3);
  }
  if (strcmp(argv[1], "locked") == 0) {
    bench::LockedList kind(size);
    return bench::measure(kind, size, argc - 3, argv + 3);
  }
  bench::Malloc kind(size);
  return bench::measure(kind, size, argc - 3, argv + 3);
}
