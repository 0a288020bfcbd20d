// The values of a compressed pool of JavaScript (lib/pools/compressed): hot ones in blocks of a
// pool of buffers, cold ones in a pool beside it, and the thread that compresses them.
#pragma once

#include <memory>
#include <string>

#include "addon/process_pools.h"
#include "pools/buffer/block_number.h"
#include "pools/compressed/tiers.h"
#include "runtime/cooler.h"

namespace superslab {

class CompressedValues final : private HotBlocks {
 public:
  struct Options {
    TierOptions tiers;
    ByteCount cold_bytes = 0;      // 0: no limit
    double cpu_share = 1;          // above 0 and up to 1
    std::uint32_t generation = 1;  // that slots begin with
  };

  /// nullptr without memory. `hot` outlives the values.
  static std::unique_ptr<CompressedValues> make(ProcessPools& process, BufferPool& hot,
                                                const Options& options);
  ~CompressedValues();

  Tiers& tiers() { return tiers_; }
  ColdPool& cold() { return cold_; }
  Cooler& cooler() { return cooler_; }
  Space& space() const { return process_.space(); }

  /// Gives back what lies idle among cold values; the bytes that went.
  ByteCount trim();

  /// Nothing is compressed from now on, and cold values have ended. Once or more often.
  void close();

 private:
  CompressedValues(ProcessPools& process, BufferPool& hot, ColdPool& cold, const Options& options);

  void* find(std::uint32_t block) const override {
    return address_of_number(process_.space(), BlockNumber{block});
  }
  void give(std::uint32_t block) override { send_home(process_.space(), BlockNumber{block}); }
  ByteCount charged() const override { return pool_.budget().charged(); }

  ProcessPools& process_;
  BufferPool& pool_;
  ColdPool& cold_;
  SystemClock clock_;
  Tiers tiers_;
  Cooler cooler_;
  bool is_closed_ = false;
};

}  // namespace superslab
