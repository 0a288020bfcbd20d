// Reads the pages of one page cache that were asked for ahead of any pin.
#pragma once

#include <cassert>

#include "pools/page_cache/page_cache.h"
#include "runtime/background_thread.h"

namespace superslab {

/// It waits for the disk, and the one who writes must not wait for it: so it has a thread of its
/// own.
class PageReader final : private BackgroundTask {
 public:
  explicit PageReader(pages::PageCache& cache) : cache_(cache) {}
  /// stop() came first.
  ~PageReader() { assert(!thread_.is_there()); }

  /// After prefetch(). False when there is no thread, and none can be made. Any thread, with no
  /// lock held.
  bool nudge() { return thread_.wake(*this); }
  /// Ends it for good, after the pages that it is at.
  void stop() { thread_.stop(); }

 private:
  Rest step(Nanos) override {
    cache_.read_asked();
    return {};
  }

  pages::PageCache& cache_;
  BackgroundThread thread_;
};

}  // namespace superslab
