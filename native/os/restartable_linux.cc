#include "os/restartable.h"

#include <dlfcn.h>

namespace superslab {

std::ptrdiff_t find_rseq_offset() {
#if SUPERSLAB_HAS_RSEQ
  // glibc from 2.35 on. Looked up, since a program that starts with an older one must start too.
  const auto* size = static_cast<const unsigned*>(dlsym(RTLD_DEFAULT, "__rseq_size"));
  const auto* offset = static_cast<const std::ptrdiff_t*>(dlsym(RTLD_DEFAULT, "__rseq_offset"));
  return size == nullptr || offset == nullptr || *size == 0 ? 0 : *offset;
#else
  return 0;
#endif
}

}  // namespace superslab
