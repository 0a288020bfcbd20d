// A snapshot is published while others read and publish, in every order: policy/published.h as it
// is. Its plain writes to a slot are seen because other threads may come between them and the
// atomic operations on either side; interleaving.h says how.

#include "interleaving.h"

#ifdef SUPERSLAB_HAS_INTERLEAVING

#include "interleaving_begin.h"

#include "policy/published.h"

#include "interleaving_end.h"

using namespace superslab_stepped;

namespace {

Snapshot numbered(std::uint32_t n) {
  Snapshot snapshot;
  snapshot.cache_blocks = n;
  snapshot.max_bytes = n;
  return snapshot;
}

/// A reader that looks twice and keeps what it saw.
class Reader {
 public:
  void read(const PublishedSnapshot& published) {
    for (Seen& seen : seen_) {
      seen.snapshot = &published.get();
      seen.number = seen.snapshot->cache_blocks;
      whole_ &= seen.snapshot->max_bytes == seen.number && seen.number != 0;
    }
  }
  /// Every snapshot was whole when it was seen, and still is as it was.
  bool is_good() const {
    bool good = whole_;
    for (const Seen& seen : seen_) {
      good &= seen.snapshot->cache_blocks == seen.number;
      good &= seen.snapshot->max_bytes == seen.number;
    }
    return good;
  }
  std::uint32_t first() const { return seen_[0].number; }
  std::uint32_t second() const { return seen_[1].number; }

 private:
  struct Seen {
    const Snapshot* snapshot = nullptr;
    std::uint32_t number = 0;
  };
  Seen seen_[2];
  bool whole_ = true;
};

struct Stage {
  std::unique_ptr<PublishedSnapshot> published;
  Reader reader;
  bool told[3] = {};

  /// `taken` slots are used up.
  void reset(std::uint32_t taken) {
    published = std::make_unique<PublishedSnapshot>(numbered(taken));
    for (std::uint32_t n = 1; n < taken; ++n) (void)published->publish(numbered(taken));
    reader = {};
    for (bool& told_one : told) told_one = false;
  }
  void publish(unsigned who, std::uint32_t number) {
    told[who] = published->publish(numbered(number));
  }
};

std::uint64_t explore(const std::vector<stepped::Exploration::Body>& bodies,
                      const stepped::Exploration::Body& reset,
                      const stepped::Exploration::Body& verify,
                      unsigned preemptions = stepped::Exploration::kEveryOrder) {
  stepped::Exploration exploration;
  exploration.steps_after = true;
  return exploration.explore(bodies, reset, verify, preemptions);
}

}  // namespace

TEST(policy, "a snapshot that is published while one reads is seen whole or not at all") {
  Stage stage;
  const std::uint64_t runs = explore(
      {[&] { stage.reader.read(*stage.published); },
       [&] {
         stage.publish(0, 2);
         stage.publish(1, 3);
       }},
      [&] { stage.reset(1); },
      [&] {
        CHECK(stage.reader.is_good());
        CHECK(stage.reader.first() <= stage.reader.second());
        CHECK_EQ(stage.published->get().cache_blocks, 3u);
      });
  CHECK(runs > 1'000);
}

TEST(policy, "two publish at once: each has a slot of its own, and either may be current") {
  Stage stage;
  bool current[3] = {};
  const std::uint64_t runs = explore(
      {[&] { stage.publish(0, 2); }, [&] { stage.publish(1, 3); },
       [&] { stage.reader.read(*stage.published); }},
      [&] { stage.reset(1); },
      [&] {
        CHECK(stage.told[0] && stage.told[1]);
        CHECK(stage.reader.is_good());
        const std::uint32_t now = stage.published->get().cache_blocks;
        CHECK(now == 2 || now == 3);
        current[now - 1] = true;
      },
      4);
  CHECK(current[1] && current[2]);
  CHECK(runs > 10'000);
}

TEST(policy, "of two who want the last slot one is told that there is none") {
  constexpr std::uint32_t kAllButOne = PublishedSnapshot::kMaxSnapshots - 1;
  Stage stage;
  const std::uint64_t runs = explore(
      {[&] { stage.publish(0, 101); }, [&] { stage.publish(1, 102); },
       [&] { stage.reader.read(*stage.published); }},
      [&] { stage.reset(kAllButOne); },
      [&] {
        CHECK(stage.told[0] != stage.told[1]);
        CHECK(stage.reader.is_good());
        CHECK_EQ(stage.published->get().cache_blocks, stage.told[0] ? 101u : 102u);
      },
      4);
  CHECK(runs > 1'000);
}

#endif
