/* deepbind HOW LIBRARY: loads deepbind_library.c with RTLD_DEEPBIND, or "plain" without, passes
   blocks both ways and says where it looks for its symbols. */
#include "check.h"

#include <dlfcn.h>

static int starts_with(const char* text, const char* start) {
  return strncmp(text, start, strlen(start)) == 0;
}

int main(int argc, char** argv) {
  CHECK(argc == 3);
  const char* how = argv[1];
  const int flags = RTLD_NOW | (strstr(how, "plain") == NULL ? RTLD_DEEPBIND : 0);
  if (strcmp(how, "namespace") == 0) {
    /* Loads, with a C library of its own. */
    void* apart = dlmopen(LM_ID_NEWLM, argv[2], RTLD_NOW | RTLD_DEEPBIND);
    if (apart == NULL) fprintf(stderr, "%s\n", dlerror());
    CHECK(apart != NULL);
    void* (*its_free)(void) = (void* (*)(void))dlsym(apart, "its_free");
    CHECK(its_free != NULL && its_free() != (void*)free);
    return 0;
  }
  void* library =
      starts_with(how, "dlmopen") ? dlmopen(LM_ID_BASE, argv[2], flags) : dlopen(argv[2], flags);
  if (library == NULL) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  void (*give)(void*) = (void (*)(void*))dlsym(library, "give");
  void* (*take)(size_t) = (void* (*)(size_t))dlsym(library, "take");
  void* (*its_free)(void) = (void* (*)(void))dlsym(library, "its_free");
  CHECK(give != NULL && take != NULL && its_free != NULL);
  if (strcmp(how, "look") != 0) {
    for (size_t i = 0; i < 1000; ++i) give(opaque(malloc(i * 10)));
    for (size_t i = 0; i < 1000; ++i) free(opaque(take(i * 10)));
    give(strdup("from the C library"));
  }
  puts(its_free() == (void*)free ? "its own dependencies last" : "its own dependencies first");
  return 0;
}
