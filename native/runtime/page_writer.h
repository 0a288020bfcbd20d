// Writes dirty pages of one page cache in the background, ahead of the hand of its clock.
#pragma once

#include <cassert>

#include "pools/page_cache/page_cache.h"
#include "runtime/background_thread.h"

namespace superslab {

/// It waits for the disk, which the tasks of the control loop must not: so it has a thread of its
/// own.
class PageWriter final : private BackgroundTask {
 public:
  explicit PageWriter(pages::PageCache& cache) : cache_(cache) {}
  /// stop() came first.
  ~PageWriter() { assert(!thread_.is_there()); }

  /// After pages came in: has it go to work if it is time. Any thread, with no lock held.
  void nudge() {
    if (cache_.wants_writer()) thread_.wake(*this);
  }
  /// Ends it for good, after the pages that it is at.
  void stop() { thread_.stop(); }

 private:
  Rest step(Nanos) override {
    cache_.write_ahead();
    return {};
  }

  pages::PageCache& cache_;
  BackgroundThread thread_;
};

}  // namespace superslab
