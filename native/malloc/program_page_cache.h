// The page caches that a program opens through superslab.h, and their threads.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "malloc/program_kinds.h"
#include "pools/fixed/fixed_pool.h"
#include "pools/page_cache/page_cache.h"
#include "runtime/page_reader.h"
#include "runtime/page_writer.h"

namespace superslab {

class ProgramPageCache final : public ProgramKind {
 public:
  /// Opens the file, or makes it.
  static pages::Failure open(const std::string& path, const pages::PageCacheOptions& options,
                             std::string_view name, ProgramPageCache** out);

  /// With SUPERSLAB_CHECK: as ProgramKind::check().
  static void check(const char* function, const ProgramKind* cache) {
    ProgramKind::check(function, cache, Kind::kPageCache);
  }

  pages::PageCache& cache() { return *pages_; }
  FixedPool& frames() { return frames_; }
  const std::string& path() const { return path_; }
  std::uint64_t hits() const;

  /// Whether this is the child of the process that opened it: then the file is not its.
  bool is_child() const;

  // Any thread of the process that opened it --------------------------------------------------

  /// A page that is in memory; kNoFrame for another. In the child of that process, too.
  pages::FrameIndex try_pin(pages::PageNumber page);
  /// One that try_pin() has not.
  pages::PinResult pin_page(pages::PageNumber page);
  /// Returns how many pages are to be read.
  std::uint32_t prefetch(pages::PageNumber first, std::uint32_t count);
  pages::Failure checkpoint();
  /// Gives the memory of clean pages back that were used `most_use` times at most since the hand
  /// came by. Returns the bytes.
  ByteCount trim(std::uint32_t most_use);

  /// No other thread is in a call for this cache, and no page is pinned. It is gone afterwards.
  pages::Failure close();

 private:
  friend class Metadata;

  /// Pins that were hits, in lines of their own: a line that all threads add to would cost more
  /// than the pin.
  struct alignas(64) Hits {
    std::atomic<std::uint64_t> count{0};
  };
  static constexpr std::size_t kHits = 16;

  ProgramPageCache(ProcessHeap& process, std::unique_ptr<pages::PageCache> pages, std::string path,
                   std::string_view name);
  ~ProgramPageCache() = default;
  static FixedPoolOptions frame_options(const pages::PageCacheOptions& options);

  void count_hit();
  pages::PinResult pin_into_new(const pages::PinRequest& request);
  pages::FrameIndex add_frame();

  bool is_done() const override { return pages_->is_closed(); }
  void end() override;
  ByteCount trim_idle() override;
  ByteCount relieve(ReliefStep step) override;
  bool survive_fork(const SlabOwner* mine, bool is_suspect) override;

  const std::unique_ptr<pages::PageCache> pages_;
  const std::string path_;
  FixedPool frames_;
  PageWriter writer_;
  PageReader reader_;
  Mutex checkpointing_{LockRank::kCheckpoint};
  const pid_t opener_;
  std::atomic<bool> is_child_{false};
  Hits hits_[kHits];
};

}  // namespace superslab
