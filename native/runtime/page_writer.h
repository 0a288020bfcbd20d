// Writes dirty pages of one page cache in the background, ahead of the hand of its clock.
#pragma once

#include "pools/page_cache/page_cache.h"
#include "runtime/background_thread.h"

namespace superslab {

class PageWriter {
 public:
  explicit PageWriter(pages::PageCache& cache) : cache_(cache), thread_(work, this) {}

  /// After pages came in: has it go to work if it is time. Any thread, with no lock held.
  void nudge() {
    if (cache_.wants_writer()) thread_.wake();
  }
  /// Ends it for good, after the pages that it is at.
  void stop() { thread_.stop(); }

 private:
  static BackgroundThread::Pause work(void* self) {
    static_cast<PageWriter*>(self)->cache_.write_ahead();
    return {};
  }

  pages::PageCache& cache_;
  BackgroundThread thread_;
};

}  // namespace superslab
