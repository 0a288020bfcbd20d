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
