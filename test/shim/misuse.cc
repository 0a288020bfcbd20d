// Mistakes, one by the program's argument, for SUPERSLAB_CHECK=1 to name. Each ends in "survived".
#include <malloc.h>
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "check.h"
#include "superslab.h"

extern "C" void free_sized(void* block, size_t size) noexcept;

namespace {

/// A block of the kind `at`, misused in the way `how`. False when there is no such kind.
bool misuse(const std::string& how, const std::string& at) {
  char* block = nullptr;
  ss_heap* heap = nullptr;
  if (at == "small") block = static_cast<char*>(opaque(malloc(40)));
  if (at == "medium") block = static_cast<char*>(opaque(malloc(100'000)));
  if (at == "huge") block = static_cast<char*>(opaque(malloc(64 << 20)));
  if (at == "mapped") block = static_cast<char*>(opaque(malloc(size_t{2} << 30)));
  if (at == "aligned") block = static_cast<char*>(opaque(aligned_alloc(1 << 20, 3 << 20)));
  if (at == "calloc") block = static_cast<char*>(opaque(calloc(5 << 20, 1)));
  if (at == "grown") block = static_cast<char*>(realloc(opaque(malloc(3 << 20)), 64 << 20));
  if (at.rfind("heap", 0) == 0) heap = ss_heap_new(0);
  if (at == "heap, small") block = static_cast<char*>(ss_heap_malloc(heap, 40));
  if (at == "heap, medium") block = static_cast<char*>(ss_heap_malloc(heap, 100'000));
  if (at == "heap, huge") block = static_cast<char*>(ss_heap_malloc(heap, 64 << 20));
  if (block == nullptr) return false;
  std::printf("%p\n", static_cast<void*>(block));
  std::fflush(stdout);
  char* wrong = at == "small" || at == "heap, small" ? block + 16 : block + 4096;
  void* batch[] = {wrong};
  if (how == "free") free(opaque(wrong));
  if (how == "realloc") opaque(realloc(opaque(wrong), 100));
  if (how == "reallocarray") opaque(reallocarray(opaque(wrong), 10, 10));
  if (how == "usable size") std::printf("%zu\n", malloc_usable_size(opaque(wrong)));
  if (how == "free_sized") free_sized(opaque(wrong), 40);
  if (how == "delete") ::operator delete(opaque(wrong));
  if (how == "sized delete") ::operator delete(opaque(wrong), size_t{40});
  if (how == "delete[]") ::operator delete[](opaque(wrong));
  if (how == "ss_free") ss_free(opaque(wrong));
  if (how == "batch") ss_free_batch(batch, 1);
  if (how == "heap realloc") ss_heap_realloc(ss_heap_new(0), opaque(wrong), 100);
  if (how == "free twice") free(block), free(opaque(block));
  if (how == "usable size of a freed") free(block), malloc_usable_size(opaque(block));
  if (how == "realloc of a freed") free(block), opaque(realloc(opaque(block), 10));
  if (how == "wrong size") free_sized(opaque(block), size_t{4} << 30);
  if (how == "its heap deleted") ss_heap_delete(heap), free(opaque(block));
  if (how == "heap deleted twice") ss_heap_delete(heap), ss_heap_delete(heap);
  if (how == "deleted heap used") ss_heap_delete(heap), opaque(ss_heap_malloc(heap, 10));
  return true;
}

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
  if (argc == 3) {
    CHECK(misuse(argv[1], argv[2]));
    std::printf("survived\n");
    return 0;
  }
  CHECK(argc == 2);
  const char* what = argv[1];
  const auto is = [what](const char* name) { return std::strcmp(what, name) == 0; };
  void* neighbours[100];
  for (void*& neighbour : neighbours) neighbour = opaque(malloc(40));
  char* small = static_cast<char*>(opaque(malloc(40)));
  char* medium = static_cast<char*>(opaque(malloc(100'000)));
  char* huge = static_cast<char*>(opaque(malloc(5 << 20)));
  std::printf("%p %p %p\n", static_cast<void*>(small), static_cast<void*>(medium),
              static_cast<void*>(huge));
  std::fflush(stdout);
  if (is("nothing")) {
    free(small);
    free_in_another_thread(medium);
    huge = static_cast<char*>(realloc(huge, 9 << 20));
    free(huge);
  } else if (is("double free")) {
    free(small);
    free(opaque(small));
  } else if (is("double free by two threads")) {
    free_in_another_thread(small);
    free(opaque(small));
  } else if (is("double free, medium")) {
    free(medium);
    free(opaque(medium));
  } else if (is("double free, huge")) {
    free(huge);
    free(opaque(huge));
  } else if (is("interior")) {
    free(opaque(small + 8));
  } else if (is("interior, medium")) {
    free(opaque(medium + 8));
  } else if (is("interior, huge")) {
    free(opaque(huge + (3 << 20)));
  } else if (is("interior, huge, near its start")) {
    free(opaque(huge + 8));
  } else if (is("realloc of a freed block")) {
    free(small);
    small = static_cast<char*>(realloc(opaque(small), 400));
  } else {
    CHECK(false);
  }
  std::printf("survived\n");
  return 0;
}
