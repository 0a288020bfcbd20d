#include "pools/fixed/cpu_magazines.h"

#include <algorithm>
#include <cassert>
#include <new>

#include "os/restartable.h"

namespace superslab {

CpuMagazines::CpuMagazines(std::ptrdiff_t area_offset, std::uint32_t limit)
    : area_offset_(area_offset), limit_(limit) {
  for (PerCpu& cpu : cpus_)
    if (cpu.count != 0) cpu.count = 0;
}

CpuMagazines* CpuMagazines::make(Space& space, std::uint32_t limit) {
  assert(limit != 0 && limit <= kMaxObjects);
  const std::ptrdiff_t offset = find_rseq_offset();
  if (offset == 0) return nullptr;
  void* p = space.metadata().allocate(space.os(), sizeof(CpuMagazines), alignof(CpuMagazines));
  return p == nullptr ? nullptr : new (p) CpuMagazines(offset, limit);
}

void CpuMagazines::end(Space& space) {
  assert(count() == 0);
  space.metadata().destroy(this);
}

#if SUPERSLAB_HAS_RSEQ

// Each sequence: its description, of which the thread's area is told; a look whether the thread is
// still where it was; the work; and the store that makes it so, which is the last instruction. An
// interrupted one goes on at label 4, in front of which the kernel looks for glibc's signature.
#define RSEQ_BEGIN                   \
  ".pushsection __rseq_cs, \"aw\"\n" \
  ".balign 32\n"                     \
  "3: .long 0, 0\n"                  \
  ".quad 1f, (2f - 1f), 4f\n"        \
  ".popsection\n"                    \
  "leaq 3b(%%rip), %%rax\n"          \
  "movq %%rax, 8(%[area])\n"         \
  "1: cmpl %[cpu], 4(%[area])\n"     \
  "jnz 4f\n"
#define RSEQ_END                          \
  "2:\n"                                  \
  ".pushsection __rseq_failure, \"ax\"\n" \
  ".byte 0x0f, 0xb9, 0x3d\n"              \
  ".long 0x53053053\n"                    \
  "4: jmp %l[again]\n"                    \
  ".popsection\n"

namespace {

RseqArea* area_at(std::ptrdiff_t offset) {
  // The thread's own address stands at the beginning of its block.
  char* thread;
  __asm__("movq %%fs:0, %0" : "=r"(thread));
  return reinterpret_cast<RseqArea*>(thread + offset);
}

std::uint32_t cpu_of(const RseqArea* area) {
  return __atomic_load_n(&area->cpu_id_start, __ATOMIC_RELAXED);
}

}  // namespace

void* CpuMagazines::pop() {
  RseqArea* const area = area_at(area_offset_);
  void* object;
again:
  const std::uint32_t cpu = cpu_of(area);
  if (cpu >= kMaxCpus) [[unlikely]]
    return nullptr;
  // clang-format off
  __asm__ goto volatile(
      RSEQ_BEGIN
      "movq (%[own]), %%rcx\n"
      "testq %%rcx, %%rcx\n"
      "jz %l[empty]\n"
      "movq (%[own], %%rcx, 8), %%rax\n"  // objects[count - 1]: they begin behind the count
      "movq %%rax, (%[to])\n"
      "decq %%rcx\n"
      "movq %%rcx, (%[own])\n"
      RSEQ_END
      : : [area] "r"(area), [cpu] "r"(cpu), [own] "r"(&cpus_[cpu]), [to] "r"(&object)
      : "rax", "rcx", "memory", "cc" : empty, again);
  // clang-format on
  return object;
empty:
  return nullptr;
}

bool CpuMagazines::push(void* object) {
  RseqArea* const area = area_at(area_offset_);
again:
  const std::uint32_t cpu = cpu_of(area);
  if (cpu >= kMaxCpus) [[unlikely]]
    return false;
  // clang-format off
  __asm__ goto volatile(
      RSEQ_BEGIN
      "movq (%[own]), %%rcx\n"
      "cmpq %[limit], %%rcx\n"
      "jae %l[full]\n"
      "movq %[object], 8(%[own], %%rcx, 8)\n"
      "incq %%rcx\n"
      "movq %%rcx, (%[own])\n"
      RSEQ_END
      : : [area] "r"(area), [cpu] "r"(cpu), [own] "r"(&cpus_[cpu]), [object] "r"(object),
          [limit] "r"(limit_)
      : "rax", "rcx", "memory", "cc" : full, again);
  // clang-format on
  return true;
full:
  return false;
}

#else

void* CpuMagazines::pop() { return nullptr; }
bool CpuMagazines::push(void*) { return false; }

#endif

std::size_t CpuMagazines::count() const {
  std::size_t sum = 0;
  for (const PerCpu& cpu : cpus_) sum += __atomic_load_n(&cpu.count, __ATOMIC_RELAXED);
  return sum;
}

bool CpuMagazines::are_deep_enough() const {
  return std::all_of(std::begin(cpus_), std::end(cpus_),
                     [](const PerCpu& cpu) { return cpu.count <= kMaxObjects; });
}

std::size_t CpuMagazines::take(void** out, std::size_t wanted) {
  std::size_t got = 0;
  for (PerCpu& cpu : cpus_) {
    while (got < wanted && cpu.count != 0) out[got++] = cpu.objects[--cpu.count];
  }
  return got;
}

}  // namespace superslab
