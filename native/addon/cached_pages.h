// The page cache of a pool of JavaScript (lib/pools/page-cache): its frames are blocks of a pool of
// buffers, and a thread of its own writes ahead.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pools/page_cache/page_cache.h"
#include "runtime/page_writer.h"
#include "space/space.h"

namespace superslab {

class CachedPages {
 public:
  /// Opens the file, or makes it.
  static pages::Failure open(const std::string& path, const pages::PageCacheOptions& options,
                             SliceTag tag, std::shared_ptr<CachedPages>* out);
  CachedPages(std::unique_ptr<pages::PageCache> cache, SliceTag tag);
  ~CachedPages();

  pages::PageCache& cache() { return *cache_; }
  PageWriter& writer() { return writer_; }

  /// The class of the frames' blocks.
  SliceTag tag() const { return tag_; }

  // The thread of JavaScript.

  /// What the last call that failed came to.
  const pages::Failure& failure() const { return failure_; }
  void note(const pages::Failure& failure) { failure_ = failure; }
  /// Pages that could not be read, and that nobody has been told of yet.
  std::vector<pages::Failure>& unread() { return unread_; }

  /// Checkpoints in the background that have ended, and what became of the last checkpoint of any
  /// kind.
  double checkpoints_ended() const { return checkpoints_ended_; }
  const pages::Failure& checkpoint_failure() const { return checkpoint_failure_; }
  void note_checkpoint(const pages::Failure& failure) { checkpoint_failure_ = failure; }
  void end_checkpoint(const pages::Failure& failure) {
    note_checkpoint(failure);
    ++checkpoints_ended_;
  }

  /// Nothing is read or written from now on. Once or more often.
  void close();

 private:
  const std::unique_ptr<pages::PageCache> cache_;
  PageWriter writer_;
  const SliceTag tag_;
  pages::Failure failure_;
  std::vector<pages::Failure> unread_;
  pages::Failure checkpoint_failure_;
  double checkpoints_ended_ = 0;
  bool is_closed_ = false;
};

}  // namespace superslab
