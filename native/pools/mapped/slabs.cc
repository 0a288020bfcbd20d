#include "pools/mapped/slabs.h"

#include <cassert>

namespace superslab::mapped {
namespace {

constexpr std::uint32_t granule_at(DataPage slab, std::uint32_t bytes) {
  return slab * static_cast<std::uint32_t>(kPageBytes / kGranuleBytes) +
         bytes / static_cast<std::uint32_t>(kGranuleBytes);
}

}  // namespace

bool Slabs::head(DataPage slab, std::uint32_t* c) {
  const std::uint32_t total = extents_.data_pages();
  if (total > layout_.max_pages || slab % kSlabPages != 0 || slab + kSlabPages > total)
    return false;
  const std::uint32_t word = words_.get(entry(slab));
  if (kind_of(word) != Kind::kSlab) return false;
  *c = count_of(word);
  if (*c < kClasses && *c >= min_class(layout_) && used_in(slab) <= blocks_of_class(*c))
    return true;
  words_.note_damage("slab", slab);
  return false;
}

Slabs::Place Slabs::find(std::uint32_t granule) {
  Place place;
  place.slab = static_cast<DataPage>(align_down(page_of_granule(granule), kSlabPages));
  if (!head(place.slab, &place.c)) return {};
  const std::uint32_t granules = kClassBytes[place.c] / static_cast<std::uint32_t>(kGranuleBytes);
  const std::uint32_t inside = granule - granule_at(place.slab, 0);
  place.number = inside / granules;
  if (inside % granules != 0 || place.number >= blocks_of_class(place.c)) return {};
  place.word = first_word(place.slab, place.c) + place.number;
  place.found = true;
  return place;
}

std::uint32_t Slabs::next_seed() {
  const std::uint32_t made = words_.get(kSlabsMadeWord) + 1;
  words_.set(kSlabsMadeWord, made);
  // Fibonacci hashing spreads the seeds; their lowest bit says that nothing is live.
  return (made * 0x9e3779b1u >> kSlackBits) & kGenerationMask & ~1u;
}

bool Slabs::make(std::uint32_t c) {
  const Extents::Taken taken = extents_.take(kSlabPages, kSlabPages);
  if (!taken.found) return false;
  const DataPage slab = taken.page;
  if (taken.may_have_holes && !space_.provide_data(slab, kSlabPages)) return false;
  if (!has_inline_words(layout_, c) && !space_.provide_slab_words(slab)) return false;
  words_.set(entry(slab), entry_word(Kind::kSlab, c));
  words_.set(entry(slab, 1), 0);
  const std::uint32_t word = next_seed() << kSlackBits;
  const WordIndex first = first_word(slab, c);
  for (std::uint32_t i = 0; i < blocks_of_class(c); ++i) words_.set(first + i, word);
  link(slab, c);
  return true;
}

void Slabs::link(DataPage slab, std::uint32_t c) {
  const std::uint32_t next = first_of(c);
  std::uint32_t other;
  if (next != 0 && (!head(next - 1, &other) || other != c))
    return words_.note_damage("list of slabs", c);
  words_.set(entry(slab, 2), next);
  words_.set(entry(slab, 3), 0);
  if (next != 0) words_.set(entry(next - 1, 3), slab + 1);
  words_.set(kClassesWord + c, slab + 1);
  hints_[c] = 0;
}

void Slabs::unlink(DataPage slab, std::uint32_t c) {
  const std::uint32_t next = next_of(slab);
  const std::uint32_t previous = words_.get(entry(slab, 3));
  std::uint32_t other;
  const bool is_linked =
      (previous == 0
           ? first_of(c) == slab + 1
           : head(previous - 1, &other) && other == c && next_of(previous - 1) == slab + 1) &&
      (next == 0 ||
       (head(next - 1, &other) && other == c && words_.get(entry(next - 1, 3)) == slab + 1));
  if (!is_linked) return words_.note_damage("list of slabs", slab);
  words_.set(previous == 0 ? kClassesWord + c : entry(previous - 1, 2), next);
  if (next != 0) words_.set(entry(next - 1, 3), previous);
  words_.set(entry(slab, 2), 0);
  words_.set(entry(slab, 3), 0);
  hints_[c] = 0;
}

Handle Slabs::take(std::uint32_t c, std::uint32_t slack, const GranuleSet& due) {
  if (first_of(c) == 0 && !make(c)) return kNoHandle;
  const DataPage slab = first_of(c) - 1;
  std::uint32_t known;
  if (!head(slab, &known) || known != c || used_in(slab) >= blocks_of_class(c)) {
    words_.note_damage("list of slabs", c);
    return kNoHandle;
  }
  const std::uint32_t blocks = blocks_of_class(c);
  const WordIndex first = first_word(slab, c);
  std::uint32_t number = hints_[c] < blocks ? hints_[c] : 0;
  for (std::uint32_t looks = 0; looks < blocks; ++looks, number = (number + 1) % blocks) {
    const std::uint32_t generation = words_.get(first + number) >> kSlackBits;
    const std::uint32_t granule = granule_at(slab, number * kClassBytes[c]);
    if (is_live(generation) || (!due.empty() && due.contains(granule))) continue;
    const std::uint32_t live = next_generation(generation);
    words_.set(first + number, live << kSlackBits | slack);
    words_.set(entry(slab, 1), used_in(slab) + 1);
    hints_[c] = number + 1;
    if (used_in(slab) == blocks) unlink(slab, c);
    return handle_of(live, granule);
  }
  words_.note_damage("slab", slab);
  return kNoHandle;
}

void Slabs::give(std::uint32_t granule) {
  const Place place = find(granule);
  if (!place.found || used_in(place.slab) == 0) return words_.note_damage("freed block", granule);
  const std::uint32_t used = used_in(place.slab);
  words_.set(entry(place.slab, 1), used - 1);
  if (used == blocks_of_class(place.c)) link(place.slab, place.c);
  // One empty slab of a class stays.
  const bool is_alone = first_of(place.c) == place.slab + 1 && next_of(place.slab) == 0;
  if (used == 1 && !is_alone) {
    unlink(place.slab, place.c);
    if (!words_.is_damaged()) dissolve(place.slab);
  }
}

void Slabs::dissolve(DataPage slab) {
  const std::uint32_t seed = next_seed();
  for (DataPage page = slab; page < slab + kSlabPages; ++page) {
    words_.set(entry(page), 0);
    words_.set(entry(page, 1), seed);
    words_.set(entry(page, 2), 0);
    words_.set(entry(page, 3), 0);
  }
  extents_.give(slab, kSlabPages);
}

}  // namespace superslab::mapped
