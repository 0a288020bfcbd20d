#include "addon/cached_pages.h"

#include <new>
#include <utility>

namespace superslab {

using pages::PageCache;

pages::Failure CachedPages::open(const std::string& path, const pages::PageCacheOptions& options,
                                 SliceTag tag, std::shared_ptr<CachedPages>* out) {
  std::unique_ptr<PageCache> cache;
  const pages::Failure failure = PageCache::open(system_files(), path, options, &cache);
  if (failure.ok()) *out = std::make_shared<CachedPages>(std::move(cache), tag);
  return failure;
}

CachedPages::CachedPages(std::unique_ptr<PageCache> cache, SliceTag tag)
    : cache_(std::move(cache)), writer_(*cache_), tag_(tag) {}

CachedPages::~CachedPages() { close(); }

void CachedPages::close() {
  if (is_closed_) return;
  is_closed_ = true;
  writer_.stop();
  cache_->close();
}

}  // namespace superslab
