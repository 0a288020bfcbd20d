#include "malloc/program_page_cache.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "malloc/program_pressure.h"

namespace superslab {

using pages::FrameIndex;
using pages::FrameState;
using pages::kNoFrame;
using pages::PageCache;
using pages::PinRequest;
using pages::PinResult;
using pages::PinStatus;

namespace {

/// Direct reads and writes want their memory so.
constexpr ByteCount kMostAlignment = 4096;

/// Of all frames the part that prefetch() fills at once: what it brought in before would go again.
constexpr std::uint32_t kPrefetchedPart = 4;

}  // namespace

FixedPoolOptions ProgramPageCache::frame_options(const pages::PageCacheOptions& options) {
  FixedPoolOptions out;
  out.object_bytes = options.page_bytes;
  out.alignment = std::min(options.page_bytes, kMostAlignment);
  out.max = options.frames;
  return out;
}

ProgramPageCache::ProgramPageCache(ProcessHeap& process, std::unique_ptr<PageCache> pages,
                                   std::string path, std::string_view name)
    : ProgramKind(Kind::kPageCache),
      pages_(std::move(pages)),
      path_(std::move(path)),
      frames_(process.space(), process.clock(), process.policy(), frame_options(pages_->options()),
              name),
      writer_(*pages_),
      reader_(*pages_),
      opener_(getpid()) {}

pages::Failure ProgramPageCache::open(const std::string& path,
                                      const pages::PageCacheOptions& options, std::string_view name,
                                      ProgramPageCache** out) {
  ProcessHeap* const process = ProcessHeap::get();
  if (process == nullptr) return {pages::Fault::kNoMemory};
  std::unique_ptr<PageCache> pages;
  const pages::Failure failure = PageCache::open(system_files(), path, options, &pages);
  if (!failure.ok()) return failure;
  Space& space = process->space();
  auto* own =
      space.metadata().make<ProgramPageCache>(space.os(), *process, std::move(pages), path, name);
  if (own == nullptr) return {pages::Fault::kNoMemory};
  if (own->frames_.open() != FixedFault::kNone) {
    own->frames_.close();
    space.metadata().destroy(own);
    return {pages::Fault::kNoMemory};
  }
  own->enter(*process);
  // Without a thread for it nothing is given back before its time.
  static_cast<void>(ProgramPressure::begin());
  *out = own;
  return {};
}

bool ProgramPageCache::is_child() const {
  // A fork that ran no handlers has told nobody.
  return is_child_.load(std::memory_order_relaxed) || getpid() != opener_;
}

void ProgramPageCache::count_hit() {
  // Thread control blocks are pages apart.
  const auto self = reinterpret_cast<std::uintptr_t>(pthread_self());
  hits_[(self >> 12) % kHits].count.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t ProgramPageCache::hits() const {
  std::uint64_t sum = 0;
  for (const Hits& one : hits_) sum += one.count.load(std::memory_order_relaxed);
  return sum;
}

FrameIndex ProgramPageCache::try_pin(pages::PageNumber page) {
  const FrameIndex frame = pages_->try_pin(page);
  if (frame != kNoFrame) count_hit();
  return frame;
}

/// Lent; kNoFrame when there are as many as may be, or no memory.
FrameIndex ProgramPageCache::add_frame() {
  void* memory = nullptr;
  if (pages_->is_full() || frames_.take(&memory, 1) != FixedFault::kNone) return kNoFrame;
  const std::uintptr_t base = frames_.heap().space().region().base;
  const auto block = static_cast<std::uint32_t>((address_of(memory) - base) / pages::kMinPageBytes);
  const FrameIndex frame = pages_->add(memory, block);
  if (frame == kNoFrame) frames_.give(&memory, 1);
  return frame;
}

PinResult ProgramPageCache::pin_into_new(const PinRequest& request) {
  PinRequest own = request;
  own.given = add_frame();
  own.may_evict = own.given == kNoFrame;
  const PinResult result = pages_->pin(own);
  const bool is_used = result.status == PinStatus::kPinned && result.frame == own.given;
  if (own.given != kNoFrame && !is_used) pages_->give_back(own.given);
  return result;
}

PinResult ProgramPageCache::pin_page(pages::PageNumber page) {
  const PinRequest request{.page = page};
  PinResult result = pages_->pin(request);
  if (result.status == PinStatus::kNoFrame) result = pin_into_new(request);
  if (result.is_new)
    writer_.nudge();
  else if (result.status == PinStatus::kPinned)
    count_hit();
  return result;
}

std::uint32_t ProgramPageCache::prefetch(pages::PageNumber first, std::uint32_t count) {
  const std::uint32_t most = std::max(pages_->options().frames / kPrefetchedPart, 1u);
  const std::uint64_t end =
      std::min(std::uint64_t{first} + count, std::uint64_t{pages_->page_count()});
  std::uint32_t asked = 0;
  for (std::uint64_t at = first; at < end && asked < most; ++at) {
    const auto page = static_cast<pages::PageNumber>(at);
    PinResult result = pages_->prefetch(page, false);
    if (result.status == PinStatus::kNoFrame) {
      const FrameIndex frame = add_frame();
      if (frame != kNoFrame) pages_->give_back(frame);
      result = pages_->prefetch(page, true);
    }
    if (result.status == PinStatus::kNoFrame) break;
    asked += result.is_new;
  }
  // Without a thread whoever pins them reads them.
  if (asked > 0) static_cast<void>(reader_.nudge());
  return asked;
}

pages::Failure ProgramPageCache::checkpoint() {
  if (pages_->options().access == FileAccess::kRead) return {pages::Fault::kReadOnly};
  LockGuard guard(checkpointing_);
  const pages::Failure failure = pages_->begin_checkpoint();
  return failure.ok() ? pages_->finish_checkpoint() : failure;
}

ByteCount ProgramPageCache::trim(std::uint32_t most_use) {
  const std::uintptr_t base = frames_.heap().space().region().base;
  std::uint32_t block = 0;
  while (pages_->drop(most_use, &block) != kNoFrame) {
    void* memory = reinterpret_cast<void*>(base + ByteCount{block} * pages::kMinPageBytes);
    frames_.give(&memory, 1);
  }
  return frames_.trim(0);
}

ByteCount ProgramPageCache::trim_idle() {
  return is_child() || pages_->is_closed() ? 0 : trim(FrameState::kMostUse);
}

ByteCount ProgramPageCache::relieve(ReliefStep step) {
  if (is_child() || pages_->is_closed()) return 0;
  switch (step) {
    case ReliefStep::kNothing:
      return 0;
    case ReliefStep::kCaches:
      return frames_.trim(0);
    case ReliefStep::kCold:
      return trim(0);
    case ReliefStep::kIdle:
      return trim(FrameState::kMostUse);
  }
  return 0;
}

bool ProgramPageCache::survive_fork(const SlabOwner* mine, bool is_suspect) {
  is_child_.store(true, std::memory_order_relaxed);
  return frames_.survive_fork(mine, is_suspect);
}

pages::Failure ProgramPageCache::close() {
  const bool writes = pages_->options().access == FileAccess::kReadWrite;
  const pages::Failure failure = writes ? checkpoint() : pages::Failure{};
  pin();
  writer_.stop();
  reader_.stop();
  pages_->close();
  trim(FrameState::kMostUse);
  frames_.close();
  ProgramPressure::end();
  unpin();
  return failure;
}

void ProgramPageCache::end() { ProcessHeap::get()->space().metadata().destroy(this); }

}  // namespace superslab
