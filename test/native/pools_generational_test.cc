// Generational pools: whatever is put, freed, pinned and collected, a handle names its bytes or is
// stale, and memory comes back.
#include <map>
#include <string>

#include "check.h"
#include "heap_fixture.h"
#include "pools/generational/generational_pool.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct TestValues {
  TestSpace world{kTestArenas};
  ManualClock clock;
  ScopeWindow window;
  std::unique_ptr<GenerationalPool> pool;

  explicit TestValues(const GenerationalOptions& options = {.young = 256 * kKiB})
      : pool(std::make_unique<GenerationalPool>(*world.space, clock, clock, plain_policy(), options,
                                                window, 7, "test")) {}
  /// As TestHeapOf: a test that failed half-way leaves the pool as it is.
  ~TestValues() {
    if (pool == nullptr || pool->heap().budget().is_empty()) return;
    static auto* left = new std::vector<const void*>;
    left->push_back(pool.release());
    left->push_back(world.space.release());
    world.open = false;
  }
  TestValues(const TestValues&) = delete;
  TestValues& operator=(const TestValues&) = delete;
  GenerationalPool* operator->() const { return pool.get(); }
  GenerationalPool& operator*() const { return *pool; }
  FakeOs& os() { return world.os; }

  bool ends_clean() {
    pool->close();
    if (!pool->heap().budget().is_empty()) return false;
    pool.reset();
    world.close();
    return world.is_balanced();
  }
};

ValueHandle put(GenerationalPool& pool, const std::string& bytes, bool in_scope = false) {
  ValueHandle handle = 0;
  ValueFault fault;
  std::byte* const at = in_scope ? pool.allocate_scoped(bytes.size(), handle, fault)
                                 : pool.allocate(bytes.size(), handle, fault);
  if (at == nullptr) return 0;
  std::memcpy(at, bytes.data(), bytes.size());
  return handle;
}

bool has(const GenerationalPool& pool, ValueHandle handle, const std::string& bytes) {
  const Slot* const slot = pool.find(handle);
  return slot != nullptr && slot->length == bytes.size() &&
         std::memcmp(slot->at, bytes.data(), bytes.size()) == 0;
}

bool collect(GenerationalPool& pool) {
  ValueFault fault;
  return pool.collect(~Nanos{0}, nullptr, nullptr, fault);
}

/// Values by handle, as they must be, and random steps.
class Model {
 public:
  Model(GenerationalPool& pool, std::uint64_t seed) : pool_(pool), random_(seed) {}

  bool good = true;
  unsigned refused = 0;

  void run(int steps) {
    for (int i = 0; i < steps && good; ++i) step();
    look();
  }

  void end_all() {
    while (!scopes_.empty()) end_scope();
    for (const auto& [handle, one] : live_) {
      for (int i = 0; i < one.pins; ++i) good = good && pool_.unpin(handle) == ValueFault::kNone;
      good = good && pool_.free(handle) == ValueFault::kNone;
    }
    live_.clear();
    good = good && pool_.values() == 0 && pool_.live_bytes() == 0;
  }

  /// Everything is as it must be.
  void look() {
    for (const auto& [handle, one] : live_) good = good && has(pool_, handle, one.bytes);
    for (const auto& scope : scopes_)
      for (const auto& [handle, bytes] : scope.values) good = good && has(pool_, handle, bytes);
    for (const ValueHandle handle : stale_) good = good && pool_.find(handle) == nullptr;
    good = good && pool_.check() == PoolFault::kNone;
  }

 private:
  struct One {
    std::string bytes;
    int pins = 0;
  };
  struct Scope {
    ScopeId id;
    std::map<ValueHandle, std::string> values;
  };

  std::string fresh() {
    const std::size_t sizes[] = {0, 1, 8, 40, 100, 300, 4000, 5000, 40'000};
    std::string bytes(sizes[random_.below(random_.below(10) == 0 ? 9 : 6)], '\0');
    for (char& byte : bytes) byte = static_cast<char>(++seed_);
    return bytes;
  }

  auto any() {
    auto it = live_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_.below(live_.size())));
    return it;
  }

  void add(ValueHandle handle, const std::string& bytes) {
    if (handle == 0) {
      ++refused;
      return;
    }
    good = good && !live_.contains(handle);
    live_[handle] = {bytes};
  }

  void end_scope() {
    const std::size_t at = random_.below(scopes_.size());
    good = good && pool_.end_scope(scopes_[at].id) && !pool_.end_scope(scopes_[at].id);
    for (std::size_t i = at; i < scopes_.size(); ++i)
      for (const auto& [handle, bytes] : scopes_[i].values) stale_.push_back(handle);
    scopes_.resize(at);
  }

  void step() {
    if (stale_.size() > 500) stale_.erase(stale_.begin(), stale_.begin() + 250);
    switch (random_.below(12)) {
      case 0:
      case 1:
      case 2: {
        const std::string bytes = fresh();
        add(put(pool_, bytes), bytes);
        return;
      }
      case 3:
      case 4: {
        if (live_.empty()) return;
        const auto it = any();
        const ValueFault fault = pool_.free(it->first);
        good = good && fault == (it->second.pins > 0 ? ValueFault::kPinned : ValueFault::kNone);
        if (fault != ValueFault::kNone) return;
        stale_.push_back(it->first);
        good = good && pool_.free(it->first) == ValueFault::kStale;
        live_.erase(it);
        return;
      }
      case 5: {
        if (live_.empty()) return;
        const auto it = any();
        if (it->second.pins < 2 && random_.below(2) == 0) {
          good = good && pool_.pin(it->first) == ValueFault::kNone;
          ++it->second.pins;
        } else if (it->second.pins > 0) {
          good = good && pool_.unpin(it->first) == ValueFault::kNone;
          --it->second.pins;
        } else {
          good = good && pool_.unpin(it->first) == ValueFault::kNotPinned;
        }
        return;
      }
      case 6: {
        if (scopes_.size() == 5) return;
        scopes_.push_back({pool_.begin_scope(), {}});
        return;
      }
      case 7:
      case 8: {
        if (scopes_.empty()) return;
        const std::string bytes = fresh();
        const ValueHandle handle = put(pool_, bytes, true);
        refused += handle == 0;
        if (handle != 0) scopes_.back().values[handle] = bytes;
        return;
      }
      case 9: {
        if (scopes_.empty() || scopes_.back().values.empty()) return;
        const auto it = scopes_.back().values.begin();
        good = good && pool_.pin(it->first) == ValueFault::kScoped;
        if (random_.below(3) == 0) {
          good = good && pool_.free(it->first) == ValueFault::kNone;
          stale_.push_back(it->first);
          scopes_.back().values.erase(it);
          return;
        }
        ValueFault fault;
        add(pool_.promote(it->first, fault), it->second);
        return;
      }
      case 10:
        if (!scopes_.empty()) end_scope();
        return;
      default: {
        ValueFault fault;
        // The clock stands: a step of a budget of 0 is one batch.
        if (random_.below(3) == 0) {
          pool_.collect(0, nullptr, nullptr, fault);
        } else {
          good = good && collect(pool_);
        }
        if (random_.below(10) == 0) pool_.trim(0);
        if (random_.below(10) == 0) look();
      }
    }
  }

  GenerationalPool& pool_;
  Random random_;
  std::map<ValueHandle, One> live_;
  std::vector<Scope> scopes_;
  std::vector<ValueHandle> stale_;
  unsigned char seed_ = 0;
};

}  // namespace

TEST(pools, "generational: a handle names its bytes, or is stale") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Context context("seed " + std::to_string(seed));
    TestValues t;
    CHECK(t->open());
    Model model(*t, seed);
    model.run(12'000);
    CHECK(model.good);
    CHECK_EQ(model.refused, 0u);
    CHECK(t->collector().collections() > 100);
    CHECK(t->collector().moved_values() > 100);
    model.end_all();
    CHECK(model.good);
    CHECK_EQ(t->check(), PoolFault::kNone);
    CHECK(t.ends_clean());
  }
}

TEST(pools, "generational: at its limits puts fail, and nothing is lost") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    TestValues t({.young = 256 * kKiB, .old = 64 * kKiB, .max_bytes = 768 * kKiB});
    CHECK(t->open());
    Model model(*t, seed);
    model.run(12'000);
    CHECK(model.good);
    CHECK(model.refused > 0);
    CHECK(t->heap().stats({}).exhausted > 0);
    model.end_all();
    CHECK(model.good);
    CHECK(t.ends_clean());
  }
}

namespace {

void fail_each_call(FakeOs::Lasts lasts) {
  std::uint64_t calls = 0;
  {
    TestValues t;
    const std::uint64_t first = t.os().calls();
    CHECK(t->open());
    Model model(*t, 3);
    model.run(3000);
    CHECK(model.good);
    calls = t.os().calls() - first;
    CHECK(t.ends_clean());
  }
  CHECK(calls > 5);
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const Context context("call " + std::to_string(n) + " of " + std::to_string(calls));
    TestValues t;
    t.os().fail_nth(n, OsStatus::kNoMemory, lasts);
    if (t->open()) {
      Model model(*t, 3);
      model.run(3000);
      CHECK(model.good);
      t.os().fail_none();
      const unsigned refused = model.refused;
      model.run(1000);
      CHECK(model.good);
      CHECK_EQ(model.refused, refused);
      model.end_all();
      CHECK(model.good);
    }
    t.os().fail_none();
    CHECK(t.ends_clean());
  }
}

}  // namespace

TEST(pools, "generational: each call of the system fails once") {
  fail_each_call(FakeOs::Lasts::kOnce);
}
TEST(pools, "generational: each call of the system and all after it fail") {
  fail_each_call(FakeOs::Lasts::kFromThenOn);
}

TEST(pools, "generational: values grow old, and full chunks that survive become permanent") {
  TestValues t({.young = 256 * kKiB,
                .promotion = {.young_to_old = 2, .old_to_permanent = 3, .survival = 0.9}});
  CHECK(t->open());
  std::vector<ValueHandle> handles;
  const std::string bytes(200, 'v');
  for (int i = 0; i < 1000; ++i) handles.push_back(put(*t, bytes));
  CHECK_EQ(t->figures(Generation::kYoung).values, 1000u);
  CHECK(collect(*t));
  CHECK_EQ(t->figures(Generation::kYoung).values, 1000u);
  CHECK(t->collector().survival() > 0.99);
  CHECK(collect(*t));
  CHECK_EQ(t->figures(Generation::kOld).values, 1000u);
  CHECK_EQ(t->figures(Generation::kYoung).held, 0u);
  CHECK_EQ(t->collector().promoted_bytes(), 200'000u);
  for (int i = 0; i < 3; ++i) CHECK(collect(*t));
  const GenerationalPool::Figures permanent = t->figures(Generation::kPermanent);
  CHECK(permanent.values > 900 && permanent.values < 1000);  // but for the chunk that is filled now
  for (const ValueHandle handle : handles) CHECK(has(*t, handle, bytes));
  // Most end: the holes are compacted, and chunks come back.
  for (std::size_t i = 0; i < handles.size(); ++i)
    if (i % 10 != 0) CHECK(t->free(handles[i]) == ValueFault::kNone);
  CHECK(collect(*t) && collect(*t));
  CHECK_EQ(t->values(), 100u);
  CHECK(t->figures(Generation::kPermanent).held + t->figures(Generation::kOld).held <=
        3 * t->chunk_bytes());
  for (std::size_t i = 0; i < handles.size(); i += 10) CHECK(has(*t, handles[i], bytes));
  CHECK(t.ends_clean());
}

TEST(pools, "generational: what is pinned stays where it is, and old then") {
  TestValues t;
  CHECK(t->open());
  std::vector<ValueHandle> others;
  for (int i = 0; i < 50; ++i) others.push_back(put(*t, std::string(100, 'o')));
  const ValueHandle pinned = put(*t, "pinned");
  CHECK(t->pin(pinned) == ValueFault::kNone);
  const std::byte* const at = t->find(pinned)->at;
  CHECK(collect(*t));
  CHECK_EQ(t->figures(Generation::kOld).values, 1u);
  CHECK_EQ(t->figures(Generation::kYoung).values, 50u);
  CHECK(collect(*t) && collect(*t));
  CHECK_EQ(t->find(pinned)->at, static_cast<const void*>(at));
  CHECK(has(*t, pinned, "pinned"));
  CHECK(t->free(pinned) == ValueFault::kPinned);
  CHECK_EQ(t->check(), PoolFault::kNone);
  CHECK(t->unpin(pinned) == ValueFault::kNone);
  CHECK(t->free(pinned) == ValueFault::kNone);
  for (const ValueHandle handle : others) CHECK(has(*t, handle, std::string(100, 'o')));
  CHECK(t.ends_clean());
}

TEST(pools, "generational: a collection goes in steps, between which the program goes on") {
  TestValues t;
  CHECK(t->open());
  std::vector<ValueHandle> handles;
  for (int i = 0; i < 2000; ++i) handles.push_back(put(*t, std::to_string(i)));
  struct Told {
    GenerationalPool* pool;
    std::size_t done = 0;
    bool is_rising = true;
    ValueFault inner = ValueFault::kNone;
  } told{t.pool.get()};
  const auto progress = [](std::size_t done, std::size_t count, void* context) {
    auto& seen = *static_cast<Told*>(context);
    seen.is_rising = seen.is_rising && done >= seen.done && done <= count;
    seen.done = done;
    seen.pool->collect(0, nullptr, nullptr, seen.inner);
  };
  int steps = 1;
  ValueFault fault;
  for (; !t->collect(0, progress, &told, fault); ++steps) {
    handles.push_back(put(*t, std::to_string(handles.size())));
    CHECK(t->free(handles[static_cast<std::size_t>(steps)]) == ValueFault::kNone);
    CHECK_EQ(t->check(), PoolFault::kNone);
  }
  CHECK(steps > 20);
  CHECK(told.is_rising && told.done >= 1900);
  CHECK(told.inner == ValueFault::kBusy);
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const bool is_freed = i >= 1 && i < static_cast<std::size_t>(steps);
    CHECK(is_freed ? t->find(handles[i]) == nullptr : has(*t, handles[i], std::to_string(i)));
  }
  CHECK(t.ends_clean());
}

TEST(pools,
     "generational: after a burst the tables of slots give their memory back, and handles stay "
     "apart") {
  TestValues t({.young = 64 * kMiB});
  CHECK(t->open());
  std::map<ValueHandle, int> seen;
  for (int round = 0; round < 3; ++round) {
    std::vector<ValueHandle> handles;
    for (int i = 0; i < 50'000; ++i) {
      handles.push_back(put(*t, "12345678"));
      CHECK_EQ(++seen[handles.back()], 1);
    }
    const ByteCount charged = t->heap().budget().charged();
    CHECK(charged > 50'000 * 40);
    for (const ValueHandle handle : handles) CHECK(t->free(handle) == ValueFault::kNone);
    CHECK(collect(*t));
    t->trim(0);
    CHECK(t->heap().budget().charged() < 128 * kKiB);
    CHECK_EQ(t->check(), PoolFault::kNone);
    // The same of scopes.
    const ScopeId scope = t->begin_scope();
    for (int i = 0; i < 10'000; ++i) CHECK_EQ(++seen[put(*t, "12345678", true)], 1);
    CHECK(t->end_scope(scope));
    t->trim(0);
    CHECK(t->heap().budget().charged() < 128 * kKiB);
  }
  for (const auto& [handle, times] : seen) CHECK(t->find(handle) == nullptr);
  CHECK(t.ends_clean());
}

TEST(pools, "generational: without a scope nothing is put in one, and 128 may be open") {
  TestValues t;
  CHECK(t->open());
  ValueHandle handle;
  ValueFault fault;
  CHECK(t->allocate_scoped(8, handle, fault) == nullptr && fault == ValueFault::kNoScope);
  std::vector<ScopeId> scopes;
  while (const ScopeId scope = t->begin_scope()) {
    scopes.push_back(scope);
    CHECK(put(*t, "value", true) != 0);
  }
  CHECK_EQ(scopes.size(), 128u);
  CHECK(!t->end_scope(0) && !t->end_scope(~std::uint64_t{0}));
  CHECK(t->end_scope(scopes[0]));
  CHECK(t->allocate_scoped(8, handle, fault) == nullptr && fault == ValueFault::kNoScope);
  CHECK(!t->end_scope(scopes[1]));
  CHECK(t->begin_scope() != scopes[0]);
  CHECK(put(*t, std::string(3 << 20, 'l'), true) != 0);
  CHECK(t.ends_clean());
}
