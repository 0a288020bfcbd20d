/* A library for deepbind.c to load: it frees what the program allocated, and the other way round.
   With INNER it does so by way of another library, which it opens by its name alone: its RUNPATH
   says where, if dlopen() knows its caller. */
#include "check.h"

#include <dlfcn.h>

#ifdef INNER

static void* inner(const char* name) {
  void* library = dlopen(INNER, RTLD_NOW | RTLD_DEEPBIND);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  return dlsym(library, name);
}
void give(void* block) { ((void (*)(void*))inner("give"))(block); }
void* take(size_t size) { return ((void* (*)(size_t))inner("take"))(size); }
void* its_free(void) { return ((void* (*)(void))inner("its_free"))(); }

#else

void give(void* block) { free(block); }
void* take(size_t size) { return malloc(size); }
/* Which free() it uses. */
void* its_free(void) { return (void*)free; }

#endif
