// Share tickets as text, which a program may have changed on its way.

#include <cstring>
#include <string>

#include "check.h"
#include "pools/buffer/ticket_text.h"

using namespace superslab;

namespace {

std::string text_of(const ShareTicket& ticket) {
  char text[kTicketTextLength];
  write_ticket(ticket, text);
  return {text, sizeof text};
}

bool is_read(const std::string& text) {
  ShareTicket ticket;
  return read_ticket(text.data(), text.size(), ticket);
}

}  // namespace

TEST(addon, "a ticket is read as it was written") {
  ShareTicket ticket;
  std::memset(&ticket, 0, sizeof ticket);
  auto* bytes = reinterpret_cast<unsigned char*>(&ticket);
  for (std::size_t i = 0; i < sizeof ticket; ++i) bytes[i] = static_cast<unsigned char>(7 + 31 * i);
  const std::string text = text_of(ticket);
  CHECK_EQ(text.substr(0, 10), std::string("superslab:"));
  ShareTicket read;
  CHECK(read_ticket(text.data(), text.size(), read));
  CHECK_EQ(std::memcmp(&read, &ticket, sizeof ticket), 0);
  CHECK_EQ(text_of(read), text);
}

TEST(addon, "what is no ticket is not read as one") {
  const std::string text = text_of(ShareTicket{});
  CHECK(is_read(text));
  CHECK(!is_read(""));
  CHECK(!is_read(text + "0"));
  CHECK(!is_read(text.substr(0, text.size() - 1)));
  CHECK(!is_read("Superslab:" + text.substr(10)));
  for (const char wrong : {'g', 'G', ' ', '-', ':', '\0', '\x80'}) {
    for (const std::size_t at : {std::size_t{10}, std::size_t{11}, text.size() - 1}) {
      std::string other = text;
      other[at] = wrong;
      CHECK(!is_read(other));
    }
  }
}
