// A compressed pool's values on a fake operating system, with hot blocks of the test's own.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "heap_fixture.h"
#include "pools/compressed/tiers.h"

namespace superslab_test {

/// Blocks by number, from 1 on.
class TestHotBlocks final : public superslab::HotBlocks {
 public:
  std::uint32_t take(superslab::ByteCount bytes) {
    const std::lock_guard guard(lock_);
    blocks_[++last_].resize(bytes == 0 ? 1 : bytes);
    charged_ += bytes;
    return last_;
  }
  void* find(std::uint32_t block) const override {
    const std::lock_guard guard(lock_);
    const auto found = blocks_.find(block);
    return found == blocks_.end() ? nullptr : const_cast<std::byte*>(found->second.data());
  }
  void give(std::uint32_t block) override {
    const std::lock_guard guard(lock_);
    const auto found = blocks_.find(block);
    if (found == blocks_.end()) {
      ++wrong_gives;
      return;
    }
    charged_ -= found->second.size();
    blocks_.erase(found);
  }
  superslab::ByteCount charged() const override {
    const std::lock_guard guard(lock_);
    return charged_;
  }
  std::size_t count() const {
    const std::lock_guard guard(lock_);
    return blocks_.size();
  }

  unsigned wrong_gives = 0;

 private:
  mutable std::mutex lock_;
  std::map<std::uint32_t, std::vector<std::byte>> blocks_;
  std::uint32_t last_ = 0;
  superslab::ByteCount charged_ = 0;
};

using Bytes = std::vector<unsigned char>;

/// Compresses about 4 to 1.
inline Bytes text_bytes(std::size_t length, unsigned seed) {
  static const char* const words[] = {"GET /index.html ", "HTTP/1.1 200 ", "user-agent: curl ",
                                      "10.0.0.",          "level=info ",   "latency_ms="};
  std::mt19937 random(seed);
  Bytes out;
  while (out.size() < length) {
    const char* word = words[random() % std::size(words)];
    out.insert(out.end(), word, word + std::strlen(word));
    out.push_back(static_cast<unsigned char>('0' + random() % 10));
  }
  out.resize(length);
  return out;
}

inline Bytes random_bytes(std::size_t length, unsigned seed) {
  std::mt19937 random(seed);
  Bytes out(length);
  for (unsigned char& byte : out) byte = static_cast<unsigned char>(random());
  return out;
}

struct TestTiers {
  TestSpace world{kTestArenas};
  superslab::ManualClock clock;
  TestHotBlocks hot;
  std::unique_ptr<superslab::ColdPool> cold;
  std::unique_ptr<superslab::Tiers> tiers;

  explicit TestTiers(const superslab::TierOptions& options = {.hot_bytes = 1 << 20},
                     superslab::ByteCount cold_bytes = 0) {
    cold = std::make_unique<superslab::ColdPool>(*world.space, clock, plain_policy(), cold_bytes,
                                                 superslab::kNoLimit, "test (cold)");
    tiers = std::make_unique<superslab::Tiers>(hot, *cold, *world.space, clock, options);
  }
  bool open() { return cold->open() && tiers->open(7); }
  superslab::Tiers* operator->() const { return tiers.get(); }

  superslab::TierHandle put(const Bytes& value) {
    const std::uint32_t block = hot.take(value.size());
    std::memcpy(hot.find(block), value.data(), value.size());
    const superslab::TierHandle handle =
        tiers->put(block, static_cast<std::uint32_t>(value.size()));
    if (handle == 0) hot.give(block);
    return handle;
  }

  /// Compresses until nothing is left; how many values.
  unsigned cool_all() {
    unsigned cooled = 0;
    superslab::ByteCount freed;
    for (;;) {
      const superslab::Cooled result = tiers->cool_one(freed);
      if (result == superslab::Cooled::kDone)
        ++cooled;
      else if (result != superslab::Cooled::kRejected)
        return cooled;
    }
  }

  /// The value, which is hot then.
  superslab::TierFault read(superslab::TierHandle handle, Bytes& out) {
    std::uint32_t length;
    if (!tiers->find_length(handle, length)) return superslab::TierFault::kStale;
    std::uint32_t block = 0;
    superslab::TierFault fault = tiers->pin(handle, block);
    if (fault == superslab::TierFault::kCold) {
      block = hot.take(length);
      bool is_taken;
      fault = tiers->heat(handle, block, is_taken);
      if (!is_taken) hot.give(block);
    }
    if (fault != superslab::TierFault::kNone) return fault;
    const auto* bytes = static_cast<const unsigned char*>(hot.find(block));
    out.assign(bytes, bytes + length);
    return tiers->unpin(handle);
  }

  /// Ends everything; whether all came home.
  bool ends_clean() {
    superslab::ByteCount pinned_bytes = 0;
    tiers->drop_all(pinned_bytes);
    const bool is_whole = tiers->contradiction() == nullptr;
    tiers.reset();
    cold->close();
    const bool is_empty = cold->heap().budget().is_empty();
    cold.reset();
    world.close();
    return is_whole && is_empty && hot.count() == 0 && hot.wrong_gives == 0 && world.is_balanced();
  }
};

}  // namespace superslab_test
