// the malloc family
#include <cerrno>
#include <cstring>
#include "malloc/allocate.h"
using namespace superslab;
#define EXPORT extern "C" __attribute__((visibility("default")))
EXPORT void* malloc(size_t n) { return allocate(n); }
EXPORT void free(void* p) { deallocate(p); }
EXPORT void* calloc(size_t a, size_t b) { size_t n; if (__builtin_mul_overflow(a,b,&n)) { errno=ENOMEM; return nullptr;} return allocate_zeroed(n); }
EXPORT void* realloc(void* p, size_t n) { if (!p) return allocate(n); if (n==0) { deallocate(p); return nullptr; } void* q = reallocate(p,n); if(!q) errno=ENOMEM; return q; }
EXPORT void* memalign(size_t a, size_t n) { return allocate_aligned(a,n); }
EXPORT void* aligned_alloc(size_t a, size_t n) { return allocate_aligned(a,n); }
EXPORT int posix_memalign(void** out, size_t a, size_t n) { void* p = allocate_aligned(a,n); if (!p) return ENOMEM; *out=p; return 0; }
EXPORT size_t malloc_usable_size(void* p) { return usable_bytes(p); }
