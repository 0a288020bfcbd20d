// Share tickets as JavaScript has them: one short string. A string crosses to another thread in a
// third of the time that an object of the same numbers takes.
#pragma once

#include <cstddef>

#include "pools/buffer/lease_table.h"

namespace superslab {

/// "superslab:" and 48 hexadecimal digits: id and nonce.
constexpr std::size_t kTicketTextLength = 10 + 2 * sizeof(ShareTicket);

void write_ticket(const ShareTicket& ticket, char (&text)[kTicketTextLength]);

/// False when the text is no ticket. `length` is the text's, in bytes.
bool read_ticket(const char* text, std::size_t length, ShareTicket& ticket);

}  // namespace superslab
