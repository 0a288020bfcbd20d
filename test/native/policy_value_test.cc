// Texts of single values: what is read, what is refused and why, and what is written back.
#include <cmath>
#include <limits>
#include <string_view>

#include "check.h"
#include "policy/knob.h"
#include "policy/value_text.h"

using namespace superslab;

namespace {

constexpr TextFault kOk = TextFault::kNone;

bool reads(Reading reading, std::uint64_t value) {
  return reading.fault == kOk && reading.value == value;
}

const Knob& row(KnobId id) { return knob_row(id); }

}  // namespace

TEST(policy, "a size is bytes or has a binary unit in any case") {
  CHECK(reads(read_size("0"), 0));
  CHECK(reads(read_size("4096"), 4096));
  CHECK(reads(read_size("64k"), 64 * kKiB));
  CHECK(reads(read_size("2M"), 2 * kMiB));
  CHECK(reads(read_size("1g"), kGiB));
  CHECK(reads(read_size("3T"), 3 * 1024 * kGiB));
  CHECK(reads(read_size("64kb"), 64 * kKiB));
  CHECK(reads(read_size("64KiB"), 64 * kKiB));
  CHECK(reads(read_size("512B"), 512));
  CHECK(reads(read_size("0064k"), 64 * kKiB));
}

TEST(policy, "a malformed size is refused") {
  for (const char* text :
       {"",    " ",    "k",  "-",  "-k",   "12q",   "12 k", " 12k", "12k ", "+1",   "0x10",
        "1e6", "1,5k", "1.", ".5", "1..5", "1_000", "64kk", "64ki", "64bi", "64bb", "\n"}) {
    CHECK(read_size(text).fault == TextFault::kMalformed);
  }
}

TEST(policy, "fractions, negatives and overflow are told apart from nonsense") {
  CHECK(read_size("1.5m").fault == TextFault::kFraction);
  CHECK(read_size("1.5q").fault == TextFault::kMalformed);
  CHECK(read_size("-1").fault == TextFault::kOutOfRange);
  CHECK(read_size("-1k").fault == TextFault::kOutOfRange);
  CHECK(read_size("18446744073709551616").fault == TextFault::kOutOfRange);
  CHECK(read_size("99999999999999999999999999999999999999999k").fault == TextFault::kOutOfRange);
  CHECK(read_size("16777216t").fault == TextFault::kOutOfRange);
  CHECK(reads(read_size("18446744073709551615"), std::numeric_limits<std::uint64_t>::max()));
  CHECK(reads(read_size("16777215t"), std::uint64_t{16777215} << 40));
}

TEST(policy, "milliseconds and counts take no unit") {
  CHECK(reads(read_whole("250"), 250));
  CHECK(read_whole("250ms").fault == TextFault::kMalformed);
  CHECK(read_whole("1k").fault == TextFault::kMalformed);
  CHECK(read_whole("0.5").fault == TextFault::kFraction);
}

TEST(policy, "words and flags are read in any case") {
  CHECK(reads(parse_value(row(KnobId::huge_pages), "2MB"), 2));
  CHECK(reads(parse_value(row(KnobId::profile), "Low-Memory"), 2));
  CHECK(parse_value(row(KnobId::zero), "acq").fault == TextFault::kMalformed);
  CHECK(parse_value(row(KnobId::zero), "never|acquire").fault == TextFault::kMalformed);
  CHECK(parse_value(row(KnobId::zero), "").fault == TextFault::kMalformed);
  for (const char* on : {"1", "on", "TRUE", "yes"}) {
    CHECK(reads(parse_value(row(KnobId::stats), on), 1));
  }
  for (const char* off : {"0", "Off", "false", "no"}) {
    CHECK(reads(parse_value(row(KnobId::stats), off), 0));
  }
  CHECK(parse_value(row(KnobId::stats), "2").fault == TextFault::kMalformed);
}

TEST(policy, "both ends of a range are in it and their neighbours are not") {
  for (const Knob& knob : kKnobs) {
    const bool ranged = knob.type == KnobType::bytes || knob.type == KnobType::milliseconds ||
                        knob.type == KnobType::count;
    if (!ranged) continue;
    CHECK(reads(parse_value(knob, static_cast<double>(knob.min)), knob.min));
    CHECK(reads(parse_value(knob, static_cast<double>(knob.max)), knob.max));
    CHECK(parse_value(knob, static_cast<double>(knob.min) - 1).fault == TextFault::kOutOfRange);
    CHECK(parse_value(knob, static_cast<double>(knob.max) + 1).fault == TextFault::kOutOfRange);
  }
  CHECK(reads(parse_value(row(KnobId::cache_blocks), "64"), 64));
  CHECK(parse_value(row(KnobId::cache_blocks), "0").fault == TextFault::kOutOfRange);
  CHECK(parse_value(row(KnobId::cache_blocks), "65").fault == TextFault::kOutOfRange);
  CHECK(reads(parse_value(row(KnobId::max_bytes), "128t"), std::uint64_t{1} << 47));
  CHECK(parse_value(row(KnobId::max_bytes), "129t").fault == TextFault::kOutOfRange);
}

TEST(policy, "a placement is a word or the number of a node") {
  const Knob& numa = row(KnobId::numa);
  CHECK(reads(parse_value(numa, "local"), 0));
  CHECK(reads(parse_value(numa, "interleave"), 1));
  CHECK(reads(parse_value(numa, "0"), 2));
  CHECK(reads(parse_value(numa, "1023"), 1025));
  CHECK(reads(parse_value(numa, 7.0), 9));
  CHECK(parse_value(numa, "1024").fault == TextFault::kOutOfRange);
  CHECK(parse_value(numa, "-1").fault == TextFault::kOutOfRange);
  CHECK(parse_value(numa, "node0").fault == TextFault::kMalformed);
}

TEST(policy, "a number from JavaScript is whole, finite and in range") {
  const Knob& bytes = row(KnobId::max_bytes);
  CHECK(reads(parse_value(bytes, 65536.0), 65536));
  CHECK(reads(parse_value(bytes, -0.0), 0));
  CHECK(parse_value(bytes, 0.5).fault == TextFault::kFraction);
  CHECK(parse_value(bytes, -1.0).fault == TextFault::kOutOfRange);
  CHECK(parse_value(bytes, 1e300).fault == TextFault::kOutOfRange);
  CHECK(parse_value(bytes, HUGE_VAL).fault == TextFault::kOutOfRange);
  CHECK(parse_value(bytes, -HUGE_VAL).fault == TextFault::kOutOfRange);
  CHECK(parse_value(bytes, std::nan("")).fault == TextFault::kMalformed);
  CHECK(parse_value(row(KnobId::zero), 1.0).fault == TextFault::kMalformed);
  CHECK(reads(parse_value(row(KnobId::stats), 1.0), 1));
  CHECK(parse_value(row(KnobId::stats), 2.0).fault == TextFault::kOutOfRange);
}

TEST(policy, "what is written is the shortest exact text") {
  char buffer[kValueTextBytes];
  const Knob& bytes = row(KnobId::max_bytes);
  CHECK(format_value(bytes, 0, buffer) == "0");
  CHECK(format_value(bytes, 1023, buffer) == "1023");
  CHECK(format_value(bytes, 1024, buffer) == "1k");
  CHECK(format_value(bytes, 1536 * kKiB, buffer) == "1536k");
  CHECK(format_value(bytes, 64 * kMiB, buffer) == "64m");
  CHECK(format_value(bytes, std::uint64_t{1} << 47, buffer) == "128t");
  CHECK(format_value(bytes, ~std::uint64_t{0}, buffer) == "18446744073709551615");
  CHECK(format_value(row(KnobId::populate), 2, buffer) == "superslab");
  CHECK(format_value(row(KnobId::numa), 1, buffer) == "interleave");
  CHECK(format_value(row(KnobId::numa), 5, buffer) == "3");
  CHECK(format_value(row(KnobId::purge_delay_ms), 1024, buffer) == "1024");
  CHECK(format_value(row(KnobId::stats), 1, buffer) == "1");
}

TEST(policy, "every written value reads back as itself") {
  char buffer[kValueTextBytes];
  for (const Knob& knob : kKnobs) {
    const std::uint64_t words = word_count(knob.words);
    std::uint64_t last = knob.max;
    if (knob.type == KnobType::choice) last = words - 1;
    if (knob.type == KnobType::flag) last = 1;
    if (knob.type == KnobType::placement) last = words + knob.max;
    const std::uint64_t step = last > 4096 ? last / 4093 : 1;
    for (std::uint64_t code = knob.min; code <= last; code += step) {
      CHECK(reads(parse_value(knob, format_value(knob, code, buffer)), code));
    }
  }
}
