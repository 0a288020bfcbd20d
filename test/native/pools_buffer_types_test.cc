// What names a thing is no number: the types of names convert neither to nor from integers, byte
// counts or each other. All of it is checked when this file is compiled.
#include <cstdint>
#include <type_traits>

#include "base/types.h"
#include "binding/codes.h"
#include "binding/ids.h"
#include "check.h"
#include "pools/buffer/block_number.h"
#include "pools/buffer/window.h"

using namespace superslab;

namespace {

/// Whether neither becomes the other without a cast.
template <class A, class B>
constexpr bool are_apart = !std::is_convertible_v<A, B> && !std::is_convertible_v<B, A> &&
                           !std::is_assignable_v<A&, B> && !std::is_assignable_v<B&, A>;

template <class... Names>
struct NameTypes {
  template <class Name>
  static constexpr bool is_no_number =
      are_apart<Name, int> && are_apart<Name, std::uint32_t> && are_apart<Name, std::uint64_t> &&
      are_apart<Name, ByteCount> && are_apart<Name, double> && are_apart<Name, bool>;

  template <class Name>
  static constexpr bool is_no_other =
      ((std::is_same_v<Name, Names> || are_apart<Name, Names>)&&...);

  static constexpr bool are_no_numbers = (is_no_number<Names> && ...);
  static constexpr bool do_not_mix = (is_no_other<Names> && ...);
};

using Names =
    NameTypes<BlockNumber, SliceIndex, ClassIndex, PoolId, EvaluationId, WindowKey, NoBlocks>;

static_assert(Names::are_no_numbers);
static_assert(Names::do_not_mix);
// An alias would be seen.
static_assert(!NameTypes<ByteCount>::are_no_numbers);

}  // namespace

TEST(pools, "block numbers, slices and superslabs lead to each other") {
  const SuperslabIndex superslab = kUnnumbered + 3;
  const BlockNumber first = first_number_of(superslab);
  CHECK_EQ(to_word(first), 3 * kGranulesPerSuperslab);
  CHECK_EQ(superslab_of(first), superslab);
  const BlockNumber last{to_word(first) + static_cast<std::uint32_t>(kGranulesPerSuperslab) - 1};
  CHECK_EQ(superslab_of(last), superslab);
  CHECK_EQ(to_index(slice_of(first)), 3 * kSlicesPerSuperslab);
  CHECK_EQ(superslab_of_slice(slice_of(last)), superslab);
  CHECK_EQ(place_in_superslab(slice_of(first)), 0u);
  CHECK_EQ(place_in_superslab(slice_of(last)), kSlicesPerSuperslab - 1);
  CHECK_EQ(superslab_of(kNoBlock), kUnnumbered);  // which is in no space
}
