// P2 against exact quantiles of known distributions.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/quantile.h"
#include "check.h"
#include "pools/buffer/lease_histograms.h"
#include "pools/buffer/slow_path_latency.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// xorshift64*, the same numbers each time.
class Random {
 public:
  /// In (0, 1).
  double next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (static_cast<double>((state_ * 0x2545f4914f6cdd1dULL) >> 11) + 0.5) / 9007199254740992.0;
  }

 private:
  std::uint64_t state_ = 88172645463325252ULL;
};

double exact(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

/// Where `value` stands among `values`: the share of them that are below it.
double rank_of(const std::vector<double>& values, double value) {
  const auto below =
      std::count_if(values.begin(), values.end(), [value](double x) { return x < value; });
  return static_cast<double>(below) / static_cast<double>(values.size());
}

/// A quantile with what it is exact by at first.
struct Estimated {
  FirstObservations first;
  P2Quantile quantile;

  explicit Estimated(double p) : quantile(p) {}
  void add(double x) {
    first.add(x);
    quantile.add(x);
  }
  double value() const { return quantile.value(first); }
  std::uint64_t count() const { return quantile.count(); }
};

struct Distribution {
  const char* name;
  double (*draw)(Random&);
};

double normal(Random& random) {
  return std::sqrt(-2 * std::log(random.next())) * std::cos(6.283185307179586 * random.next());
}

const Distribution kDistributions[] = {
    {"uniform", [](Random& r) { return r.next(); }},
    {"exponential", [](Random& r) { return -std::log(r.next()); }},
    {"normal", [](Random& r) { return 1000 + normal(r); }},
    {"log-normal", [](Random& r) { return std::exp(normal(r)); }},
    {"heavy tail", [](Random& r) { return std::pow(r.next(), -1 / 1.5); }},
    {"two modes, as of refills with and without a fault",
     [](Random& r) { return r.next() < 0.9 ? 200 + 20 * normal(r) : 20'000 + 2000 * normal(r); }},
};

}  // namespace

TEST(heap, "quantiles are estimated to within a percent of their rank") {
  for (const Distribution& distribution : kDistributions) {
    for (const double p : {0.5, 0.95, 0.99}) {
      const Context context(std::string(distribution.name) + ", p = " + std::to_string(p));
      Random random;
      Estimated quantile(p);
      std::vector<double> values;
      for (int i = 0; i < 20'000; ++i) {
        values.push_back(distribution.draw(random));
        quantile.add(values.back());
      }
      CHECK_EQ(quantile.count(), 20'000u);
      CHECK(std::abs(rank_of(values, quantile.value()) - p) < 0.01);
    }
  }
}

TEST(heap, "a quantile's value is close where the distribution is smooth") {
  for (const double p : {0.5, 0.95, 0.99}) {
    const Context context("p = " + std::to_string(p));
    Random random;
    Estimated quantile(p);
    std::vector<double> values;
    for (int i = 0; i < 20'000; ++i) {
      values.push_back(-std::log(random.next()));
      quantile.add(values.back());
    }
    const double wanted = exact(values, p);
    CHECK(std::abs(quantile.value() - wanted) < 0.03 * wanted);
  }
}

TEST(heap, "quantiles of up to 64 values are exact") {
  for (const Distribution& distribution : kDistributions) {
    for (const double p : {0.2, 0.5, 0.95, 0.99}) {
      const Context context(std::string(distribution.name) + ", p = " + std::to_string(p));
      Random random;
      Estimated quantile(p);
      std::vector<double> values;
      CHECK_EQ(quantile.value(), 0.0);
      for (int n = 1; n <= 64; ++n) {
        values.push_back(distribution.draw(random));
        quantile.add(values.back());
        CHECK_EQ(quantile.value(), exact(values, p));
      }
    }
  }
}

TEST(heap, "percentiles of latencies are in order after each observation of any stream") {
  Random random;
  for (const Distribution& distribution : kDistributions) {
    for (int stream = 0; stream < 100; ++stream) {
      const Context context(std::string(distribution.name) + ", " + std::to_string(stream));
      SlowPathLatency latency;
      for (int i = 0; i < 400; ++i) {
        latency.add(static_cast<Nanos>(std::max(0.0, 1000 * distribution.draw(random))));
        const LatencyStats stats = latency.get();
        CHECK(stats.p50_ns <= stats.p95_ns);
        CHECK(stats.p95_ns <= stats.p99_ns);
        CHECK(stats.p99_ns <= stats.max_ns);
      }
    }
  }
}

TEST(heap, "quantiles of ascending, descending and equal values stay within them") {
  for (const int direction : {1, -1, 0}) {
    const Context context("direction " + std::to_string(direction));
    Estimated quantile(0.95);
    for (int i = 1; i <= 10'000; ++i) quantile.add(5000 + direction * i / 2.0);
    CHECK(quantile.value() >= 0 && quantile.value() <= 10'000);
    if (direction == 0) CHECK_EQ(quantile.value(), 5000.0);
    if (direction == 1) CHECK(std::abs(quantile.value() - 9750) < 100);
    if (direction == -1) CHECK(std::abs(quantile.value() - 4750) < 100);
  }
}

TEST(heap, "the example of the paper that describes P2") {
  // Table I of Jain and Chlamtac: the median of 20 observations, estimated 4.44.
  P2Quantile median(0.5);
  for (const double x : {0.02,  0.15,  0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92,
                         34.60, 10.28, 1.47, 0.40, 0.05, 11.39, 0.27,  0.42,  0.09,  11.37})
    median.add(x);
  CHECK(std::abs(median.estimate() - 4.44) < 0.005);
}

TEST(heap, "latencies publish what they were given") {
  SlowPathLatency latency;
  CHECK_EQ(latency.get().count, 0u);
  for (Nanos i = 1; i <= 1000; ++i) latency.add(i * 10);
  const LatencyStats stats = latency.get();
  CHECK_EQ(stats.count, 1000u);
  CHECK_EQ(stats.max_ns, 10'000u);
  CHECK(stats.p50_ns > 4500 && stats.p50_ns < 5500);
  CHECK(stats.p95_ns > 9000 && stats.p95_ns <= 9800);
  CHECK(stats.p99_ns >= stats.p95_ns && stats.p99_ns <= 10'000);
}

TEST(heap, "one slow-path call in seventeen is timed, the first among them") {
  SlowPathSampling sampling;
  int timed = 0;
  for (int i = 0; i < 17 * 10; ++i) {
    const bool is_next = sampling.is_next();
    if (i == 0) CHECK(is_next);
    timed += is_next;
  }
  CHECK_EQ(timed, 10);
}

TEST(heap, "a timer that was stopped measures once, and one whose turn it is not never") {
  SlowPathLatency latency;
  SlowPathSampling sampling;
  {
    SlowPathTimer timer(latency, sampling);
    CHECK(timer.stop());
    CHECK(!timer.stop());
  }
  CHECK_EQ(latency.get().count, 1u);
  { SlowPathTimer not_its_turn(latency, sampling); }
  CHECK_EQ(latency.get().count, 1u);
}

TEST(heap, "histograms put values between powers of two") {
  Histogram histogram;
  for (const std::uint64_t value : {0, 1, 2, 3, 4, 7, 8, 1023, 1024}) histogram.add(value, 10);
  histogram.add(~std::uint64_t{0}, 1);
  histogram.add(std::uint64_t{1} << 31, 1);
  CHECK_EQ(histogram.samples(), 11u);
  CHECK_EQ(histogram.bucket(0), 20u);
  CHECK_EQ(histogram.bucket(1), 20u);
  CHECK_EQ(histogram.bucket(2), 20u);
  CHECK_EQ(histogram.bucket(3), 10u);
  CHECK_EQ(histogram.bucket(9), 10u);
  CHECK_EQ(histogram.bucket(10), 10u);
  CHECK_EQ(histogram.bucket(31), 2u);
}

TEST(heap, "histograms of leases sum what was asked for, and what served it") {
  LeaseHistograms leases;
  leases.add_size(100, 128, 3);
  leases.add_size(1000, 1024, 1);
  CHECK_EQ(leases.size_bytes(), 1300u);
  CHECK_EQ(leases.capacity_bytes(), 3u * 128 + 1024);
  CHECK_EQ(leases.sizes.bucket(6), 3u);  // 64 to 127
  CHECK_EQ(leases.sizes.bucket(9), 1u);
  CHECK_EQ(leases.sizes.samples(), 2u);
}
