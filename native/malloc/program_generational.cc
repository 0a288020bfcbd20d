#include "malloc/program_generational.h"

#include "malloc/fatal.h"

namespace superslab {
namespace {

/// Pools begin their handles far from each other, so that one of another pool is told with near
/// certainty: by the golden ratio.
std::uint32_t next_seed() {
  static constinit std::atomic<std::uint32_t> seeds{0x6a09e667};
  return seeds.fetch_add(0x9e3779b9, std::memory_order_relaxed);
}

}  // namespace

ProgramGenerational::ProgramGenerational(ProcessHeap& process, const GenerationalOptions& options,
                                         std::uint32_t seed, std::string_view name)
    : ProgramKind(Kind::kGenerational),
      values_(process.space(), process.clock(), stopwatch_, process.policy(), options, face_.window,
              seed, name) {
  face_.pool = this;
}

ProgramGenerational* ProgramGenerational::make(const GenerationalOptions& options,
                                               std::string_view name) {
  ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr) return nullptr;
  Space& space = process->space();
  auto* pool =
      space.metadata().make<ProgramGenerational>(space.os(), *process, options, next_seed(), name);
  if (pool == nullptr) return nullptr;
  if (!pool->values_.open()) {
    space.metadata().destroy(pool);
    return nullptr;
  }
  pool->enter(*process);
  return pool;
}

void ProgramGenerational::check_now(const char* function, const Face* face) {
  bool is_one = false;
  for_each([&](ProgramKind& one) {
    if (one.kind() == Kind::kGenerational)
      is_one |= &static_cast<ProgramGenerational&>(one).face_ == face;
  });
  if (!is_one)
    fail_on_address(function, face, "none of ss_generational_pool_new(), or closed",
                    "is not a pool");
}

std::size_t ProgramGenerational::close() {
  const std::size_t values = values_.values();
  pin();
  values_.close();
  unpin();
  return values;
}

void ProgramGenerational::end() { ProcessHeap::get()->space().metadata().destroy(this); }

}  // namespace superslab
