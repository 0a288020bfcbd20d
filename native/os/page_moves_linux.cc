#if defined(__linux__)

#include "os/page_moves_linux.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "base/keep_errno.h"

namespace superslab {
namespace {

constexpr int kMove = 1 << 1;  // MPOL_MF_MOVE: pages of this process alone

/// A page may be in use by the kernel for a moment. All but the first of a transparent huge page
/// are told to be busy, which moves as a whole with the first.
constexpr int kTries = 3;

/// Pages of one batch that are not where they should be. Too long for a stack: there is one, and
/// one batch moves at a time.
class Batch {
 public:
  void fill(const OsRange* ranges, std::size_t count, ByteCount page_bytes) {
    left_ = 0;
    for (std::size_t i = 0; i < count; ++i) {
      for (ByteCount at = 0; at < ranges[i].bytes; at += page_bytes) {
        assert(left_ < kMoveBatchPages && "a batch");
        pages_[left_++] = static_cast<std::byte*>(ranges[i].address) + at;
      }
    }
  }

  std::size_t left() const { return left_; }

  /// Keeps the pages that lie on another node, and adds up the others: `arrived` those that lie on
  /// node `to`. False when the kernel does not tell; then all are left.
  bool sift(int to, std::uint64_t& arrived, std::uint64_t& absent) {
    if (!call_move_pages(pages_, left_, nullptr, status_)) return false;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < left_; ++i) {
      if (status_[i] == to) {
        ++arrived;
      } else if (status_[i] < 0) {
        ++absent;
      } else {
        pages_[kept++] = pages_[i];
      }
    }
    left_ = kept;
    return true;
  }

  /// What came of it, sift() tells: the status of a page that moved with another one is wrong.
  bool move(int to) {
    std::fill_n(nodes_, left_, to);
    return call_move_pages(pages_, left_, nodes_, status_);
  }

 private:
  std::size_t left_ = 0;
  void* pages_[kMoveBatchPages] = {};
  int nodes_[kMoveBatchPages] = {};
  int status_[kMoveBatchPages] = {};
};

constinit Batch batch;
pthread_mutex_t batch_lock = PTHREAD_MUTEX_INITIALIZER;

/// Nodes that are asked for together.
constexpr std::size_t kAskedPages = 128;

}  // namespace

bool call_move_pages(void** pages, std::size_t count, const int* to, int* status) {
  return syscall(SYS_move_pages, 0, static_cast<unsigned long>(count), pages, to, status,
                 to == nullptr ? 0 : kMove) >= 0;
}

void nodes_of_pages(const void* const* pages, std::size_t count, const NodeSet& nodes,
                    NodeOrdinal* out) {
  const KeepErrno keep;
  int status[kAskedPages];
  for (std::size_t done = 0; done < count; done += kAskedPages) {
    const std::size_t part = std::min(count - done, kAskedPages);
    const bool known = call_move_pages(const_cast<void**>(pages + done), part, nullptr, status);
    for (std::size_t i = 0; i < part; ++i)
      out[done + i] =
          known && status[i] >= 0 ? nodes.ordinal_of(static_cast<unsigned>(status[i])) : kNoNode;
  }
}

PageMoves move_ranges(const OsRange* ranges, std::size_t count, ByteCount page_bytes, unsigned to) {
  const KeepErrno keep;
  const int node = static_cast<int>(to);
  PageMoves moves;
  pthread_mutex_lock(&batch_lock);
  batch.fill(ranges, count, page_bytes);
  bool known = batch.sift(node, moves.there, moves.absent);
  for (int tries = 0; known && batch.left() != 0 && tries < kTries; ++tries) {
    if (!batch.move(node)) break;
    known = batch.sift(node, moves.moved, moves.absent);
  }
  moves.failed = batch.left();
  pthread_mutex_unlock(&batch_lock);
  return moves;
}

}  // namespace superslab

#endif
