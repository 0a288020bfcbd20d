/* A library that comes later, its C++ library with it: same heap, and exceptions work in it. */
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>

static int (*works)(void);

static void* in_thread(void* unused) {
  (void)unused;
  CHECK(works());
  return NULL;
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  for (int round = 0; round < 3; ++round) {
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
    works = (int (*)(void))dlsym(library, "plugin_works");
    int (*catches)(void) = (int (*)(void))dlsym(library, "plugin_catches");
    void* (*allocates)(size_t) = (void* (*)(size_t))dlsym(library, "plugin_allocates");
    void (*frees)(void*) = (void (*)(void*))dlsym(library, "plugin_frees");
    CHECK(works());
    CHECK(catches());
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0);
    pthread_join(thread, NULL);
    for (int i = 0; i < 1000; ++i) {
      void* theirs = allocates(100 + i);
      fill(theirs, 100 + i, i);
      void* ours = malloc(100 + i);
      CHECK(holds(theirs, 100 + i, i));
      free(theirs);
      frees(ours);
    }
    CHECK(dlsym(library, "no_such_name") == NULL);
    CHECK(dlerror() != NULL);
    CHECK(dlclose(library) == 0);
    CHECK(dlopen("no_such_library.so", RTLD_NOW) == NULL);
  }
}
