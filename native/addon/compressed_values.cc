#include "addon/compressed_values.h"

#include <new>

namespace superslab {

CompressedValues::CompressedValues(ProcessPools& process, BufferPool& hot, ColdPool& cold,
                                   const Options& options)
    : process_(process),
      pool_(hot),
      cold_(cold),
      tiers_(*this, cold, process.space(), clock_, options.tiers),
      cooler_(tiers_, options.cpu_share) {}

std::unique_ptr<CompressedValues> CompressedValues::make(ProcessPools& process, BufferPool& hot,
                                                         const Options& options) {
  std::string name(hot.name());
  name += " (cold)";
  ColdPool* const cold = process.make_cold_pool(options.cold_bytes, name);
  if (cold == nullptr) return nullptr;
  std::unique_ptr<CompressedValues> made(new (std::nothrow)
                                             CompressedValues(process, hot, *cold, options));
  if (made == nullptr) {
    process.retire_pool(cold);
    return nullptr;
  }
  return made->tiers_.open(options.generation) ? std::move(made) : nullptr;
}

ByteCount CompressedValues::trim() {
  tiers_.retire_unused();
  return cold_.trim(0);
}

void CompressedValues::close() {
  if (is_closed_) return;
  is_closed_ = true;
  cooler_.stop();
  tiers_.drop_cold();
  cold_.close();
}

CompressedValues::~CompressedValues() {
  close();
  process_.retire_pool(&cold_);
}

}  // namespace superslab
