// Requests by scopes of a generational pool of superslab's; the steps of a collection; and what memory the pool has in the end.
//
//   pool pool copied|made
//   pool pool steps             prints the longest step of five collections of 64 MiB of young values, a tenth of which survives, in ms
//                               of processor time
//   pool pool footprint COUNT   prints committed memory after so many requests, over live bytes and young together
#include "superslab.h"

#include "loops.h"

namespace {

using bench::kValues;

ss_generational_pool* make(size_t young) {
  ss_generational_pool_options options = SS_GENERATIONAL_POOL_OPTIONS;
  options.name = "bench";
  options.young = young;
  ss_generational_pool* pool = ss_generational_pool_new(&options);
  if (pool == nullptr) bench::die("no pool");
  return pool;
}

class Requests {
 public:
  explicit Requests(size_t young)
      : pool_(make(young)), collect_every_((young >> 20) * kRequestsPerMiB) {}

  template <class Written>
  void request() {
    const ss_scope scope = ss_generational_pool_begin(pool_);
    for (size_t i = 0; i < kValues; i++) {
      ss_handle handle;
      Written::write(ss_generational_pool_scope_alloc(pool_, bench::size_of(i), &handle), i);
      if (++count_ == bench::kSurvivesOneOf) {
        count_ = 0;
        survivors_.keep(ss_generational_pool_promote(pool_, handle),
                        [&](ss_handle old) { ss_generational_pool_free(pool_, old); });
      }
    }
    ss_generational_pool_end(pool_, scope);
    if (++requests_ % collect_every_ == 0)
      ss_generational_pool_collect(pool_, UINT64_MAX, nullptr, nullptr);
  }

  double footprint(size_t young) const {
    ss_generational_stats figures{};
    figures.struct_bytes = sizeof figures;
    ss_generational_pool_generations(pool_, &figures);
    ss_pool_stats stats{};
    stats.struct_bytes = sizeof stats;
    ss_generational_pool_stats(pool_, &stats);
    const size_t live =
        figures.young.live_bytes + figures.old.live_bytes + figures.permanent.live_bytes;
    return static_cast<double>(stats.committed_bytes) / static_cast<double>(live + young);
  }

 private:
  /// Requests between two collections: half of young is filled by their survivors.
  static constexpr size_t kRequestsPerMiB = 12'500;
  ss_generational_pool* const pool_;
  const size_t collect_every_;
  bench::Survivors<ss_handle> survivors_;
  size_t count_ = 0;
  size_t requests_ = 0;
};

constexpr size_t kYoung = size_t{64} << 20;
constexpr size_t kBytes = 120;
constexpr size_t kCount = kYoung / 128 * 98 / 100;

/// Fills young once; a tenth of it is alive then.
void fill_young(ss_generational_pool* pool) {
  static ss_handle handles[kCount];
  for (ss_handle& handle : handles) {
    handle = ss_generational_pool_put(pool, bench::value_of(1), kBytes);
    if (handle == 0) bench::die("no value");
  }
  for (size_t i = 0; i < kCount; i++)
    if (i % 10 != 0) ss_generational_pool_free(pool, handles[i]);
}

/// Of this thread alone: what others take of the machine is no pause of ours.
uint64_t cpu_ns() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(time.tv_nsec);
}

int measure_steps() {
  ss_generational_pool* pool = make(kYoung);
  uint64_t longest = 0;
  for (int round = 0; round < 5; round++) {
    fill_young(pool);
    for (bool is_done = false; !is_done;) {
      const uint64_t start = cpu_ns();
      is_done = ss_generational_pool_collect(pool, 500'000, nullptr, nullptr) == 1;
      const uint64_t took = cpu_ns() - start;
      if (took > longest) longest = took;
    }
  }
  printf("%.4f 0 0\n", static_cast<double>(longest) / 1e6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) bench::die("usage: pool pool copied|made|steps|footprint ...");
  if (strcmp(argv[2], "steps") == 0) return measure_steps();
  if (strcmp(argv[2], "footprint") == 0) {
    constexpr size_t kSmallYoung = size_t{4} << 20;
    static Requests requests(kSmallYoung);
    for (size_t i = bench::number(argv[3]); i > 0; i--) requests.request<bench::Copied>();
    printf("%.4f 0 0\n", requests.footprint(kSmallYoung));
    return 0;
  }
  static Requests requests(size_t{16} << 20);
  return bench::measure_requests(requests, argv[2]);
}
