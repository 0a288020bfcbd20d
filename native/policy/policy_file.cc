#include "policy/policy_file.h"

#include <charconv>
#include <cstring>

#include "base/crc32c.h"
#include "policy/version.h"

namespace superslab {
namespace {

constexpr std::string_view kTitle = "superslab-policy ";
constexpr std::uint64_t kFileVersion = 1;
constexpr std::size_t kMaxBlocks = 64;

constexpr std::string_view kVersionKey = "superslab ";
constexpr std::string_view kPageKey = "page-bytes ";
constexpr std::string_view kThpKey = "transparent-huge-pages ";
constexpr std::string_view kProcessorsKey = "processors ";
constexpr std::string_view kSetKey = "set ";
constexpr std::string_view kClassKey = "class ";
constexpr std::string_view kEndKey = "end ";

/// What stands behind `key`, if the line begins with it.
bool take_key(std::string_view line, std::string_view key, std::string_view& rest) {
  if (!line.starts_with(key)) return false;
  rest = rest_from(line, key.size());
  return true;
}

bool split(std::string_view text, std::string_view& left, std::string_view& right) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return false;
  left = first_part(text, space);
  right = rest_from(text, space + 1);
  return true;
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view name, const MachineFacts& machine, PolicyFile& out,
         PolicyError& error)
      : text_(text), name_(name), machine_(machine), out_(out), error_(error) {}

  bool parse() {
    out_ = {};
    error_ = {};
    if (text_.size() > kMaxPolicyFileBytes) return refuse("it is longer than any policy file");
    if (!text_.starts_with(kTitle))
      return refuse("it is no policy file; write one with superslab tune TRACE -o FILE");
    if (!is_whole()) return false;
    std::string_view left = text_;
    for (std::size_t number = 0; !left.empty(); ++number) {
      const std::size_t end = left.find('\n');
      if (!parse_line(first_part(left, end), number)) return false;
      left = rest_from(left, end + 1);
    }
    if (!has_version_ || !has_page_ || !has_thp_ || !has_processors_)
      return refuse("it does not say which machine and version it is for; write it anew");
    return true;
  }

 private:
  bool refuse(std::string_view why) {
    describe_policy_file(name_, why, error_);
    return false;
  }

  bool refuse_other(std::string_view what, std::string_view theirs, std::string_view ours) {
    describe_other_machine(name_, what, theirs, ours, error_);
    return false;
  }

  bool refuse_line(std::string_view line) {
    describe_policy_line(name_, line, error_);
    return false;
  }

  /// Whether the last line has the checksum of those before; that line is then taken off.
  bool is_whole() {
    constexpr std::string_view kWords = "it was cut or changed; copy it again, or write it anew";
    const std::size_t at = text_.rfind("\nend ");
    if (at == std::string_view::npos || !text_.ends_with('\n')) return refuse(kWords);
    std::string_view sum = rest_from(text_, at + 1 + kEndKey.size());
    sum.remove_suffix(1);
    std::uint32_t expected = 0;
    const auto read = std::from_chars(sum.data(), sum.data() + sum.size(), expected, 16);
    if (read.ec != std::errc{} || read.ptr != sum.data() + sum.size()) return refuse(kWords);
    text_ = first_part(text_, at + 1);
    return crc32c(text_.data(), text_.size()) == expected || refuse(kWords);
  }

  bool parse_line(std::string_view line, std::size_t number) {
    std::string_view rest;
    if (number == 0) {
      const Reading version = read_whole(rest_from(line, kTitle.size()));
      if (version.fault == TextFault::kNone && version.value == kFileVersion) return true;
      return refuse("it is of another version of the format; write it anew");
    }
    if (line.empty() || line[0] == '#') return true;
    if (take_key(line, kVersionKey, rest)) {
      has_version_ = true;
      return rest == kVersion || refuse_other("superslab", rest, kVersion);
    }
    if (take_key(line, kPageKey, rest)) {
      has_page_ = true;
      return compare_number("pages of so many bytes", rest, machine_.page_bytes);
    }
    if (take_key(line, kThpKey, rest)) {
      has_thp_ = true;
      const std::string_view ours = word_at(kThpWords, static_cast<std::size_t>(machine_.thp));
      return rest == ours || refuse_other("transparent huge pages", rest, ours);
    }
    if (take_key(line, kProcessorsKey, rest)) {
      has_processors_ = true;
      return compare_number("processors", rest, machine_.processors);
    }
    if (take_key(line, kSetKey, rest)) return set_row(line, rest);
    if (take_key(line, kClassKey, rest)) return set_class(line, rest);
    return refuse_line(line);
  }

  bool compare_number(std::string_view what, std::string_view text, std::uint64_t ours) {
    const Reading theirs = read_whole(text);
    if (theirs.fault == TextFault::kNone && theirs.value == ours) return true;
    char digits[20];
    const char* const end = std::to_chars(digits, digits + sizeof digits, ours).ptr;
    return refuse_other(what, text, {digits, static_cast<std::size_t>(end - digits)});
  }

  bool set_row(std::string_view line, std::string_view rest) {
    std::string_view variable;
    std::string_view value;
    const Knob* const knob = split(rest, variable, value) ? find_variable(variable) : nullptr;
    if (knob == nullptr) return refuse_line(line);
    const Reading reading = parse_value(*knob, value);
    if (reading.fault != TextFault::kNone) return refuse_line(line);
    const std::size_t row = static_cast<std::size_t>(knob->id);
    out_.codes[row] = reading.value;
    out_.is_set[row] = true;
    return true;
  }

  bool set_class(std::string_view line, std::string_view rest) {
    std::string_view index;
    std::string_view blocks;
    if (!split(rest, index, blocks)) return refuse_line(line);
    const Reading c = read_whole(index);
    const Reading count = read_whole(blocks);
    if (c.fault != TextFault::kNone || c.value >= kClassSlots || count.fault != TextFault::kNone ||
        count.value == 0 || count.value > kMaxBlocks)
      return refuse_line(line);
    out_.class_blocks[c.value] = static_cast<std::uint8_t>(count.value);
    return true;
  }

  std::string_view text_;
  const std::string_view name_;
  const MachineFacts& machine_;
  PolicyFile& out_;
  PolicyError& error_;
  bool has_version_ = false;
  bool has_page_ = false;
  bool has_thp_ = false;
  bool has_processors_ = false;
};

/// Text into a buffer of fixed size.
class Lines {
 public:
  explicit Lines(std::span<char> out) : out_(out) {}

  Lines& operator<<(std::string_view text) {
    if (text.size() > out_.size() - used_) {
      is_too_long_ = true;
    } else {
      std::memcpy(out_.data() + used_, text.data(), text.size());
      used_ += text.size();
    }
    return *this;
  }
  Lines& operator<<(std::uint64_t number) { return write(number, 10); }
  Lines& write(std::uint64_t number, int base) {
    char digits[24];
    const char* const end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
    return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
  }

  std::string_view text() const { return {out_.data(), used_}; }
  std::size_t length() const { return is_too_long_ ? 0 : used_; }

 private:
  std::span<char> out_;
  std::size_t used_ = 0;
  bool is_too_long_ = false;
};

}  // namespace

bool parse_policy_file(std::string_view text, std::string_view name, const MachineFacts& machine,
                       PolicyFile& out, PolicyError& error) {
  if (Parser(text, name, machine, out, error).parse()) return true;
  out = {};
  return false;
}

std::size_t write_policy_file(const Policy& policy, std::span<const KnobId> rows,
                              const MachineFacts& machine, std::span<char> out) {
  Lines lines(out);
  lines << kTitle << kFileVersion << "\n" << kVersionKey << kVersion << "\n";
  lines << kPageKey << machine.page_bytes << "\n";
  lines << kThpKey << word_at(kThpWords, static_cast<std::size_t>(machine.thp)) << "\n";
  lines << kProcessorsKey << machine.processors << "\n";
  for (const KnobId id : rows) {
    char value[kValueTextBytes];
    lines << kSetKey << knob_row(id).variable << " "
          << format_value(knob_row(id), knob_code(policy, id), value) << "\n";
  }
  for (std::size_t c = 0; c < kClassSlots; ++c) {
    if (policy.class_blocks[c] != 0)
      lines << kClassKey << c << " " << std::uint64_t{policy.class_blocks[c]} << "\n";
  }
  const std::uint32_t sum = crc32c(lines.text().data(), lines.text().size());
  lines << kEndKey;
  lines.write(sum, 16) << "\n";
  return lines.length() > kMaxPolicyFileBytes ? 0 : lines.length();
}

}  // namespace superslab
