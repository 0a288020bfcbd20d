// superslab.h in C++.
#include "superslab.h"

int main() {
  void* (*allocate)(size_t) = ss_malloc;
  void (*release)(void*) = ss_free;
  release(allocate(10));
}
