// Mistakes, one by the program's argument, for SUPERSLAB_CHECK=1 to name. Each ends in "survived".
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "check.h"

namespace {

void* in_another_thread(void* block) {
  free(block);
  return nullptr;
}

void free_in_another_thread(void* block) {
  pthread_t thread;
  CHECK(pthread_create(&thread, nullptr, in_another_thread, block) == 0);
  pthread_join(thread, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  CHECK(argc == 2);
  const char* what = argv[1];
  const auto is = [what](const char* name) { return std::strcmp(what, name) == 0; };
  void* neighbours[100];
  for (void*& neighbour : neighbours) neighbour = opaque(malloc(40));
  char* small = static_cast<char*>(opaque(malloc(40)));
  char* medium = static_cast<char*>(opaque(malloc(100'000)));
  char* large = static_cast<char*>(opaque(malloc(5 << 20)));
  std::printf("%p %p %p\n", static_cast<void*>(small), static_cast<void*>(medium),
              static_cast<void*>(large));
  std::fflush(stdout);
  if (is("nothing")) {
    free(small);
    free_in_another_thread(medium);
    large = static_cast<char*>(realloc(large, 9 << 20));
    free(large);
  } else if (is("double free")) {
    free(small);
    free(opaque(small));
  } else if (is("double free by two threads")) {
    free_in_another_thread(small);
    free(opaque(small));
  } else if (is("double free, medium")) {
    free(medium);
    free(opaque(medium));
  } else if (is("double free, large")) {
    free(large);
    free(opaque(large));
  } else if (is("interior")) {
    free(opaque(small + 8));
  } else if (is("interior, medium")) {
    free(opaque(medium + 8));
  } else if (is("interior, large")) {
    free(opaque(large + (3 << 20)));
  } else if (is("interior, large, near its start")) {
    free(opaque(large + 8));
  } else if (is("realloc of a freed block")) {
    free(small);
    small = static_cast<char*>(realloc(opaque(small), 400));
  } else {
    CHECK(false);
  }
  std::printf("survived\n");
  return 0;
}
