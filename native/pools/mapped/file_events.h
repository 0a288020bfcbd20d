// What a mapped pool did with its file, for those who want to know. It costs nothing while nobody
// does.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace superslab::mapped {

enum class FileEventKind : std::uint8_t {
  kMap,         // bytes: of the mapping
  kRecover,     // bytes: records that were replayed
  kGrow,        // bytes: more for blocks
  kShrink,      // bytes: back to the file system
  kCommit,      // bytes: of the record
  kSync,        // no bytes
  kCheckpoint,  // bytes: of pages that were written home
};

struct FileEvent {
  FileEventKind kind;
  std::uint64_t bytes;
  Nanos duration;
};

class FileEvents {
 public:
  /// A call may have so many; those beyond are left out.
  static constexpr std::size_t kMax = 64;

  void listen(bool listens) {
    listens_ = listens;
    if (!listens) events_.clear();
  }
  /// For note(); 0 while nobody listens.
  Nanos start() const { return listens_ ? precise_now() : 0; }
  void note(FileEventKind kind, std::uint64_t bytes, Nanos start) {
    if (listens_ && events_.size() < kMax) events_.push_back({kind, bytes, precise_now() - start});
  }
  std::vector<FileEvent> take() { return std::exchange(events_, {}); }

 private:
  bool listens_ = true;  // until whoever opened the file says otherwise
  std::vector<FileEvent> events_;
};

}  // namespace superslab::mapped
