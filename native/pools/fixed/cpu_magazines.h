// A magazine for each processor instead of one for each thread: for programs with many more threads
// than processors, in which most of what threads cache would lie idle. Needs restartable sequences
// (os/restartable.h).
//
// What lies in a processor's magazine can be had by a thread that runs there, and by nobody else.
#pragma once

#include <cstdint>

#include "base/types.h"
#include "os/restartable.h"
#include "space/space.h"

namespace superslab {

class CpuMagazines {
 public:
  /// Threads on processors beyond have no magazine.
  static constexpr std::uint32_t kMaxCpus = 256;
  static constexpr std::uint32_t kMaxObjects = 64;

  /// nullptr without memory, or where the system has no restartable sequences. `limit`: most
  /// objects of a processor, at most kMaxObjects.
  static CpuMagazines* make(Space& space, std::uint32_t limit);

  /// Empty.
  void end(Space& space);

  /// nullptr where there is none. Any thread.
  void* pop();
  /// False where there is no room. Any thread.
  bool push(void* object);

  /// In all of them, as far as another thread can tell.
  std::size_t count() const;

  // While nobody else uses them -----------------------------------------------------------------

  /// Takes up to `wanted` objects of any processor.
  std::size_t take(void** out, std::size_t wanted);

  bool are_deep_enough() const;
  /// Whether good(void*) holds of each.
  template <class Good>
  bool all_are(Good good) const {
    for (const PerCpu& cpu : cpus_)
      for (std::uint64_t i = 0; i < cpu.count; ++i)
        if (!good(cpu.objects[i])) return false;
    return true;
  }

 private:
  friend class Metadata;
  struct alignas(kCacheLinePair) PerCpu {
    std::uint64_t count;
    void* objects[kMaxObjects];
  };
  CpuMagazines(std::ptrdiff_t area_offset, std::uint32_t limit);
  ~CpuMagazines() = default;

  const std::ptrdiff_t area_offset_;
  const std::uint64_t limit_;
  PerCpu cpus_[kMaxCpus];  // not touched before their processor's first object
};

#if SUPERSLAB_HAS_RSEQ

// Each sequence: its description, of which the thread's area is told; a look whether the thread is
// still where it was; the work; and the store that makes it so, which is the last instruction. An
// interrupted one goes on at label 4, in front of which the kernel looks for glibc's signature.
#define SUPERSLAB_RSEQ_BEGIN         \
  ".pushsection __rseq_cs, \"aw\"\n" \
  ".balign 32\n"                     \
  "3: .long 0, 0\n"                  \
  ".quad 1f, (2f - 1f), 4f\n"        \
  ".popsection\n"                    \
  "leaq 3b(%%rip), %%rax\n"          \
  "movq %%rax, 8(%[area])\n"         \
  "1: cmpl %[cpu], 4(%[area])\n"     \
  "jnz 4f\n"
#define SUPERSLAB_RSEQ_END                \
  "2:\n"                                  \
  ".pushsection __rseq_failure, \"ax\"\n" \
  ".byte 0x0f, 0xb9, 0x3d\n"              \
  ".long 0x53053053\n"                    \
  "4: jmp %l[again]\n"                    \
  ".popsection\n"

namespace detail {

inline RseqArea* area_at(std::ptrdiff_t offset) {
  // The thread's own address stands at the beginning of its block.
  char* thread;
  __asm__("movq %%fs:0, %0" : "=r"(thread));
  return reinterpret_cast<RseqArea*>(thread + offset);
}

inline std::uint32_t cpu_of(const RseqArea* area) {
  return __atomic_load_n(&area->cpu_id_start, __ATOMIC_RELAXED);
}

}  // namespace detail

[[gnu::always_inline]] inline void* CpuMagazines::pop() {
  RseqArea* const area = detail::area_at(area_offset_);
  void* object;
again:
  const std::uint32_t cpu = detail::cpu_of(area);
  if (cpu >= kMaxCpus) [[unlikely]]
    return nullptr;
  // clang-format off
  __asm__ goto volatile(
      SUPERSLAB_RSEQ_BEGIN
      "movq (%[own]), %%rcx\n"
      "testq %%rcx, %%rcx\n"
      "jz %l[empty]\n"
      "movq (%[own], %%rcx, 8), %%rax\n"  // objects[count - 1]: they begin behind the count
      "movq %%rax, (%[to])\n"
      "decq %%rcx\n"
      "movq %%rcx, (%[own])\n"
      SUPERSLAB_RSEQ_END
      : : [area] "r"(area), [cpu] "r"(cpu), [own] "r"(&cpus_[cpu]), [to] "r"(&object)
      : "rax", "rcx", "memory", "cc" : empty, again);
  // clang-format on
  return object;
empty:
  return nullptr;
}

[[gnu::always_inline]] inline bool CpuMagazines::push(void* object) {
  RseqArea* const area = detail::area_at(area_offset_);
again:
  const std::uint32_t cpu = detail::cpu_of(area);
  if (cpu >= kMaxCpus) [[unlikely]]
    return false;
  // clang-format off
  __asm__ goto volatile(
      SUPERSLAB_RSEQ_BEGIN
      "movq (%[own]), %%rcx\n"
      "cmpq %[limit], %%rcx\n"
      "jae %l[full]\n"
      "movq %[object], 8(%[own], %%rcx, 8)\n"
      "incq %%rcx\n"
      "movq %%rcx, (%[own])\n"
      SUPERSLAB_RSEQ_END
      : : [area] "r"(area), [cpu] "r"(cpu), [own] "r"(&cpus_[cpu]), [object] "r"(object),
          [limit] "r"(limit_)
      : "rax", "rcx", "memory", "cc" : full, again);
  // clang-format on
  return true;
full:
  return false;
}

#undef SUPERSLAB_RSEQ_BEGIN
#undef SUPERSLAB_RSEQ_END

#else

[[gnu::always_inline]] inline void* CpuMagazines::pop() { return nullptr; }
[[gnu::always_inline]] inline bool CpuMagazines::push(void*) { return false; }

#endif

}  // namespace superslab
