// dlopen() and dlmopen() without RTLD_DEEPBIND.
//
// A library that is loaded with this flag looks symbols up in itself and its dependencies before it
// looks where the program does: its free() is the C library's, whatever malloc was preloaded. What
// the rest of the program allocated then reaches an allocator that does not know it. PHP loads all
// of its extensions so.
//
// The C library finds the namespace and the RUNPATH to search by the return address of its caller.
// So these functions are written in assembly: they change the flags, and jump to the real function
// with the stack as it was.
#include <dlfcn.h>

#include <atomic>

#include "malloc/process_heap.h"
#include "shim/export.h"

#if defined(RTLD_DEEPBIND) && (defined(__x86_64__) || defined(__aarch64__))

using namespace superslab;

static_assert(RTLD_DEEPBIND == 8 && LM_ID_BASE == 0, "the assembly below counts on it");

extern "C" {

// What the assembly reads. A function that is not null comes after the mask.
constinit std::atomic<int> superslab_dlopen_mask{~0};
constinit std::atomic<void*> superslab_next_dlopen{nullptr};
constinit std::atomic<void*> superslab_next_dlmopen{nullptr};

/// What the assembly calls the first time; each returns the function to jump to.
[[gnu::used]] void* superslab_find_dlopen();
[[gnu::used]] void* superslab_find_dlmopen();

}  // extern "C"

namespace {

void* open_nothing() { return nullptr; }

void* find_next(std::atomic<void*>& next, const char* name) {
  const ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr || !heap->policy().allow_deepbind)
    superslab_dlopen_mask.store(~RTLD_DEEPBIND, std::memory_order_relaxed);
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) found = reinterpret_cast<void*>(open_nothing);
  next.store(found, std::memory_order_release);
  return found;
}

}  // namespace

void* superslab_find_dlopen() { return find_next(superslab_next_dlopen, "dlopen"); }
void* superslab_find_dlmopen() { return find_next(superslab_next_dlmopen, "dlmopen"); }

#ifdef __x86_64__

#define SHIM_BEGIN(name)        \
  ".pushsection .text." name    \
  ",\"ax\",@progbits\n"         \
  ".globl " name                \
  "\n"                          \
  ".type " name                 \
  ", @function\n"               \
  ".p2align 4\n" name           \
  ":\n"                         \
  ".cfi_startproc\n"            \
  "  endbr64\n"                 \
  "  movq superslab_next_" name \
  "(%rip), %rax\n"              \
  "  testq %rax, %rax\n"        \
  "  je 3f\n"                   \
  "1:\n"
// Three arguments are kept; with them the stack is aligned for a call.
#define SHIM_END(name)            \
  "2:\n"                          \
  "  jmp *%rax\n"                 \
  "3:\n"                          \
  "  pushq %rdi\n"                \
  "  .cfi_adjust_cfa_offset 8\n"  \
  "  pushq %rsi\n"                \
  "  .cfi_adjust_cfa_offset 8\n"  \
  "  pushq %rdx\n"                \
  "  .cfi_adjust_cfa_offset 8\n"  \
  "  call superslab_find_" name   \
  "\n"                            \
  "  popq %rdx\n"                 \
  "  .cfi_adjust_cfa_offset -8\n" \
  "  popq %rsi\n"                 \
  "  .cfi_adjust_cfa_offset -8\n" \
  "  popq %rdi\n"                 \
  "  .cfi_adjust_cfa_offset -8\n" \
  "  jmp 1b\n"                    \
  ".cfi_endproc\n"                \
  ".size " name ", . - " name     \
  "\n"                            \
  ".popsection\n"

// dlopen(file, flags)
asm(SHIM_BEGIN("dlopen") "  andl superslab_dlopen_mask(%rip), %esi\n" SHIM_END("dlopen"));
// dlmopen(namespace, file, flags). Another namespace has a C library and a malloc of its own.
asm(SHIM_BEGIN("dlmopen") "  testq %rdi, %rdi\n"
                          "  jne 2f\n"
                          "  andl superslab_dlopen_mask(%rip), %edx\n" SHIM_END("dlmopen"));

#else

#define SHIM_BEGIN(name)                       \
  ".pushsection .text." name                   \
  ",\"ax\",@progbits\n"                        \
  ".globl " name                               \
  "\n"                                         \
  ".type " name                                \
  ", %function\n"                              \
  ".p2align 4\n" name                          \
  ":\n"                                        \
  ".cfi_startproc\n"                           \
  "  hint #34\n" /* bti c */                   \
  "  adrp x16, superslab_next_" name           \
  "\n"                                         \
  "  add x16, x16, :lo12:superslab_next_" name \
  "\n"                                         \
  "  ldar x16, [x16]\n"                        \
  "  cbz x16, 3f\n"                            \
  "1:\n"                                       \
  "  adrp x17, superslab_dlopen_mask\n"        \
  "  ldr w17, [x17, :lo12:superslab_dlopen_mask]\n"
#define SHIM_END(name)            \
  "2:\n"                          \
  "  br x16\n"                    \
  "3:\n"                          \
  "  stp x29, x30, [sp, #-48]!\n" \
  "  .cfi_def_cfa_offset 48\n"    \
  "  .cfi_offset 29, -48\n"       \
  "  .cfi_offset 30, -40\n"       \
  "  mov x29, sp\n"               \
  "  stp x0, x1, [sp, #16]\n"     \
  "  str x2, [sp, #32]\n"         \
  "  bl superslab_find_" name     \
  "\n"                            \
  "  mov x16, x0\n"               \
  "  ldr x2, [sp, #32]\n"         \
  "  ldp x0, x1, [sp, #16]\n"     \
  "  ldp x29, x30, [sp], #48\n"   \
  "  .cfi_restore 30\n"           \
  "  .cfi_restore 29\n"           \
  "  .cfi_def_cfa_offset 0\n"     \
  "  b 1b\n"                      \
  ".cfi_endproc\n"                \
  ".size " name ", . - " name     \
  "\n"                            \
  ".popsection\n"

asm(SHIM_BEGIN("dlopen") "  and w1, w1, w17\n" SHIM_END("dlopen"));
asm(SHIM_BEGIN("dlmopen") "  cbnz x0, 2f\n"
                          "  and w2, w2, w17\n" SHIM_END("dlmopen"));

#endif
#endif
