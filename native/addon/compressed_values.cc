#include "addon/compressed_values.h"

#include <algorithm>
#include <new>

namespace superslab {
namespace {

/// A long name is cut, at the end of a character, so that the two differ.
std::string cold_name(std::string_view name) {
  constexpr std::string_view kSuffix = " (cold)";
  constexpr std::size_t kMost = PoolFigures::kNameBytes - 1 - kSuffix.size();
  std::size_t length = std::min(name.size(), kMost);
  if (length < name.size())
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80) --length;
  return std::string(name.substr(0, length)).append(kSuffix);
}

}  // namespace

CompressedValues::CompressedValues(ProcessPools& process, BufferPool& hot, ColdPool& cold,
                                   const Options& options)
    : process_(process),
      pool_(hot),
      cold_(cold),
      tiers_(*this, cold, process.space(), clock_, options.tiers),
      cooler_(tiers_, options.cpu_share) {}

std::unique_ptr<CompressedValues> CompressedValues::make(ProcessPools& process, BufferPool& hot,
                                                         const Options& options) {
  ColdPool* const cold = process.make_cold_pool(options.cold_bytes, cold_name(hot.name()));
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
