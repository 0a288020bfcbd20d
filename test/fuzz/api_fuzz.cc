// Reads the input as a sequence of calls of superslab.h and holds a model of what must be true of
// the blocks beside it. Frees by a second thread happen while the first waits, so that an input
// does the same each time; but the heap lives from one input to the next, as in any process.
#include <errno.h>

#include "helper_thread.h"
#include "input.h"
#include "model.h"

namespace {

constexpr size_t kHeaps = 4;
constexpr size_t kBatch = 64;
constexpr size_t kMinAlignment = 16;

struct FuzzHeap {
  ss_heap* heap = nullptr;
  bool is_limited = false;
};

/// One input's state; nothing of it stays.
class Session {
 public:
  explicit Session(Input input) : input_(input) {}

  void run() {
    while (!input_.is_empty()) step();
    model_.for_each_used([](Block& block) { release(block); });
    for (FuzzHeap& one : heaps_) end_heap(one);
  }

 private:
  void step() {
    errno = kErrnoBefore;
    switch (input_.byte() % 24) {
      case 0:
      case 1:
      case 2:
      case 3:
        return allocate();
      case 4:
        return allocate_zeroed();
      case 5:
      case 6:
        return allocate_aligned();
      case 7:
      case 8:
      case 9:
      case 10:
        return resize();
      case 11:
      case 12:
      case 13:
      case 14:
        return free_one();
      case 15:
      case 16:
        return free_elsewhere();
      case 17:
      case 18:
        return batch();
      case 19:
        return free_range();
      case 20:
        return toggle_heap();
      case 21:
        return check_all();
      case 22:
        return process();
      case 23:
        return impossible();
    }
  }

  Block& any_block() { return model_[input_.byte()]; }

  /// One of the heaps; without one that of the process, whose `heap` is nullptr.
  const FuzzHeap& any_heap() {
    static constexpr FuzzHeap process;
    const uint8_t choice = input_.byte();
    return choice < 128 ? process : heaps_[choice % kHeaps];
  }

  static void release(Block& block) {
    Model::check(block);
    errno = kErrnoBefore;
    block.tag % 2 ? ss_free(block.at) : ss_free_sized(block.at, block.asked);
    REQUIRE(errno == kErrnoBefore);
    block = {};
  }

  /// What an allocation answered goes into the model; nullptr only where a heap is limited.
  void take(Block& block, void* at, size_t bytes, size_t alignment, const FuzzHeap& from) {
    if (at == nullptr) {
      REQUIRE(errno == ENOMEM && from.is_limited);
      return;
    }
    model_.add(block, at, bytes, alignment, from.heap);
  }

  void allocate() {
    Block& block = any_block();
    const FuzzHeap& from = any_heap();
    const size_t bytes = input_.size();
    if (block.is_used()) return release(block);
    take(block, from.heap == nullptr ? ss_malloc(bytes) : ss_heap_malloc(from.heap, bytes), bytes,
         kMinAlignment, from);
  }

  void allocate_zeroed() {
    Block& block = any_block();
    const FuzzHeap& from = any_heap();
    const size_t count = input_.byte();
    const size_t bytes = input_.size() / (count + 1);
    if (block.is_used()) return release(block);
    void* at =
        from.heap == nullptr ? ss_calloc(count, bytes) : ss_heap_calloc(from.heap, count, bytes);
    if (at != nullptr) Model::check_zero(at, count * bytes);
    take(block, at, count * bytes, kMinAlignment, from);
  }

  void allocate_aligned() {
    Block& block = any_block();
    const FuzzHeap& from = any_heap();
    const size_t alignment = input_.alignment();
    const size_t bytes = input_.size();
    if (block.is_used()) return release(block);
    void* at = from.heap == nullptr ? ss_aligned_alloc(alignment, bytes)
                                    : ss_heap_aligned_alloc(from.heap, alignment, bytes);
    take(block, at, bytes, alignment, from);
  }

  void resize() {
    Block& block = any_block();
    const FuzzHeap& to = any_heap();
    const uint8_t how = input_.byte();
    size_t bytes = input_.size();
    if (how % 2 != 0) bytes = block.bytes + bytes % 4096 - (how % 4 == 1 ? 0 : block.bytes / 4);
    if (bytes > 64 << 20) bytes = 64 << 20;
    const Block before = block;
    if (before.is_used()) Model::check(before);
    // Before a block that did not move is looked at: it does not overlap itself.
    block = {};
    errno = kErrnoBefore;
    void* at = to.heap == nullptr ? ss_realloc(before.at, bytes)
                                  : ss_heap_realloc(to.heap, before.at, bytes);
    if (before.is_used() && bytes == 0) {
      REQUIRE(at == nullptr);
      return;
    }
    if (at == nullptr) {
      REQUIRE(errno == ENOMEM && to.is_limited);
      if (!before.is_used()) return;
      block = before;
      return Model::check(block);
    }
    if (before.is_used())
      Model::check_moved(before, at, bytes < before.bytes ? bytes : before.bytes);
    model_.add(block, at, bytes, kMinAlignment, at == before.at ? before.heap : to.heap);
  }

  void free_one() {
    Block& block = any_block();
    if (block.is_used()) release(block);
  }

  void free_range() {
    const size_t first = input_.byte();
    const size_t count = input_.byte() % kBatch;
    void* blocks[kBatch] = {};
    for (size_t i = 0; i < count; ++i) {
      Block& block = model_[first + i];
      if (!block.is_used()) continue;
      Model::check(block);
      blocks[i] = block.at;
      block = {};
    }
    errno = kErrnoBefore;
    ss_free_batch(blocks, count);
    REQUIRE(errno == kErrnoBefore);
  }

  struct Range {
    Session* session;
    size_t first, count, step;
  };

  void free_elsewhere() {
    Range range{this, input_.byte(), input_.byte() % kBatch, 1u + input_.byte() % 7};
    helper_.run(
        [](void* argument) {
          const Range& range = *static_cast<Range*>(argument);
          for (size_t i = 0; i < range.count; ++i) {
            Block& block = range.session->model_[range.first + i * range.step];
            if (block.is_used()) release(block);
          }
        },
        &range);
    if (range.step == 7) helper_.end();
  }

  void batch() {
    const size_t first = input_.byte();
    const size_t count = input_.byte() % kBatch;
    const size_t bytes = input_.size() % (64 << 10);
    for (size_t i = 0; i < count; ++i) {
      if (model_[first + i].is_used()) release(model_[first + i]);
    }
    void* blocks[kBatch];
    errno = kErrnoBefore;
    REQUIRE(ss_malloc_batch(bytes, blocks, count) == count);
    for (size_t i = 0; i < count; ++i)
      model_.add(model_[first + i], blocks[i], bytes, kMinAlignment, nullptr);
  }

  void toggle_heap() {
    FuzzHeap& one = heaps_[input_.byte() % kHeaps];
    const size_t limit = input_.size();
    if (one.heap != nullptr) return end_heap(one);
    one = {ss_heap_new(limit), limit != 0};
    REQUIRE(one.heap != nullptr && errno == kErrnoBefore);
  }

  void end_heap(FuzzHeap& one) {
    if (one.heap == nullptr) return;
    model_.for_each_used([&](Block& block) {
      if (block.heap != one.heap) return;
      Model::check(block);
      block = {};
    });
    ss_heap_delete(one.heap);
    one = {};
    // What other heaps have is as it was.
    check_all();
  }

  void check_all() {
    model_.for_each_used([](Block& block) { Model::check(block); });
  }

  void process() {
    if (input_.byte() % 2) {
      ss_trim();
      return check_all();
    }
    char text[64];
    const size_t room = input_.byte() % sizeof text;
    memset(text, '#', sizeof text);
    REQUIRE(ss_stats_json(text, room) > sizeof text);
    for (size_t i = room; i < sizeof text; ++i) REQUIRE(text[i] == '#');
    REQUIRE(room == 0 || strlen(text) == room - 1);
  }

  /// Requests that no heap can serve change nothing.
  void impossible() {
    Block& block = any_block();
    const FuzzHeap& from = any_heap();
    const size_t huge = SIZE_MAX / 2 + 1 + input_.word();
    void* at = nullptr;
    switch (input_.byte() % 4) {
      case 0:
        at = from.heap == nullptr ? ss_malloc(huge) : ss_heap_malloc(from.heap, huge);
        break;
      case 1:
        at = from.heap == nullptr ? ss_calloc(huge, 3) : ss_heap_calloc(from.heap, huge, 3);
        break;
      case 2:
        at = from.heap == nullptr ? ss_realloc(block.at, huge)
                                  : ss_heap_realloc(from.heap, block.at, huge);
        break;
      case 3:
        at = ss_aligned_alloc(size_t{1} << 30, huge);
        break;
    }
    REQUIRE(at == nullptr && errno == ENOMEM);
    errno = kErrnoBefore;
    const volatile size_t odd = 3;
    REQUIRE(ss_aligned_alloc(odd, 16) == nullptr && errno == EINVAL);
    if (block.is_used()) Model::check(block);
  }

  Input input_;
  Model model_;
  FuzzHeap heaps_[kHeaps];
  static HelperThread helper_;
};

HelperThread Session::helper_;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  Session(Input(data, bytes)).run();
  return 0;
}
