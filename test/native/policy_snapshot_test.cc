// From the environment and the options to one snapshot, and every way in which that goes wrong.
#include <string>
#include <string_view>

#include "check.h"
#include "policy/snapshot.h"

using namespace superslab;

namespace {

struct Read {
  Policy snapshot;
  PolicyError errors[4];
  std::size_t wrong;

  std::string_view message(std::size_t at = 0) const { return errors[at].message; }
};

template <std::size_t n>
Read read(const char* const (&variables)[n]) {
  const char* environment[n + 1] = {};
  for (std::size_t i = 0; i < n; ++i) environment[i] = variables[i];
  Read result;
  result.wrong = snapshot_from_environment(environment, result.snapshot, result.errors);
  return result;
}

bool same(const Policy& a, const Policy& b) {
  for (const Knob& knob : kKnobs) {
    if (knob_code(a, knob.id) != knob_code(b, knob.id)) return false;
  }
  return true;
}

}  // namespace

TEST(policy, "an environment without variables gives the defaults") {
  const Read result =
      read({"PATH=/bin", "SUPERSLABS_X=1", "superslab_zero=acquire", "NODE_ENV=test"});
  CHECK_EQ(result.wrong, 0u);
  CHECK(same(result.snapshot, Policy{}));
  const Policy s = result.snapshot;
  CHECK_EQ(s.max_bytes, ByteCount{0});
  CHECK(s.profile == Profile::kBalanced);
  CHECK(s.on_exhausted == OnExhausted::kThrow);
  CHECK(s.zero == Zeroing::kNever);
  CHECK(s.huge_pages == HugePages::kTransparent);
  CHECK(s.populate == Populate::kDemand);
  CHECK(s.numa.kind == NodePlacement::Kind::kLocal);
  CHECK(s.purge_delay_ms == Millis{1000});
  CHECK_EQ(to_nanos(s.purge_delay_ms), Nanos{1'000'000'000});
  CHECK_EQ(s.big_cache_bytes, 64 * kMiB);
  CHECK_EQ(s.cache_blocks, 64u);
  CHECK_EQ(s.cache_bytes, kMiB);
  CHECK(!s.stats);
}

TEST(policy, "no environment at all gives the defaults") {
  Policy snapshot;
  snapshot.stats = true;
  CHECK_EQ(snapshot_from_environment(nullptr, snapshot, {}), 0u);
  CHECK(same(snapshot, Policy{}));
}

TEST(policy, "every variable sets its field") {
  const Read result = read(
      {"SUPERSLAB_MAX_BYTES=2g", "SUPERSLAB_ON_EXHAUSTED=wait", "SUPERSLAB_WAIT_MS=5",
       "SUPERSLAB_ZERO=release", "SUPERSLAB_HUGE_PAGES=1gb", "SUPERSLAB_POPULATE=superslab",
       "SUPERSLAB_NUMA=interleave", "SUPERSLAB_PURGE_DELAY_MS=0", "SUPERSLAB_BIG_CACHE_BYTES=0",
       "SUPERSLAB_BIG_CACHE_AGE_MS=7", "SUPERSLAB_CACHE_BLOCKS=1", "SUPERSLAB_CACHE_BYTES=64k",
       "SUPERSLAB_STATS=1", "SUPERSLAB_PROFILE=throughput"});
  CHECK_EQ(result.wrong, 0u);
  const Policy& s = result.snapshot;
  CHECK_EQ(s.max_bytes, 2 * kGiB);
  CHECK(s.on_exhausted == OnExhausted::kWait);
  CHECK(s.wait_ms == Millis{5});
  CHECK(s.zero == Zeroing::kRelease);
  CHECK(s.huge_pages == HugePages::k1GiB);
  CHECK(s.populate == Populate::kSuperslab);
  CHECK(s.numa.kind == NodePlacement::Kind::kInterleave);
  CHECK(s.purge_delay_ms == Millis{0});
  CHECK_EQ(s.big_cache_bytes, ByteCount{0});
  CHECK(s.big_cache_age_ms == Millis{7});
  CHECK_EQ(s.cache_blocks, 1u);
  CHECK_EQ(s.cache_bytes, 64 * kKiB);
  CHECK(s.stats);
  CHECK(s.profile == Profile::kThroughput);
}

TEST(policy, "each word is the enum value of the same meaning") {
  Policy s;
  PolicyError error;
  const auto set = [&](const char* option, const char* word) {
    CHECK(apply_option(s, option, word, error));
  };
  set("hugePages", "off");
  CHECK(s.huge_pages == HugePages::kOff);
  set("hugePages", "thp");
  CHECK(s.huge_pages == HugePages::kTransparent);
  set("hugePages", "2mb");
  CHECK(s.huge_pages == HugePages::k2MiB);
  set("hugePages", "1gb");
  CHECK(s.huge_pages == HugePages::k1GiB);
  set("zero", "acquire");
  CHECK(s.zero == Zeroing::kAcquire);
  set("zero", "never");
  CHECK(s.zero == Zeroing::kNever);
  set("populate", "off");
  CHECK(s.populate == Populate::kOff);
  set("populate", "demand");
  CHECK(s.populate == Populate::kDemand);
  set("onExhausted", "fallback");
  CHECK(s.on_exhausted == OnExhausted::kFallback);
  set("onExhausted", "throw");
  CHECK(s.on_exhausted == OnExhausted::kThrow);
  set("numa", "3");
  CHECK(s.numa.kind == NodePlacement::Kind::kNode);
  CHECK_EQ(s.numa.node, 3);
  set("numa", "local");
  CHECK(s.numa.kind == NodePlacement::Kind::kLocal);
}

TEST(policy, "a profile changes defaults, a variable wins over it wherever it stands") {
  const Read low = read({"SUPERSLAB_PROFILE=low-memory"});
  CHECK_EQ(low.wrong, 0u);
  CHECK(low.snapshot.profile == Profile::kLowMemory);
  CHECK(low.snapshot.huge_pages == HugePages::kOff);
  CHECK_EQ(low.snapshot.cache_blocks, 16u);
  CHECK(low.snapshot.populate == Populate::kDemand);

  const Read after = read({"SUPERSLAB_PROFILE=low-memory", "SUPERSLAB_HUGE_PAGES=thp"});
  const Read before = read({"SUPERSLAB_HUGE_PAGES=thp", "SUPERSLAB_PROFILE=low-memory"});
  CHECK(after.snapshot.huge_pages == HugePages::kTransparent);
  CHECK(same(after.snapshot, before.snapshot));
  CHECK_EQ(after.snapshot.cache_blocks, 16u);

  const Read fast = read({"SUPERSLAB_PROFILE=throughput"});
  CHECK(fast.snapshot.populate == Populate::kSuperslab);
  CHECK(fast.snapshot.purge_delay_ms > Policy{}.purge_delay_ms);
  CHECK(same(read({"SUPERSLAB_PROFILE=balanced"}).snapshot, Policy{}));
}

TEST(policy, "an option wins over the environment") {
  Read result = read({"SUPERSLAB_PROFILE=low-memory", "SUPERSLAB_MAX_BYTES=1g"});
  PolicyError error;
  CHECK(apply_option(result.snapshot, "maxBytes", 4096.0, error));
  CHECK(apply_option(result.snapshot, "hugePages", "2mb", error));
  CHECK(apply_option(result.snapshot, "numa", 2.0, error));
  CHECK_EQ(result.snapshot.max_bytes, ByteCount{4096});
  CHECK(result.snapshot.huge_pages == HugePages::k2MiB);
  CHECK_EQ(result.snapshot.numa.node, 2);
  CHECK_EQ(result.snapshot.cache_blocks, 16u);
}

TEST(policy, "the first of two variables of one name counts") {
  const Read result = read({"SUPERSLAB_MAX_BYTES=1m", "SUPERSLAB_MAX_BYTES=2m"});
  CHECK_EQ(result.snapshot.max_bytes, kMiB);
  const Read wrong = read({"SUPERSLAB_MAX_BYTES=x", "SUPERSLAB_MAX_BYTES=y"});
  CHECK_EQ(wrong.wrong, 1u);
  CHECK(std::string_view(wrong.errors[0].value) == "x");
}

TEST(policy, "an unknown variable is named with its nearest right name") {
  const Read result = read({"SUPERSLAB_HUGEPAGES=thp"});
  CHECK_EQ(result.wrong, 1u);
  const PolicyError& error = result.errors[0];
  CHECK(error.kind == PolicyErrorKind::kUnknownName);
  CHECK(error.origin == PolicyOrigin::kEnvironment);
  CHECK(std::string_view(error.name) == "SUPERSLAB_HUGEPAGES");
  CHECK(std::string_view(error.suggestion) == "SUPERSLAB_HUGE_PAGES");
  CHECK(result.message() ==
        "Unknown environment variable SUPERSLAB_HUGEPAGES: did you mean SUPERSLAB_HUGE_PAGES?");
}

TEST(policy, "an unknown option is named with its nearest right name") {
  Policy snapshot;
  PolicyError error;
  CHECK(!apply_option(snapshot, "hugepages", "thp", error));
  CHECK(error.kind == PolicyErrorKind::kUnknownName);
  CHECK(error.origin == PolicyOrigin::kOption);
  CHECK(std::string_view(error.message) ==
        "Unknown option \"hugepages\": did you mean \"hugePages\"?");
}

TEST(policy, "a name like no other is answered with all the right ones") {
  const Read result = read({"SUPERSLAB_COLOUR=red"});
  CHECK(result.errors[0].suggestion[0] == '\0');
  for (const Knob& knob : kKnobs) {
    CHECK(result.message().find(knob.variable) != std::string_view::npos);
  }
  Policy snapshot;
  PolicyError error;
  CHECK(!apply_option(snapshot, "colour", "red", error));
  for (const Knob& knob : kKnobs) {
    if (!knob.is_option()) continue;
    CHECK(std::string_view(error.message).find(knob.option) != std::string_view::npos);
  }
}

TEST(policy, "an option that only the environment sets says so") {
  Policy snapshot;
  PolicyError error;
  CHECK(!apply_option(snapshot, "cacheBlocks", 8.0, error));
  CHECK(std::string_view(error.message) ==
        "Unknown option \"cacheBlocks\": it is set for the whole process, by the environment "
        "variable SUPERSLAB_CACHE_BLOCKS");
}

TEST(policy, "a wrong value is named with what is right") {
  const Read result = read({"SUPERSLAB_MAX_BYTES=12q", "SUPERSLAB_CACHE_BLOCKS=65",
                            "SUPERSLAB_ZERO=aquire", "SUPERSLAB_WAIT_MS="});
  CHECK_EQ(result.wrong, 4u);
  CHECK(result.errors[0].kind == PolicyErrorKind::kMalformed);
  CHECK(result.message(0) ==
        "SUPERSLAB_MAX_BYTES is \"12q\", which is not a size: give 0 to 128t, in bytes or with a "
        "unit (64k, 2m, 1g)");
  CHECK(result.errors[1].kind == PolicyErrorKind::kOutOfRange);
  CHECK(result.message(1) ==
        "SUPERSLAB_CACHE_BLOCKS is \"65\", which is out of range: give a whole number from 1 to 64 "
        "(blocks), and for single sizes SIZE:NUMBER (64,512:32)");
  CHECK(std::string_view(result.errors[2].suggestion) == "acquire");
  CHECK(result.message(2) ==
        "SUPERSLAB_ZERO is \"aquire\", which is not one of its words: did you mean \"acquire\"? Or "
        "give one of never, acquire, release");
  CHECK(result.message(3) ==
        "SUPERSLAB_WAIT_MS is empty: give a whole number from 0 to 3600000 (ms)");
}

TEST(policy, "a wrong number is shown as JavaScript shows it") {
  Policy snapshot;
  PolicyError error;
  CHECK(!apply_option(snapshot, "maxBytes", -1.0, error));
  CHECK(error.kind == PolicyErrorKind::kOutOfRange);
  CHECK(std::string_view(error.message) ==
        "Option \"maxBytes\" is -1, which is out of range: give 0 to 128t, in bytes or with a unit "
        "(64k, 2m, 1g)");
  CHECK(!apply_option(snapshot, "purgeDelayMs", 0.5, error));
  CHECK(error.kind == PolicyErrorKind::kMalformed);
  CHECK(
      std::string_view(error.message) ==
      "Option \"purgeDelayMs\" is 0.5, which is not a whole number: give a whole number from 0 to "
      "86400000 (ms)");
  CHECK(!apply_option(snapshot, "maxBytes", 1e21, error));
  CHECK(std::string_view(error.value) == "1e+21");
  CHECK(!apply_option(snapshot, "maxBytes", __builtin_nan(""), error));
  CHECK(std::string_view(error.value) == "NaN");
  CHECK(!apply_option(snapshot, "maxBytes", -__builtin_inf(), error));
  CHECK(std::string_view(error.value) == "-Infinity");
  CHECK(same(snapshot, Policy{}));
}

TEST(policy, "a wrong variable leaves its row at the profile's value and the rest in force") {
  const Read result = read({"SUPERSLAB_CACHE_BLOCKS=many", "SUPERSLAB_PROFILE=low-memory",
                            "SUPERSLAB_TYPO=1", "SUPERSLAB_ZERO=acquire"});
  CHECK_EQ(result.wrong, 2u);
  CHECK_EQ(result.snapshot.cache_blocks, 16u);
  CHECK(result.snapshot.zero == Zeroing::kAcquire);
}

TEST(policy, "problems beyond the room for them are still counted") {
  const char* environment[] = {"SUPERSLAB_A1=1", "SUPERSLAB_A2=1", "SUPERSLAB_A3=1", nullptr};
  Policy snapshot;
  PolicyError one[1];
  CHECK_EQ(snapshot_from_environment(environment, snapshot, one), 3u);
  CHECK(std::string_view(one[0].name) == "SUPERSLAB_A1");
  CHECK_EQ(snapshot_from_environment(environment, snapshot, {}), 3u);
}

TEST(policy, "long and binary input is cut and cleaned, never overruns") {
  const std::string name = "SUPERSLAB_" + std::string(5000, 'X');
  const std::string value(5000, '\x01');
  const std::string unknown = name + "=1";
  const std::string wrong = "SUPERSLAB_ZERO=" + value;
  const Read result = read({unknown.c_str(), wrong.c_str()});
  CHECK_EQ(result.wrong, 2u);
  CHECK(std::string_view(result.errors[0].name).ends_with("..."));
  CHECK_EQ(std::string_view(result.errors[0].name).size(), sizeof(result.errors[0].name) - 1);
  // The longest message there is still ends with the table's last name.
  CHECK(result.message(0).ends_with(kKnobs[kKnobCount - 1].variable));
  CHECK(std::string_view(result.errors[1].value).starts_with("????"));

  // 59 ASCII bytes, then characters of two bytes: the cut falls inside one.
  std::string text(59, 'a');
  for (int i = 0; i < 10; ++i) text += "\xC3\xA9";
  Policy snapshot;
  PolicyError error;
  CHECK(!apply_option(snapshot, "zero", text, error));
  CHECK(std::string_view(error.value) == std::string(59, 'a') + "...");
}

TEST(policy, "fields and rows hold the same values") {
  Policy snapshot;
  for (const Knob& knob : kKnobs) {
    const Reading value = parse_value(knob, knob.default_text);
    CHECK_EQ(knob_code(snapshot, knob.id), value.value);
  }
  set_knob_code(snapshot, KnobId::numa, 2 + 1023);
  CHECK_EQ(snapshot.numa.node, 1023);
  CHECK_EQ(knob_code(snapshot, KnobId::numa), KnobCode{2 + 1023});
  set_knob_code(snapshot, KnobId::max_bytes, knob_row(KnobId::max_bytes).max);
  CHECK_EQ(knob_code(snapshot, KnobId::max_bytes), knob_row(KnobId::max_bytes).max);
}

TEST(policy, "a node that the machine lacks is refused") {
  Policy snapshot;
  PolicyError error;
  CHECK(check_node(snapshot, PolicyOrigin::kOption, 1, error));
  CHECK(apply_option(snapshot, "numa", 1.0, error));
  CHECK(check_node(snapshot, PolicyOrigin::kOption, 2, error));
  CHECK(!check_node(snapshot, PolicyOrigin::kOption, 1, error));
  CHECK(error.kind == PolicyErrorKind::kOutOfRange);
  CHECK(std::string_view(error.message) ==
        "Option \"numa\" is 1, a memory node that this machine does not have: give local, "
        "interleave or 0, its only node");
  CHECK(apply_option(snapshot, "numa", 9.0, error));
  CHECK(!check_node(snapshot, PolicyOrigin::kEnvironment, 4, error));
  CHECK(std::string_view(error.message) ==
        "SUPERSLAB_NUMA is 9, a memory node that this machine does not have: give local, "
        "interleave or the number of a node from 0 to 3");
}

TEST(policy, "variables that Kubernetes makes for a service called superslab are none of ours") {
  const Read result = read({
      "SUPERSLAB_SERVICE_HOST=10.96.0.17",
      "SUPERSLAB_SERVICE_PORT=80",
      "SUPERSLAB_SERVICE_PORT_HTTP=80",
      "SUPERSLAB_SERVICE_PORT_HTTP_2=8080",
      "SUPERSLAB_PORT=tcp://10.96.0.17:80",
      "SUPERSLAB_PORT_80_TCP=tcp://10.96.0.17:80",
      "SUPERSLAB_PORT_80_TCP_PROTO=tcp",
      "SUPERSLAB_PORT_80_TCP_PORT=80",
      "SUPERSLAB_PORT_80_TCP_ADDR=10.96.0.17",
      "SUPERSLAB_PORT_53_UDP=udp://10.96.0.17:53",
      "SUPERSLAB_PORT_9_SCTP_PROTO=sctp",
      "SUPERSLAB_PORT_80_TCP_ADDR=fd00::17",
      "SUPERSLAB_PORT_81_TCP=tcp://[fd00::17]:81",
      "SUPERSLAB_LOG_SERVER_SERVICE_HOST=10.96.0.18",
      "SUPERSLAB_LOG_SERVER_SERVICE_PORT=9300",
      "SUPERSLAB_LOG_SERVER_PORT=tcp://10.96.0.18:9300",
      "SUPERSLAB_LOG_SERVER_PORT_9300_TCP_ADDR=10.96.0.18",
      "SUPERSLAB_ZERO=acquire",
  });
  CHECK_EQ(result.wrong, 0u);
  CHECK(result.snapshot.zero == Zeroing::kAcquire);
}

TEST(policy, "variables that Docker makes for a link called superslab are none of ours") {
  const Read result = read({
      "SUPERSLAB_NAME=/web/superslab",
      "SUPERSLAB_ENV_PATH=/bin",
      "SUPERSLAB_ENV_npm_config_loglevel=warn",
      "SUPERSLAB_ENV_EMPTY=",
      "SUPERSLAB_PORT_9300_TCP_START=tcp://172.17.0.5:9300",
      "SUPERSLAB_PORT_9300_TCP_END=tcp://172.17.0.5:9302",
      "SUPERSLAB_PORT_9300_TCP_PORT_START=9300",
      "SUPERSLAB_PORT_9300_TCP_PORT_END=9302",
      "SUPERSLAB_DB_NAME=/web/superslab-db",
  });
  CHECK_EQ(result.wrong, 0u);
  CHECK(same(result.snapshot, Policy{}));
}

TEST(policy, "what only looks like a service's variable is an error") {
  for (const char* variable : {
           "SUPERSLAB_PORT=9300",
           "SUPERSLAB_PORT=http://10.96.0.17:80",
           "SUPERSLAB_PORT=tcp://",
           "SUPERSLAB_PORT_80_TCP=80",
           "SUPERSLAB_PORT_80_HTTP=tcp://10.96.0.17:80",
           "SUPERSLAB_PORT_TCP=tcp://10.96.0.17:80",
           "SUPERSLAB_PORT_80_TCP_PROTO=http",
           "SUPERSLAB_PORT_80_TCP_PORT=eighty",
           "SUPERSLAB_PORT_80_TCP_HOST=10.96.0.17",
           "SUPERSLAB_PORT_80=tcp://10.96.0.17:80",
           "SUPERSLAB_SERVICE=10.96.0.17",
           "SUPERSLAB_SERVICE_HOST=",
           "SUPERSLAB_SERVICE_HOST=localhost",
           "SUPERSLAB_SERVICE_PORT=none",
           "SUPERSLAB_SERVICE_PORT_=80",
           "SUPERSLAB_SERVICE_PORT_http=80",
           "SUPERSLAB_service_HOST=10.96.0.17",
           "SUPERSLAB_NAME=superslab",
           "SUPERSLAB_ENV_=1",
           "SUPERSLAB_ENVIRONMENT=1",
           "SUPERSLAB_HOST=10.96.0.17",
           "SUPERSLAB_=1",
       }) {
    CHECK_EQ(read({variable}).wrong, 1u);
  }
}
