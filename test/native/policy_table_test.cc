// The knob table as a whole, and names that are nearly right.
#include <string_view>

#include "check.h"
#include "policy/knob.h"
#include "policy/nearest_name.h"

using namespace superslab;

namespace {

/// purge_delay_ms -> purgeDelayMs
bool is_camel_of(std::string_view camel, std::string_view snake) {
  std::size_t at = 0;
  bool raise = false;
  for (const char c : snake) {
    if (c == '_') {
      raise = true;
      continue;
    }
    const char want = raise ? static_cast<char>(c - 'a' + 'A') : c;
    if (at == camel.size() || camel[at++] != want) return false;
    raise = false;
  }
  return at == camel.size();
}

bool is_variable_of(std::string_view variable, std::string_view snake) {
  if (!variable.starts_with(kVariablePrefix)) return false;
  const std::string_view rest = variable.substr(kVariablePrefix.size());
  if (rest.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string_view::npos) return false;
  return equal_ignoring_case(rest, snake);
}

}  // namespace

TEST(policy, "a row is found by exactly its names") {
  for (const Knob& knob : kKnobs) {
    CHECK(find_variable(knob.variable) == &knob);
    CHECK(&knob_row(knob.id) == &knob);
    if (knob.is_option()) CHECK(find_option(knob.option) == &knob);
  }
  CHECK(find_variable("SUPERSLAB_max_bytes") == nullptr);
  CHECK(find_variable("MAX_BYTES") == nullptr);
  CHECK(find_variable("") == nullptr);
  CHECK(find_option("maxbytes") == nullptr);
  CHECK(find_option("") == nullptr);  // rows that only the environment sets have no option
}

TEST(policy, "names follow from the field, and texts are sentences") {
  for (const Knob& knob : kKnobs) {
    CHECK(is_variable_of(knob.variable, knob.field));
    if (knob.is_option()) CHECK(is_camel_of(knob.option, knob.field));
    CHECK(knob.meaning.ends_with("."));
    CHECK(knob.min <= knob.max);
    const bool has_words = knob.type == KnobType::choice || knob.type == KnobType::placement;
    CHECK((word_count(knob.words) > 1) == has_words);
  }
}

TEST(policy, "the options are those of BufferPoolOptions") {
  constexpr std::string_view kOptions[] = {
      "maxBytes",      "zero",        "hugePages",       "populate",        "numa",
      "purgeDelayMs",  "onExhausted", "sensitive",       "lockMemory",      "guardPages",
      "leakDetection", "guard",       "quarantineBytes", "numaRemoteShare", "numaMoveBytes",
      "adaptive",      "learn"};
  std::size_t options = 0;
  for (const Knob& knob : kKnobs) options += knob.is_option() ? 1 : 0;
  CHECK_EQ(options, std::size(kOptions));
  for (const std::string_view option : kOptions) CHECK(find_option(option) != nullptr);
}

TEST(policy, "a misspelled variable leads to the right one") {
  CHECK(nearest_variable("SUPERSLAB_HUGEPAGES") == "SUPERSLAB_HUGE_PAGES");
  CHECK(nearest_variable("SUPERSLAB_hugepages") == "SUPERSLAB_HUGE_PAGES");
  CHECK(nearest_variable("SUPERSLAB_MAXBYTE") == "SUPERSLAB_MAX_BYTES");
  CHECK(nearest_variable("SUPERSLAB_MXA_BYTES") == "SUPERSLAB_MAX_BYTES");
  CHECK(nearest_variable("SUPERSLAB_NUMA_NODE") == "SUPERSLAB_NUMA");
  CHECK(nearest_variable("SUPERSLAB_PURGE") == "SUPERSLAB_PURGE_DELAY_MS");
  CHECK(nearest_variable("SUPERSLAB_BIG_CACHE_SIZE") == "SUPERSLAB_BIG_CACHE_BYTES");
  CHECK(nearest_variable("SUPERSLAB_BIG_CACHE_BYTE") == "SUPERSLAB_BIG_CACHE_BYTES");
  CHECK(nearest_variable("SUPERSLAB_PROFIL") == "SUPERSLAB_PROFILE");
  CHECK(nearest_variable("SUPERSLAB_STAT") == "SUPERSLAB_STATS");
}

TEST(policy, "a misspelled option leads to the right one") {
  CHECK(nearest_option("hugepages") == "hugePages");
  CHECK(nearest_option("HUGE_PAGES") == "hugePages");
  CHECK(nearest_option("maxByte") == "maxBytes");
  CHECK(nearest_option("purgeDelay") == "purgeDelayMs");
  CHECK(nearest_option("onExausted") == "onExhausted");
  CHECK(nearest_option("nmae") == "name");
  CHECK(nearest_option("Zero") == "zero");
}

TEST(policy, "a name like no other leads nowhere") {
  CHECK(nearest_option("colour").empty());
  CHECK(nearest_option("").empty());
  CHECK(nearest_option("___").empty());
  CHECK(nearest_variable("SUPERSLAB_").empty());
  CHECK(nearest_variable("SUPERSLAB_GARBAGE_COLLECTOR").empty());
}

TEST(policy, "an option that only the environment sets is recognised") {
  CHECK(find_environment_only("cacheBlocks") == &knob_row(KnobId::cache_blocks));
  CHECK(find_environment_only("cache_blocks") == &knob_row(KnobId::cache_blocks));
  CHECK(find_environment_only("maxBytes") == nullptr);
  CHECK(find_environment_only("cacheBlock") == nullptr);
}

TEST(policy, "distance counts edits and swaps, not case or signs") {
  CHECK_EQ(name_distance("Huge-Pages", "huge_pages"), 0u);
  CHECK_EQ(name_distance("abcdef", "abcdxf"), 1u);
  CHECK_EQ(name_distance("abcdef", "abcdfe"), 1u);
  CHECK_EQ(name_distance("abcdef", "abcde"), 1u);
  CHECK_EQ(name_distance("abcdef", "xabcdef"), 1u);
  CHECK_EQ(name_distance("abcdef", "fedcba"), kFarApart);
  CHECK_EQ(name_distance("ab", "abcdefgh"), kFarApart);
  CHECK_EQ(name_distance("abc", "abcdefgh"), 5u);
  CHECK_EQ(name_distance("", ""), kFarApart);
}
