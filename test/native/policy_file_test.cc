// A policy file says what it was written with, and nothing else is believed.
#include <algorithm>
#include <string>

#include "base/crc32c.h"
#include "check.h"
#include "policy/policy_file.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr MachineFacts kMachine{4096, ThpMode::kAdvise, 2};

std::string written(const Policy& policy, std::span<const KnobId> rows,
                    const MachineFacts& machine = kMachine) {
  std::string text(kMaxPolicyFileBytes, '\0');
  text.resize(write_policy_file(policy, rows, machine, {text.data(), text.size()}));
  return text;
}

std::string sample() {
  Policy policy;
  policy.cache_blocks = 16;
  policy.malloc_purge_delay_ms = Millis{300};
  policy.class_blocks[3] = 24;
  constexpr KnobId rows[] = {KnobId::cache_blocks, KnobId::malloc_purge_delay_ms};
  return written(policy, rows);
}

/// With the right checksum for other contents.
std::string signed_again(std::string text) {
  const std::size_t at = text.rfind("end ");
  text.resize(at);
  char sum[32];
  std::snprintf(sum, sizeof sum, "end %x\n", crc32c(text.data(), text.size()));
  return text + sum;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return signed_again(text);
}

/// Why it is refused; empty when it is not.
std::string fault(const std::string& text, const MachineFacts& machine = kMachine) {
  PolicyFile file;
  PolicyError error;
  if (parse_policy_file(text, "app.policy", machine, file, error)) return "";
  return error.kind == PolicyErrorKind::kFile ? error.message : "no kind";
}

bool says(const std::string& message, const char* words) {
  return message.find(words) != std::string::npos;
}

}  // namespace

TEST(policy, "a policy file brings back what was written, and variables win over it") {
  PolicyFile file;
  PolicyError error;
  CHECK(parse_policy_file(sample(), "app.policy", kMachine, file, error));
  const char* const environment[] = {"SUPERSLAB_CACHE_BLOCKS=8", "SUPERSLAB_POLICY=app.policy",
                                     nullptr};
  Policy policy;
  CHECK_EQ(snapshot_from_environment(environment, policy, {&error, 1}, &file), std::size_t{0});
  CHECK_EQ(policy.cache_blocks, 8u);
  CHECK_EQ(policy.malloc_purge_delay_ms, Millis{300});
  CHECK_EQ(unsigned{policy.class_blocks[3]}, 24u);
}

TEST(policy, "a policy file wins over the profile") {
  Policy wanted;
  constexpr KnobId rows[] = {KnobId::cache_blocks};
  PolicyFile file;
  PolicyError error;
  CHECK(parse_policy_file(written(wanted, rows), "app.policy", kMachine, file, error));
  const char* const environment[] = {"SUPERSLAB_PROFILE=low-memory", nullptr};
  Policy policy;
  CHECK_EQ(snapshot_from_environment(environment, policy, {&error, 1}, &file), std::size_t{0});
  CHECK_EQ(policy.cache_blocks, wanted.cache_blocks);
  CHECK_EQ(policy.malloc_purge_delay_ms, Millis{10});
}

TEST(policy, "a policy file of another machine or version is refused with words") {
  CHECK_EQ(fault(sample()), std::string());
  CHECK(says(fault(sample(), {16384, ThpMode::kAdvise, 2}), "pages of so many bytes: 4096"));
  CHECK(says(fault(sample(), {4096, ThpMode::kAlways, 2}), "transparent huge pages: madvise"));
  CHECK(says(fault(sample(), {4096, ThpMode::kAdvise, 8}), "processors: 2, and here is 8"));
  CHECK(says(fault(replaced(sample(), "superslab 0", "superslab 9")), "with superslab: 9"));
  CHECK(says(fault(replaced(sample(), "-policy 1", "-policy 2")), "another version of the format"));
  CHECK(says(fault(replaced(sample(), "processors 2\n", "")), "does not say which machine"));
}

TEST(policy, "garbage, what was cut and what was changed is refused with words") {
  CHECK(says(fault("garbage"), "no policy file"));
  CHECK(says(fault(""), "no policy file"));
  CHECK(says(fault(std::string(kMaxPolicyFileBytes + 1, 'x')), "longer"));
  const std::string whole = sample();
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK(!fault(whole.substr(0, length)).empty());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CHECK(!fault(changed).empty());
  }
  CHECK(says(fault(replaced(whole, "BLOCKS 16", "BLOCKS 99")), "says nothing"));
  CHECK(says(fault(replaced(whole, "class 3 24", "class 99 24")), "says nothing"));
  CHECK(says(fault(replaced(whole, "class 3 24", "class 3 65")), "says nothing"));
  CHECK(says(fault(replaced(whole, "set ", "sat ")), "says nothing"));
}

TEST(policy, "random changes of a policy file never get further than its values allow") {
  const std::string whole = sample();
  std::uint32_t random = 1;
  const auto next = [&] { return random = random * 1664525 + 1013904223; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text = whole;
    for (unsigned changes = next() >> 30; changes != ~0u; --changes)
      text[(next() >> 8) % (text.size() - 14)] = static_cast<char>(next() >> 24);
    PolicyFile file;
    PolicyError error;
    if (!parse_policy_file(signed_again(text), "app.policy", kMachine, file, error)) continue;
    for (std::size_t row = 0; row < kKnobCount; ++row) {
      if (!file.is_set[row]) continue;
      char value[kValueTextBytes];
      CHECK(parse_value(kKnobs[row], format_value(kKnobs[row], file.codes[row], value)).fault ==
            TextFault::kNone);
    }
    CHECK(std::ranges::all_of(file.class_blocks, [](unsigned blocks) { return blocks <= 64; }));
  }
}
