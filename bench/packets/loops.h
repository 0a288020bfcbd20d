// What the programs of this folder share: what is done with packets, whatever they are.
//
//   PROGRAM KIND bulk|offsets|share BYTES   prints the nanoseconds of the fastest of many short runs
#pragma once

#include "../fixed/loops.h"

namespace bench {

constexpr size_t kBulk = 64;

/// Nanoseconds of one of the `count` that `body` does.
template <class Body>
double time_body(size_t count, Body body) {
  constexpr int kRuns = 60;
  double fastest = 1e18;
  for (int run = 0; run < kRuns; run++) {
    const uint64_t start = now_ns();
    body();
    const double ns = static_cast<double>(now_ns() - start) / static_cast<double>(count);
    if (ns < fastest) fastest = ns;
  }
  return fastest;
}

/// Packets are got many at a time, their first bytes written, and released.
template <class Kind>
double time_bulk(Kind& kind) {
  constexpr size_t kRounds = 3000;
  return time_body(kRounds * kBulk, [&] {
    typename Kind::Packet packets[kBulk];
    for (size_t i = 0; i < kRounds; i++) {
      kind.get_bulk(packets, kBulk);
      for (size_t k = 0; k < kBulk; k++) use(kind.put(packets[k], 64));
      kind.release_bulk(packets, kBulk);
    }
  });
}

/// A header comes and goes.
template <class Kind>
double time_offsets(Kind& kind) {
  constexpr size_t kRounds = 100'000;
  typename Kind::Packet packet;
  kind.get_bulk(&packet, 1);
  kind.put(packet, 64);
  const double ns = time_body(kRounds * 2, [&] {
    for (size_t i = 0; i < kRounds; i++) {
      use(kind.push(packet, 8));
      kind.pull(packet, 8);
    }
  });
  kind.release_bulk(&packet, 1);
  return ns;
}

/// Another packet with the same bytes, and its end.
template <class Kind>
double time_share(Kind& kind, size_t bytes) {
  const size_t rounds = bytes > 10'000 ? 2'000 : 50'000;
  typename Kind::Packet packet;
  kind.get_bulk(&packet, 1);
  memset(kind.put(packet, bytes), 1, bytes);
  const double ns = time_body(rounds, [&] {
    for (size_t i = 0; i < rounds; i++) {
      typename Kind::Packet other = kind.share(packet);
      __asm__ volatile("" : : "r"(&other) : "memory");
      kind.release_bulk(&other, 1);
    }
  });
  kind.release_bulk(&packet, 1);
  return ns;
}

template <class Kind>
int measure_packets(Kind& kind, const char* work, size_t bytes) {
  double ns;
  if (strcmp(work, "bulk") == 0) {
    ns = time_bulk(kind);
  } else if (strcmp(work, "offsets") == 0) {
    ns = time_offsets(kind);
  } else {
    ns = time_share(kind, bytes);
  }
  printf("%.4f 0 0\n", ns);
  return 0;
}

}  // namespace bench
