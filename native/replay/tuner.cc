#include "replay/tuner.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

#include "policy/policy_file.h"
#include "replay/hindsight.h"
#include "replay/rules.h"

namespace superslab {
namespace {

/// A row and the values that are tried of it.
struct Dimension {
  KnobId id;
  std::string_view values;  // separated by spaces
};

constexpr Dimension kGrid[] = {
    {KnobId::malloc_purge_delay_ms, "0 10 30 100 300 1000 3000 10000"},
    {KnobId::malloc_idle_bytes, "1m 4m 16m 64m 256m"},
    {KnobId::malloc_idle_share, "0 10 25 50 100"},
    {KnobId::cache_blocks, "4 8 16 32 64"},
    {KnobId::cache_bytes, "16k 64k 256k 1m 4m"},
    {KnobId::spare_blocks, "0 4 16"},
    {KnobId::kept_unused, "5 20 50"},
    {KnobId::outbox_bytes, "16k 128k 1m"},
};

/// A setting is taken into the policy for no less: what is learned from one trace may be chance.
constexpr double kMinGain = 0.01;

/// What magazines of one thread may hold together when rules share it out.
constexpr ByteCount kRuleBudget = kMiB;

std::string_view next_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = first_part(text, end);
  text = rest_from(text, std::min(end + 1, text.size()));
  return word;
}

class Tuner {
 public:
  Tuner(const trace::Trace& trace, const UnitCosts& unit) : trace_(trace), unit_(unit) {}

  Tuning tune(const MachineFacts& machine, std::span<const SavedPolicy> saved) {
    add(TunedRow::Kind::kDefault, "defaults", Policy{});
    add_profiles();
    add_fixed();
    add_rules();
    if (!saved.empty()) add_saved(saved);
    const Policy best = descend();
    Tuning out{std::move(rows_), text_of(best, machine)};
    return out;
  }

 private:
  [[gnu::noinline]] double add(TunedRow::Kind kind, std::string name, const Policy& policy,
                               ReplayRule* rule = nullptr) {
    const ReplayCounts counts = run(policy, rule);
    rows_.push_back({kind, std::move(name), counts, cost_of(counts, unit_)});
    return rows_.back().cost;
  }

  ReplayCounts run(Policy policy, ReplayRule* rule = nullptr,
                   const ReplayOptions& options = {}) const {
    fit_to_malloc(policy, kNoLimit);
    return replay(trace_, policy, rule, options);
  }
  double cost(const Policy& policy) const { return cost_of(run(policy), unit_); }

  [[gnu::noinline]] void add_profiles() {
    for (const Profile profile : {Profile::kThroughput, Profile::kLowMemory}) {
      Policy policy;
      policy.profile = profile;
      for (const ProfileDefault& row : kProfileDefaults)
        if (row.profile == profile) set_knob_code(policy, row.id, row.code);
      add(TunedRow::Kind::kProfile,
          profile == Profile::kThroughput ? "SUPERSLAB_PROFILE=throughput"
                                          : "SUPERSLAB_PROFILE=low-memory",
          policy);
    }
  }

  /// Calls visit(policy, code, text) for each value of the row.
  template <class Visit>
  static void for_each_value(const Dimension& dimension, const Policy& from, Visit visit) {
    const Knob& knob = knob_row(dimension.id);
    for (std::string_view left = dimension.values; !left.empty();) {
      const std::string_view word = next_word(left);
      const KnobCode code = parse_value(knob, word).value;
      if (code == knob_code(from, dimension.id)) continue;
      Policy policy = from;
      set_knob_code(policy, dimension.id, code);
      visit(policy, std::string(knob.variable) + "=" + std::string(word));
    }
  }

  [[gnu::noinline]] void add_fixed() {
    for (const Dimension& dimension : kGrid) {
      for_each_value(dimension, Policy{}, [&](const Policy& policy, const std::string& name) {
        add(TunedRow::Kind::kFixed, name, policy);
      });
    }
  }

  [[gnu::noinline]] void add_rules() {
    look_at_classes();
    const MagazineBlocks even = even_capacities(kRuleBudget, curves_.is_used);
    Policy start;
    set_capacities(even, start);
    add(TunedRow::Kind::kRule, "even capacities", start);
    add_hindsight();
    const auto add_rule = [&](const char* name, std::unique_ptr<ReplayRule> rule) {
      add(TunedRow::Kind::kRule, name, start, rule.get());
    };
    add_rule("learned", std::make_unique<LearnedRule>(even, kRuleBudget));
    add_rule("HAKMEM, hit rate 0.65", std::make_unique<HitRateRule>(even, kRuleBudget, 0.65, 4));
    add_rule("HAKMEM, hit rate 0.97", std::make_unique<HitRateRule>(even, kRuleBudget, 0.97, 4));
    add_rule("HAKMEM, UCB1", std::make_unique<UcbRule>(kRuleBudget));
    add_rule("hit-rate stealing", std::make_unique<StealingRule>(even, kRuleBudget, 4));
  }

  /// Each of them alone, and all of them in a contest.
  [[gnu::noinline]] void add_saved(std::span<const SavedPolicy> saved) {
    for (const SavedPolicy& one : saved) {
      add(TunedRow::Kind::kSaved, one.name, one.policy);
      rows_.back().later_cost = later_cost(one.policy, nullptr);
    }
    if (saved.size() == 1) return;
    std::vector<Policy> policies(saved.size());
    for (std::size_t i = 0; i < saved.size(); ++i) {
      policies[i] = saved[i].policy;
      fit_to_malloc(policies[i], kNoLimit);
    }
    const auto contest = std::make_unique<ContestRule>(std::move(policies), unit_);
    add(TunedRow::Kind::kContest, "saved policies in a contest", saved[0].policy, contest.get());
    rows_.back().later_cost = later_cost(saved[0].policy, contest.get());
  }

  [[gnu::noinline]] double later_cost(const Policy& policy, ReplayRule* rule) const {
    const ReplayOptions options{.skipped_intervals = kContestIntervals};
    return cost_of(run(policy, rule, options), unit_);
  }

  [[gnu::noinline]] void look_at_classes() { measure_curves(trace_, fitted(Policy{}), curves_); }

  [[gnu::noinline]] void add_hindsight() {
    Policy hindsight;
    set_capacities(best_capacities(curves_, kRuleBudget), hindsight);
    add(TunedRow::Kind::kRule, "best capacities in hindsight", hindsight);
  }

  static Policy fitted(Policy policy) {
    fit_to_malloc(policy, kNoLimit);
    return policy;
  }

  /// One row after the other at its best value, and once more; then the capacities of single
  /// classes.
  [[gnu::noinline]] Policy descend() {
    Policy best;
    double least = rows_.front().cost;
    for (int round = 0; round < 2; ++round) {
      const double before = least;
      for (const Dimension& dimension : kGrid) improve(dimension, best, least);
      if (least > before * (1 - kMinGain)) break;
    }
    try_single_classes(best, least);
    add(TunedRow::Kind::kBest, "tuned", best);
    return best;
  }

  [[gnu::noinline]] void try_single_classes(Policy& best, double& least) const {
    for (const ByteCount budget : {64 * kKiB, 256 * kKiB, kMiB, 4 * kMiB}) {
      Policy policy = best;
      const MagazineBlocks capacities = best_capacities(curves_, budget);
      for (std::size_t c = 0; c < kFirstLargeClass; ++c)
        if (curves_.is_used[c]) policy.class_blocks[c] = capacities[c];
      take_if_better(policy, best, least);
    }
  }

  [[gnu::noinline]] void improve(const Dimension& dimension, Policy& best, double& least) const {
    const Policy from = best;
    for_each_value(dimension, from, [&](const Policy& policy, const std::string&) {
      take_if_better(policy, best, least);
    });
  }

  [[gnu::noinline]] void take_if_better(const Policy& policy, Policy& best, double& least) const {
    const double tried = cost(policy);
    if (tried > least * (1 - kMinGain)) return;
    best = policy;
    least = tried;
  }

  static std::string text_of(const Policy& best, const MachineFacts& machine) {
    std::vector<KnobId> rows;
    for (const Dimension& dimension : kGrid)
      if (knob_code(best, dimension.id) != knob_code(Policy{}, dimension.id))
        rows.push_back(dimension.id);
    std::string text(kMaxPolicyFileBytes, '\0');
    text.resize(write_policy_file(best, rows, machine, {text.data(), text.size()}));
    return text;
  }

  const trace::Trace& trace_;
  const UnitCosts unit_;
  MissCurves curves_;
  std::vector<TunedRow> rows_;
};

}  // namespace

bool read_saved_policy(std::string_view text, std::string_view name, const MachineFacts& machine,
                       SavedPolicy& out, PolicyError& error) {
  PolicyFile file;
  if (!parse_policy_file(text, name, machine, file, error)) return false;
  if (file.codes[static_cast<std::size_t>(KnobId::max_bytes)] != 0) {
    describe_policy_file(name,
                         "it sets SUPERSLAB_MAX_BYTES, which a replay cannot change on the way; "
                         "leave that line out when you save it",
                         error);
    return false;
  }
  out.name = name;
  return snapshot_from_environment(nullptr, out.policy, std::span<PolicyError>(&error, 1), &file) ==
         0;
}

Tuning tune(const trace::Trace& trace, const UnitCosts& unit, const MachineFacts& machine,
            std::span<const SavedPolicy> saved) {
  assert(saved.size() <= PolicyContest::kMaxPolicies);
  return std::make_unique<Tuner>(trace, unit)->tune(machine, saved);
}

}  // namespace superslab
