// Libraries that come and go: the loader allocates while it holds its lock, and makes and ends
// thread-local storage.
#pragma once

#include <dlfcn.h>

#include "random.h"

inline void load_library(Random& random) {
  // Of the C library, and not loaded by a program like this one.
  static constexpr const char* kNames[] = {"libresolv.so.2", "libthread_db.so.1",
                                           "libnss_compat.so.2", "libm.so.6", "libno-such.so.1"};
  int flags = random.one_in(2) ? RTLD_NOW : RTLD_LAZY;
#if defined(RTLD_DEEPBIND) && !defined(STRESS_CORE)  // sanitizers refuse it
  if (random.one_in(2)) flags |= RTLD_DEEPBIND;
#endif
  void* library = dlopen(kNames[random.below(std::size(kNames))], flags);
  if (library == nullptr) {
    dlerror();  // its text is allocated
    return;
  }
  dlsym(library, "no_such_symbol");
  dlerror();
  dlclose(library);
}
