// Single classes by hand: SUPERSLAB_CACHE_BLOCKS=64,512:32.
#include <string>

#include "check.h"
#include "heap/magazine_limits.h"
#include "policy/snapshot.h"

using namespace superslab;

namespace {

struct Read {
  explicit Read(const std::string& value, const char* profile = nullptr)
      : text("SUPERSLAB_CACHE_BLOCKS=" + value) {
    const char* environment[] = {text.c_str(), profile, nullptr};
    wrong = snapshot_from_environment(environment, policy, {&error, 1});
  }
  std::uint32_t limit(ByteCount bytes) const { return magazine_limit(class_for(bytes), policy); }

  std::string text;
  Policy policy;
  PolicyError error{};
  std::size_t wrong = 0;
};

}  // namespace

TEST(policy, "cache blocks: single classes have a number of their own, the others that of all") {
  const Read read("32,512:40,64k:3");
  CHECK_EQ(read.wrong, 0u);
  CHECK_EQ(read.limit(512), 40u);
  CHECK_EQ(read.limit(500), 40u);
  CHECK_EQ(read.limit(64 * kKiB), 3u);
  CHECK_EQ(read.limit(1024), 32u);
  CHECK_EQ(read.policy.cache_blocks, 32u);
}

TEST(policy, "cache blocks: without a number for all the profile's stays") {
  const Read read("512:40", "SUPERSLAB_PROFILE=low-memory");
  CHECK_EQ(read.wrong, 0u);
  CHECK_EQ(read.policy.cache_blocks, 16u);
  CHECK_EQ(read.limit(512), 40u);
}

TEST(policy, "cache blocks: what was set by hand is neither learned nor tried") {
  Read read("64,512:40");
  read.policy.class_blocks[to_index(class_for(512))] = 9;
  read.policy.trial_blocks[to_index(class_for(512))] = 5;
  read.policy.trial_arms = 3;
  CHECK_EQ(read.limit(512), 40u);
}

TEST(policy, "cache blocks: a text that is wrong is refused as a whole, with an example") {
  for (const char* const value :
       {"64,", "64,512", "64,512:", "64,512:65", "64,:3", "64,0:3", "64,3m:3", "512:0", "64;512:3",
        "65", "", ",", "64,512:1:2", "64,512k1:3"}) {
    const Read read(value);
    CHECK_EQ(read.wrong, 1u);
    CHECK_EQ(read.limit(512), 64u);
    CHECK(std::string_view(read.error.message).find("64,512:32") != std::string_view::npos);
  }
  std::string many = "64";
  for (int i = 1; i <= 16; ++i) many += "," + std::to_string(16 * i) + ":2";
  CHECK_EQ(Read(many).wrong, 0u);
  CHECK_EQ(Read(many + ",4k:2").wrong, 1u);
}
