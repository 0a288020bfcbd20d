// A quantile of a stream of numbers, in constant memory.
//
// R. Jain and I. Chlamtac: The P² Algorithm for Dynamic Calculation of Quantiles and Histograms
// Without Storing Observations. Communications of the ACM 28(10), October 1985, pp. 1076-1085.
//
// Five markers stand at the least value, the greatest, the quantile p, and half-way on either side
// of it. Each observation shifts the ranks that the markers should have; a marker that is a whole
// rank off moves by one, and its height is read off a parabola through it and its neighbours, or,
// where that would pass a neighbour, off a straight line.
//
// An estimate: for smooth distributions within a few percent after a thousand observations. Up to
// 64 observations are kept besides, and their quantiles are exact: before the markers have moved
// often, those far out (p = 0.99) say little.
#pragma once

#include <algorithm>
#include <cstdint>

namespace superslab {

/// The first observations of a stream, in order.
class FirstObservations {
 public:
  static constexpr std::uint64_t kMax = 64;

  /// Beyond kMax it does nothing.
  void add(double x) {
    if (count_ == kMax) return;
    double* const end = at_ + count_;
    double* const place = std::upper_bound(at_, end, x);
    std::move_backward(place, end, end + 1);
    *place = x;
    ++count_;
  }

  /// The least one that at least the part `p` of them does not exceed; 0 before the first.
  double quantile(double p) const {
    if (count_ == 0) return 0;
    const double rank = p * static_cast<double>(count_);
    auto index = static_cast<std::uint64_t>(rank);
    if (static_cast<double>(index) == rank && index > 0) --index;
    return at_[std::min(index, count_ - 1)];
  }

 private:
  double at_[kMax] = {};
  std::uint64_t count_ = 0;
};

class P2Quantile {
 public:
  /// `p` lies between 0 and 1.
  explicit constexpr P2Quantile(double p)
      : wanted_{1, 1 + 2 * p, 1 + 4 * p, 3 + 2 * p, 5}, step_{0, p / 2, p, (1 + p) / 2, 1} {}

  void add(double x) {
    if (seen_ < kMarkers) {
      height_[seen_++] = x;
      std::sort(height_, height_ + seen_);
      return;
    }
    ++seen_;
    const int cell = cell_of(x);
    for (int i = cell + 1; i < kMarkers; ++i) rank_[i] += 1;
    for (int i = 0; i < kMarkers; ++i) wanted_[i] += step_[i];
    for (int i = 1; i + 1 < kMarkers; ++i) adjust(i);
  }

  /// 0 before the first observation. `first` has been given the same observations: several
  /// quantiles of one stream share it.
  double value(const FirstObservations& first) const {
    return seen_ <= FirstObservations::kMax ? first.quantile(step_[2]) : estimate();
  }

  /// The middle marker; nothing before there are five.
  double estimate() const { return height_[2]; }

  std::uint64_t count() const { return seen_; }

 private:
  static constexpr int kMarkers = 5;

  /// The lower marker of the two between which `x` falls; widens the range where it falls outside.
  int cell_of(double x) {
    if (x < height_[0]) {
      height_[0] = x;
      return 0;
    }
    if (x >= height_[kMarkers - 1]) {
      height_[kMarkers - 1] = x;
      return kMarkers - 2;
    }
    int cell = 0;
    while (x >= height_[cell + 1]) ++cell;
    return cell;
  }

  void adjust(int i) {
    const double off = wanted_[i] - rank_[i];
    const bool up = off >= 1 && rank_[i + 1] - rank_[i] > 1;
    const bool down = off <= -1 && rank_[i - 1] - rank_[i] < -1;
    if (!up && !down) return;
    const int d = up ? 1 : -1;
    const double height = parabolic(i, d);
    height_[i] = height_[i - 1] < height && height < height_[i + 1] ? height : linear(i, d);
    rank_[i] += d;
  }

  double parabolic(int i, double d) const {
    const double below = rank_[i] - rank_[i - 1];
    const double above = rank_[i + 1] - rank_[i];
    return height_[i] + d / (above + below) *
                            ((below + d) * (height_[i + 1] - height_[i]) / above +
                             (above - d) * (height_[i] - height_[i - 1]) / below);
  }

  double linear(int i, int d) const {
    return height_[i] + d * (height_[i + d] - height_[i]) / (rank_[i + d] - rank_[i]);
  }

  double height_[kMarkers] = {};
  double rank_[kMarkers] = {1, 2, 3, 4, 5};
  double wanted_[kMarkers];  // the ranks that the markers should have
  double step_[kMarkers];    // what each observation adds to them
  std::uint64_t seen_ = 0;
};

}  // namespace superslab
