#include "base/crc32c.h"

#include <array>
#include <atomic>
#include <cstring>

#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace superslab {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41, lowest bit first

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)

[[gnu::target("sse4.2")]] std::uint32_t by_instruction(const unsigned char* at, ByteCount bytes,
                                                       std::uint32_t crc) {
  std::uint64_t wide = crc;
  for (; bytes >= 8; at += 8, bytes -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; bytes > 0; ++at, --bytes) crc = __builtin_ia32_crc32qi(crc, *at);
  return crc;
}

bool has_instruction() {
  // No static that is guarded: this also runs inside malloc, without a C++ library, and before
  // libgcc's constructor has looked at the processor.
  static std::atomic<int> known{-1};
  int has = known.load(std::memory_order_relaxed);
  if (has < 0) {
    __builtin_cpu_init();
    has = __builtin_cpu_supports("sse4.2") ? 1 : 0;
    known.store(has, std::memory_order_relaxed);
  }
  return has != 0;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)

std::uint32_t by_instruction(const unsigned char* at, ByteCount bytes, std::uint32_t crc) {
  for (; bytes >= 8; at += 8, bytes -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; bytes > 0; ++at, --bytes) crc = __crc32cb(crc, *at);
  return crc;
}

constexpr bool has_instruction() { return true; }

#else

std::uint32_t by_instruction(const unsigned char*, ByteCount, std::uint32_t crc) { return crc; }
constexpr bool has_instruction() { return false; }

#endif

}  // namespace

std::uint32_t crc32c_by_table(const void* data, ByteCount bytes, std::uint32_t before) {
  const auto* at = static_cast<const unsigned char*>(data);
  std::uint32_t crc = ~before;
  for (; bytes > 0; ++at, --bytes) crc = (crc >> 8) ^ kTable[(crc ^ *at) & 0xff];
  return ~crc;
}

namespace {

/// The product of two polynomials modulo that of the CRC; the highest bit is the coefficient of 1.
std::uint32_t product(std::uint32_t a, std::uint32_t b) {
  std::uint32_t sum = 0;
  for (std::uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) sum ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return sum;
}

/// x to the power of the bits of so many bytes.
std::uint32_t power_of(ByteCount bytes) {
  std::uint32_t power = 1u << 31;   // 1
  std::uint32_t square = 1u << 23;  // x^8
  for (; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) power = product(power, square);
    square = product(square, square);
  }
  return power;
}

}  // namespace

std::uint32_t crc32c_change(const void* changes, ByteCount bytes, ByteCount behind) {
  // From 0 on instead of from ones, and without the last complement: those cancel out.
  return product(~crc32c(changes, bytes, ~0u), power_of(behind));
}

std::uint64_t crc32c_wrong_bit(ByteCount bytes, std::uint32_t difference) {
  if (difference == 0) return kNoBit;
  // What a wrong bit of the last byte, of the one before, ... makes of the CRC.
  std::uint32_t made[8];
  for (unsigned bit = 0; bit < 8; ++bit) made[bit] = kTable[1u << bit];
  for (ByteCount at = bytes; at-- > 0;) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (made[bit] == difference) return at * 8 + bit;
      made[bit] = (made[bit] >> 8) ^ kTable[made[bit] & 0xff];
    }
  }
  return kNoBit;
}

std::uint32_t crc32c(const void* data, ByteCount bytes, std::uint32_t before) {
  if (!has_instruction()) return crc32c_by_table(data, bytes, before);
  return ~by_instruction(static_cast<const unsigned char*>(data), bytes, ~before);
}

}  // namespace superslab
