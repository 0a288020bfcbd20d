// A snapshot is published while others read and publish, in every order: policy/published.h as it
// is. Its plain writes to a slot are seen because other threads may come between them and the
// atomic operations on either side; interleaving.h says how.

#include "interleaving.h"

#ifdef SUPERSLAB_HAS_INTERLEAVING

#include "interleaving_begin.h"

#include "policy/published.h"
#include "policy/snapshot.h"

#include "interleaving_end.h"

using namespace superslab_stepped;

namespace {

/// A small one: its two halves must agree.
struct Halves {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
};

/// As few slots as leave a publisher one beside the current one and the reader's: nobody waits
/// here.
using PublishedHalves = Published<Halves, 3>;

Halves numbered(std::uint32_t n) { return {n, n}; }

/// A reader that looks twice.
class Reader {
 public:
  void read(const PublishedHalves& published) {
    for (std::uint32_t& number : seen_) {
      const std::uint64_t generation = published.generation();
      const auto now = published.read();
      number = now->first;
      good_ &= number != 0 && number > generation;
      // Again, after a step at which others come in between: what is read stays as it was.
      (void)published.generation();
      good_ &= now->second == number && now->first == number;
    }
  }
  bool is_good() const { return good_ && seen_[0] <= seen_[1]; }
  std::uint32_t last() const { return seen_[1]; }

 private:
  std::uint32_t seen_[2] = {};
  bool good_ = true;
};

struct Stage {
  std::unique_ptr<PublishedHalves> published;
  Reader reader;

  void reset() {
    published = std::make_unique<PublishedHalves>(numbered(1));
    reader = {};
  }
};

std::uint64_t explore(const std::vector<stepped::Exploration::Body>& bodies,
                      const stepped::Exploration::Body& reset,
                      const stepped::Exploration::Body& verify, unsigned preemptions,
                      bool steps_under_locks = false) {
  stepped::Exploration exploration;
  exploration.steps_after = true;
  exploration.steps_under_locks = steps_under_locks;
  return exploration.explore(bodies, reset, verify, preemptions);
}

}  // namespace

TEST(policy, "a snapshot that is published while one reads is seen whole or not at all") {
  Stage stage;
  bool seen[5] = {};
  const std::uint64_t runs = explore(
      {[&] { stage.reader.read(*stage.published); },
       [&] {
         // The second comes back to the slot of the first, if nobody reads it.
         for (std::uint32_t n = 2; n <= 4; ++n) stage.published->publish(numbered(n));
       }},
      [&] { stage.reset(); },
      [&] {
        CHECK(stage.reader.is_good());
        CHECK_EQ(stage.published->read()->first, 4u);
        seen[stage.reader.last()] = true;
      },
      4);
  CHECK(seen[1] && seen[2] && seen[3] && seen[4]);
  CHECK(runs > 1'000);
}

TEST(policy, "a slot that a publisher has chosen is not read before it is current again") {
  Stage stage;
  const std::uint64_t runs = explore(
      {[&] { stage.reader.read(*stage.published); },
       [&] {
         for (std::uint32_t n = 2; n <= 3; ++n) stage.published->publish(numbered(n));
       }},
      [&] { stage.reset(); }, [&] { CHECK(stage.reader.is_good()); }, 3, true);
  CHECK(runs > 1'000);
}

TEST(policy, "two publish at once: either may be current, and both are whole") {
  Stage stage;
  bool current[3] = {};
  const std::uint64_t runs = explore(
      {[&] { stage.published->publish(numbered(2)); },
       [&] { stage.published->publish(numbered(3)); },
       [&] {
         const auto now = stage.published->read();
         CHECK(now->first != 0 && now->first == now->second);
       }},
      [&] { stage.reset(); },
      [&] {
        const auto now = stage.published->read();
        CHECK(now->first == now->second && (now->first == 2 || now->first == 3));
        current[now->first - 1] = true;
      },
      3);
  CHECK(current[1] && current[2]);
  CHECK(runs > 1'000);
}

#endif
