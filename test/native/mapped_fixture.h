// A mapped pool in files of the fake, and a model of what has to be in it.
#pragma once

#if defined(__linux__)

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "os/fake_files.h"
#include "pools/mapped/mapped_pool.h"

namespace superslab_test {

using namespace superslab;
using namespace superslab::mapped;

inline constexpr char kPath[] = "/pool";

/// Of calls, bits and rounds that a test tries one after the other, every how many-th:
/// ThreadSanitizer finds nothing where there is one thread, and takes ten times as long.
#if defined(__SANITIZE_THREAD__)
inline constexpr unsigned kTrialStep = 11;
#else
inline constexpr unsigned kTrialStep = 1;
#endif

/// Small, so that checkpoints are frequent.
inline MappedOptions small_options(SyncLevel promise = SyncLevel::kData) {
  MappedOptions options;
  options.size = 256 * kKiB;
  options.max_bytes = 4 * kMiB;
  options.grow_by = 128 * kKiB;
  options.journal_bytes = 128 * kKiB;
  options.promise = promise;
  return options;
}

inline std::unique_ptr<MappedPool> opened(Files& files, const MappedOptions& options,
                                          Failure* failure = nullptr) {
  std::unique_ptr<MappedPool> pool;
  const Failure result = MappedPool::open(files, kPath, options, &pool);
  if (failure != nullptr) *failure = result;
  return pool;
}

inline std::string content_of(MappedPool& pool, const Block& block) {
  return {reinterpret_cast<const char*>(pool.data() + block.offset), block.bytes};
}

inline MappedOptions with_checksums(MappedOptions options) {
  options.checksums = Checksums::kYes;
  return options;
}

/// All that a program can see of a pool.
struct Content {
  std::map<Handle, std::string> blocks;
  std::map<std::string, Handle> roots;

  bool operator==(const Content&) const = default;
};

inline Content content_of(MappedPool& pool) {
  Content content;
  std::uint64_t cursor = 0;
  Block block;
  while (pool.next(&cursor, &block)) content.blocks[block.handle] = content_of(pool, block);
  std::vector<std::string> names;
  static_cast<void>(pool.root_names(&names));
  for (const std::string& name : names) static_cast<void>(pool.root(name, &content.roots[name]));
  return content;
}

/// Random work, and what each commit has to leave. It ends at the first failure that breaks the
/// pool.
class Workload {
 public:
  explicit Workload(unsigned seed) : chance_(seed + 1) { states.push_back({}); }

  /// What commits left, from the first on; the last may be one that failed.
  std::vector<Content> states;
  /// Of those: how many succeeded, and the last of them that is durable.
  std::size_t acknowledged = 0;
  std::size_t durable = 0;

  /// False when the pool broke.
  bool run(MappedPool& pool, unsigned steps) {
    for (unsigned i = 0; i < steps; ++i) {
      if (!step(pool) || !pool.broken().ok()) return false;
    }
    return true;
  }

  /// The content now, committed or not.
  const Content& now() const { return now_; }
  bool commit(MappedPool& pool, SyncLevel level) {
    states.push_back(now_);
    if (!pool.commit(level).ok()) return false;
    acknowledged = states.size() - 1;
    if (level >= SyncLevel::kData) durable = acknowledged;
    return true;
  }

  /// A commit that a later sync makes durable.
  bool commit_later(MappedPool& pool) {
    states.push_back(now_);
    std::uint64_t sequence = 0;
    if (!pool.commit_later(&sequence).ok()) return false;
    acknowledged = states.size() - 1;
    later_[sequence] = acknowledged;
    note_durable(pool);
    return true;
  }

  /// Ends the sync that is under way: another pool of the file goes on.
  void end_syncing(MappedPool& pool) {
    if (under_way_.file != nullptr) go_on_syncing(pool);
  }

  /// Begins a sync, or ends the one that is under way.
  bool go_on_syncing(MappedPool& pool) {
    if (under_way_.file == nullptr) {
      under_way_ = pool.begin_sync();
      return true;
    }
    const FileError error = under_way_.file->sync(SyncLevel::kData);
    const Failure failure = pool.end_sync(under_way_, error);
    under_way_ = {};
    note_durable(pool);
    return failure.ok();
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(chance_() % n); }

  ByteCount some_bytes() {
    switch (below(8)) {
      case 0:
        return below(200 * 1024);
      case 1:
      case 2:
        return below(20 * 1024);
      default:
        return below(1500);
    }
  }

  std::string some_text(ByteCount bytes) {
    std::string text(bytes, '\0');
    const auto seed = static_cast<char>(below(255) + 1);
    for (ByteCount i = 0; i < bytes; ++i) text[i] = static_cast<char>(seed + i % 61);
    return text;
  }

  std::map<Handle, std::string>::iterator some_block() {
    auto at = now_.blocks.begin();
    std::advance(at, below(static_cast<std::uint32_t>(now_.blocks.size())));
    return at;
  }

  void note_durable(MappedPool& pool) {
    for (const auto& [sequence, state] : later_)
      if (sequence <= pool.durable_through()) durable = std::max(durable, state);
  }

  bool alloc(MappedPool& pool) {
    Block block;
    const Failure failure = pool.alloc(some_bytes(), &block);
    // Without room the work goes on with what there is.
    if (!failure.ok()) return pool.broken().ok();
    std::string text = some_text(block.bytes);
    std::memcpy(pool.data() + block.offset, text.data(), text.size());
    now_.blocks[block.handle] = std::move(text);
    return true;
  }

  bool free_one(MappedPool& pool) {
    if (now_.blocks.empty()) return true;
    const auto at = some_block();
    if (!pool.free(at->first).ok()) return pool.broken().ok();
    const Handle gone = at->first;
    now_.blocks.erase(at);
    for (auto root = now_.roots.begin(); root != now_.roots.end();) {
      const bool is_gone = root->second == gone;
      if (is_gone && !pool.set_root(root->first, kNoHandle).ok()) return false;
      root = is_gone ? now_.roots.erase(root) : std::next(root);
    }
    return true;
  }

  bool write(MappedPool& pool) {
    if (now_.blocks.empty()) return true;
    const auto at = some_block();
    const ByteCount from = below(static_cast<std::uint32_t>(at->second.size()) + 1);
    const std::string text = some_text(std::min<ByteCount>(at->second.size() - from, below(2000)));
    const Failure failure = pool.write(
        at->first, from, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    if (failure.ok()) at->second.replace(from, text.size(), text);
    return failure.ok() || pool.broken().ok();
  }

  bool set_root(MappedPool& pool) {
    if (now_.blocks.empty()) return true;
    const std::string name = "root " + std::to_string(below(8));
    const Handle handle = some_block()->first;
    if (pool.set_root(name, handle).ok()) now_.roots[name] = handle;
    return pool.broken().ok();
  }

  /// What is done and undone leaves nothing.
  bool undo_some(MappedPool& pool) {
    const Content before = now_;
    const MappedPool::Savepoint savepoint = pool.savepoint();
    const bool ok = alloc(pool) && free_one(pool) && set_root(pool) && write(pool) && alloc(pool);
    pool.roll_back(savepoint);
    now_ = before;
    return ok;
  }

  bool trim(MappedPool& pool) {
    ByteCount returned = 0;
    if (!commit(pool, SyncLevel::kNone)) return false;
    // It commits what it has to say, and so all that was committed before is durable.
    if (pool.trim(0, &returned).ok() && returned > 0) durable = acknowledged;
    return pool.broken().ok();
  }

  bool step(MappedPool& pool) {
    switch (below(20)) {
      case 0:
        return commit(pool, SyncLevel::kData);
      case 1:
      case 16:
        return commit_later(pool);
      case 17:
      case 18:
      case 19:
        return go_on_syncing(pool);
      case 2:
        return commit(pool, SyncLevel::kNone);
      case 3:
        return set_root(pool);
      case 4:
        return write(pool);
      case 5:
        return below(4) == 0 ? trim(pool) : undo_some(pool);
      case 6:
      case 7:
      case 8:
      case 9:
        return free_one(pool);
      default:
        return alloc(pool);
    }
  }

  std::minstd_rand chance_;
  Content now_;
  std::map<std::uint64_t, std::size_t> later_;  // states, by the record that has to be durable
  MappedPool::GroupSync under_way_;
};

}  // namespace superslab_test

#endif
