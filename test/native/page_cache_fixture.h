// Page caches over FakeFiles, whose pages say which version of them they are.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "os/fake_files.h"
#include "pools/page_cache/page_cache.h"
#include "pools/page_cache/page_checksum.h"

namespace superslab_test {

using namespace superslab;
using namespace superslab::pages;

/// A cache with the memory of its frames.
class OwnedCache {
 public:
  OwnedCache(FakeFiles& files, const PageCacheOptions& options, PageNumber file_pages) {
    failure = PageCache::open(files, "/pages", options, &cache);
    if (!failure.ok()) return;
    PageNumber first = 0;
    if (cache->page_count() == 0) failure = cache->grow(file_pages, &first);
    for (std::uint32_t i = 0; i < options.frames; ++i) {
      memory.push_back(std::aligned_alloc(4096, std::max<ByteCount>(options.page_bytes, 4096)));
      cache->give_back(cache->add(memory.back(), i + 1));
    }
  }
  ~OwnedCache() {
    cache.reset();
    for (void* one : memory) std::free(one);
  }

  PageCache* operator->() { return cache.get(); }

  std::byte* bytes(FrameIndex frame) {
    const auto block = cache->table()->block(frame).load();
    return static_cast<std::byte*>(memory[block - 1]);
  }

  /// Pins the page and says its version.
  PinResult pin(PageNumber page, std::uint64_t* version = nullptr) {
    const PinResult result = cache->pin({.page = page});
    if (result.status == PinStatus::kPinned && version != nullptr)
      std::memcpy(version, bytes(result.frame), sizeof *version);
    return result;
  }
  /// Its version is that from now on, throughout; it is pinned.
  void write(FrameIndex frame, std::uint64_t version) {
    for (ByteCount at = 0; at + sizeof version <= cache->usable_bytes(); at += sizeof version)
      std::memcpy(bytes(frame) + at, &version, sizeof version);
    cache->mark_dirty(frame);
  }
  /// Whether all of it is of one version.
  bool is_whole(FrameIndex frame) {
    std::uint64_t first;
    std::memcpy(&first, bytes(frame), sizeof first);
    for (ByteCount at = 0; at + sizeof first <= cache->usable_bytes(); at += sizeof first)
      if (std::memcmp(bytes(frame) + at, &first, sizeof first) != 0) return false;
    return true;
  }
  Failure checkpoint() {
    const Failure begun = cache->begin_checkpoint();
    return begun.ok() ? cache->finish_checkpoint() : begun;
  }

  std::unique_ptr<PageCache> cache;
  std::vector<void*> memory;
  Failure failure;
};

inline PageCacheOptions small_cache(std::uint32_t frames = 8, ByteCount page_bytes = 512) {
  PageCacheOptions options;
  options.page_bytes = page_bytes;
  options.frames = frames;
  return options;
}

}  // namespace superslab_test
