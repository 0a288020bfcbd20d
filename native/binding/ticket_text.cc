#include "binding/ticket_text.h"

#include <cstring>

namespace superslab {
namespace {

constexpr char kPrefix[] = "superslab:";
constexpr std::size_t kPrefixLength = sizeof kPrefix - 1;
constexpr char kDigits[] = "0123456789abcdef";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

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
  unsigned char bytes[sizeof ticket];
  const char* in = text + kPrefixLength;
  for (unsigned char& byte : bytes) {
    const int high = digit(*in++);
    const int low = digit(*in++);
    if (high < 0 || low < 0) return false;
    byte = static_cast<unsigned char>(high << 4 | low);
  }
  std::memcpy(&ticket, bytes, sizeof ticket);
  return true;
}

}  // namespace superslab
