#include "policy/service_links.h"

#include "policy/knob.h"
#include "policy/value_text.h"

namespace superslab {
namespace {

bool take(std::string_view& text, std::string_view beginning) {
  if (!text.starts_with(beginning)) return false;
  text = rest_from(text, beginning.size());
  return true;
}

/// As many characters as `is_one` takes, at least one.
template <class IsOne>
bool take_all(std::string_view& text, IsOne is_one) {
  std::size_t count = 0;
  while (count < text.size() && is_one(text[count])) ++count;
  text = rest_from(text, count);
  return count != 0;
}

bool is_name_character(char c) { return is_digit(c) || c == '_' || (c >= 'A' && c <= 'Z'); }
bool is_address_character(char c) {
  const char low = to_lower(c);
  return is_digit(c) || c == '.' || c == ':' || (low >= 'a' && low <= 'f');
}

template <class IsOne>
bool is_all(std::string_view text, IsOne is_one) {
  return take_all(text, is_one) && text.empty();
}

bool is_port(std::string_view value) { return is_all(value, is_digit); }
bool is_address(std::string_view value) { return is_all(value, is_address_character); }
/// Of IPv6 the address stands in brackets.
bool is_place(std::string_view value) {
  return is_all(value, [](char c) { return is_address_character(c) || c == '[' || c == ']'; });
}

constexpr std::string_view kProtocols[] = {"tcp", "udp", "sctp"};
constexpr std::string_view kUpperProtocols[] = {"TCP", "UDP", "SCTP"};

bool is_protocol(std::string_view value) {
  for (const std::string_view one : kProtocols) {
    if (value == one) return true;
  }
  return false;
}

/// "tcp://10.0.0.1:80"
bool is_url(std::string_view value) {
  for (const std::string_view one : kProtocols) {
    std::string_view rest = value;
    if (take(rest, one) && take(rest, "://")) return is_place(rest);
  }
  return false;
}

/// What follows "_PORT_80_TCP".
bool is_end_of_port(std::string_view end, std::string_view value) {
  if (end.empty() || end == "_START" || end == "_END") return is_url(value);
  if (end == "_PROTO") return is_protocol(value);
  if (end == "_ADDR") return is_address(value);
  return (end == "_PORT" || end == "_PORT_START" || end == "_PORT_END") && is_port(value);
}

/// "_PORT_80_TCP..."
bool is_port_link(std::string_view end, std::string_view value) {
  if (!take(end, "_PORT")) return false;
  if (end.empty()) return is_url(value);
  if (!take(end, "_") || !take_all(end, is_digit) || !take(end, "_")) return false;
  for (const std::string_view one : kUpperProtocols) {
    std::string_view rest = end;
    if (take(rest, one)) return is_end_of_port(rest, value);
  }
  return false;
}

/// What follows the name of the service or link.
bool is_end_of_link(std::string_view end, std::string_view value) {
  if (end == "_SERVICE_HOST") return is_address(value);
  if (end == "_NAME") return value.starts_with('/');
  std::string_view rest = end;
  if (take(rest, "_ENV_")) return !rest.empty();
  if (take(rest, "_SERVICE_PORT"))
    return is_port(value) && (rest.empty() || (take(rest, "_") && is_all(rest, is_name_character)));
  return is_port_link(end, value);
}

}  // namespace

bool is_service_link(std::string_view name, std::string_view value) {
  // The name of a service has underscores in it where it had hyphens: its end is where the rest
  // fits.
  for (std::size_t at = kVariablePrefix.size() - 1; at < name.size(); ++at) {
    if (name[at] == '_' && is_end_of_link(rest_from(name, at), value)) return true;
    if (!is_name_character(name[at])) return false;
  }
  return false;
}

}  // namespace superslab
