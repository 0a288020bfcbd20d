#include "pools/buffer/ticket_text.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace superslab {
namespace {

constexpr char kPrefix[] = "superslab:";
constexpr std::size_t kPrefixLength = sizeof kPrefix - 1;
constexpr char kDigits[] = "0123456789abcdef";

constexpr std::uint8_t kNoDigit = 0xff;

/// The value of each character as a digit. A table, because random digits defeat branch prediction:
/// 100 ns a ticket.
constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 16; ++i) values[static_cast<unsigned char>(kDigits[i])] = i;
  return values;
}();

}  // namespace

static_assert(sizeof(ShareTicket) == 24, "no padding: every byte is in the text");

void write_ticket(const ShareTicket& ticket, char (&text)[kTicketTextLength]) {
  unsigned char bytes[sizeof ticket];
  std::memcpy(bytes, &ticket, sizeof ticket);
  std::memcpy(text, kPrefix, kPrefixLength);
  char* out = text + kPrefixLength;
  for (const unsigned char byte : bytes) {
    *out++ = kDigits[byte >> 4];
    *out++ = kDigits[byte & 15];
  }
}

bool read_ticket(const char* text, std::size_t length, ShareTicket& ticket) {
  if (length != kTicketTextLength || std::memcmp(text, kPrefix, kPrefixLength) != 0) return false;
  const auto* in = reinterpret_cast<const unsigned char*>(text + kPrefixLength);
  unsigned char bytes[sizeof ticket];
  unsigned wrong = 0;
  for (unsigned char& byte : bytes) {
    const std::uint8_t high = kValues[*in++];
    const std::uint8_t low = kValues[*in++];
    wrong |= (high | low) & 0xf0;
    byte = static_cast<unsigned char>(high << 4 | low);
  }
  if (wrong != 0) return false;
  std::memcpy(&ticket, bytes, sizeof ticket);
  return true;
}

}  // namespace superslab
