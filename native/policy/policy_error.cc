#include "policy/policy_error.h"

#include <charconv>
#include <cstring>

#include "policy/nearest_name.h"

namespace superslab {
namespace {

/// Appends to a fixed buffer, always zero-terminated; what does not fit is left out.
class Writer {
 public:
  template <std::size_t n>
  explicit Writer(char (&buffer)[n]) : at_(buffer), left_(n - 1) {
    buffer[0] = '\0';
  }

  Writer& operator<<(std::string_view text) {
    const std::size_t count = text.size() < left_ ? text.size() : left_;
    std::memcpy(at_, text.data(), count);
    at_ += count;
    left_ -= count;
    *at_ = '\0';
    return *this;
  }

  Writer& operator<<(std::uint64_t number) {
    char digits[20];
    const char* const end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
    return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
  }

 private:
  char* at_;
  std::size_t left_;
};

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Copies what a user wrote. A cut never splits a UTF-8 sequence.
template <std::size_t n>
void copy_foreign(std::string_view text, char (&out)[n]) {
  constexpr std::string_view kMore = "...";
  const bool fits = text.size() < n;
  std::size_t count = fits ? text.size() : n - 1 - kMore.size();
  while (!fits && count > 0 && continues_character(text[count])) --count;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    out[i] = c < 0x20 || c == 0x7F ? '?' : text[i];
  }
  if (!fits) {
    std::memcpy(out + count, kMore.data(), kMore.size());
    count += kMore.size();
  }
  out[count] = '\0';
}

void write_words(Writer& out, std::string_view words) {
  for (std::size_t i = 0; i < word_count(words); ++i) {
    if (i > 0) out << ", ";
    out << word_at(words, i);
  }
}

/// What is to be given instead.
void write_expected(Writer& out, const Knob& knob, PolicyOrigin origin) {
  char min_text[kValueTextBytes];
  char max_text[kValueTextBytes];
  const bool is_size = knob.type == KnobType::bytes;
  const Knob& plain = is_size ? knob : knob_row(KnobId::cache_blocks);
  const std::string_view min = format_value(plain, knob.min, min_text);
  const std::string_view max = format_value(plain, knob.max, max_text);
  switch (knob.type) {
    case KnobType::bytes:
      out << "give " << min << " to " << max << ", in bytes or with a unit (64k, 2m, 1g)";
      break;
    case KnobType::milliseconds:
    case KnobType::count:
      out << "give a whole number from " << min << " to " << max << " (" << knob.unit << ")";
      if (knob.id == KnobId::cache_blocks) out << ", and for single sizes SIZE:NUMBER (64,512:32)";
      break;
    case KnobType::choice:
      out << "give one of ";
      write_words(out, knob.words);
      break;
    case KnobType::flag:
      out << (origin == PolicyOrigin::kOption ? "give true or false" : "give 0 or 1");
      break;
    case KnobType::placement:
      out << "give one of ";
      write_words(out, knob.words);
      out << ", or the number of a node from " << min << " to " << max;
      break;
  }
}

std::string_view fault_text(const Knob& knob, TextFault fault, PolicyOrigin origin) {
  if (fault == TextFault::kFraction) return "not a whole number";
  if (fault == TextFault::kOutOfRange) return "out of range";
  switch (knob.type) {
    case KnobType::bytes:
      return "not a size";
    case KnobType::milliseconds:
    case KnobType::count:
      return "not a whole number";
    case KnobType::choice:
      break;
    case KnobType::flag:
      return origin == PolicyOrigin::kOption ? "neither true nor false" : "neither 0 nor 1";
    case KnobType::placement:
      return "no placement";
  }
  return "not one of its words";
}

/// Starts `error`'s message: the name, the value, the fault.
Writer begin(PolicyOrigin origin, const Knob& knob, PolicyErrorKind kind, PolicyError& error) {
  error.kind = kind;
  error.origin = origin;
  const bool is_option = origin == PolicyOrigin::kOption;
  copy_foreign(is_option ? knob.option : knob.variable, error.name);
  Writer out(error.message);
  if (is_option) {
    out << "Option \"" << error.name << "\"";
  } else {
    out << error.name;
  }
  return out;
}

void describe(PolicyOrigin origin, const Knob& knob, std::string_view quote, TextFault fault,
              PolicyError& error) {
  const PolicyErrorKind kind =
      fault == TextFault::kOutOfRange ? PolicyErrorKind::kOutOfRange : PolicyErrorKind::kMalformed;
  Writer out = begin(origin, knob, kind, error);
  if (error.value[0] == '\0') {
    out << " is empty: ";
  } else {
    out << " is " << quote << error.value << quote << ", which is "
        << fault_text(knob, fault, origin) << ": ";
  }
  if (error.suggestion[0] != '\0') out << "did you mean \"" << error.suggestion << "\"? Or ";
  write_expected(out, knob, origin);
}

}  // namespace

void describe_unknown(PolicyOrigin origin, std::string_view name, PolicyError& error) {
  error = PolicyError{};
  error.kind = PolicyErrorKind::kUnknownName;
  error.origin = origin;
  copy_foreign(name, error.name);
  const bool is_option = origin == PolicyOrigin::kOption;
  const std::string_view quote = is_option ? "\"" : "";
  Writer out(error.message);
  out << (is_option ? "Unknown option " : "Unknown environment variable ") << quote << error.name
      << quote << ": ";

  if (const Knob* knob = is_option ? find_environment_only(name) : nullptr) {
    copy_foreign(knob->variable, error.suggestion);
    out << "it is set for the whole process, by the environment variable " << error.suggestion;
    return;
  }
  const std::string_view nearest = is_option ? nearest_option(name) : nearest_variable(name);
  if (!nearest.empty()) {
    copy_foreign(nearest, error.suggestion);
    out << "did you mean " << quote << error.suggestion << quote << "?";
    return;
  }
  out << "there are ";
  bool first = true;
  for (const Knob& knob : kKnobs) {
    if (is_option && !knob.is_option()) continue;
    if (!first) out << ", ";
    first = false;
    out << (is_option ? knob.option : knob.variable);
  }
}

void describe_fault(PolicyOrigin origin, const Knob& knob, std::string_view value, TextFault fault,
                    PolicyError& error) {
  error = PolicyError{};
  copy_foreign(value, error.value);
  NearestName nearest(value);
  for (std::size_t i = 0; i < word_count(knob.words); ++i) nearest.offer(word_at(knob.words, i));
  copy_foreign(nearest.name(), error.suggestion);
  describe(origin, knob, "\"", fault, error);
}

void describe_number_fault(const Knob& knob, std::string_view spelled, TextFault fault,
                           PolicyError& error) {
  error = PolicyError{};
  copy_foreign(spelled, error.value);
  describe(PolicyOrigin::kOption, knob, "", fault, error);
}

void describe_missing_node(PolicyOrigin origin, const Knob& knob, unsigned node,
                           unsigned node_count, PolicyError& error) {
  error = PolicyError{};
  *std::to_chars(error.value, error.value + sizeof(error.value) - 1, node).ptr = '\0';
  Writer out = begin(origin, knob, PolicyErrorKind::kOutOfRange, error);
  out << " is " << error.value << ", a memory node that this machine does not have: give ";
  write_words(out, knob.words);
  if (node_count == 1) {
    out << " or 0, its only node";
  } else {
    out << " or the number of a node from 0 to " << std::uint64_t{node_count - 1};
  }
}

void describe_conflict(PolicyOrigin origin, const Knob& knob, std::uint64_t value,
                       const Knob& other, std::string_view advice, PolicyError& error) {
  error = PolicyError{};
  char text[kValueTextBytes];
  copy_foreign(format_value(knob, value, text), error.value);
  Writer out = begin(origin, knob, PolicyErrorKind::kConflict, error);
  const bool is_option = origin == PolicyOrigin::kOption;
  out << " is \"" << error.value << "\", which cannot be with "
      << (is_option ? other.option : other.variable) << ": " << advice;
}

namespace {

Writer begin_file(std::string_view variable, std::string_view file, PolicyError& error) {
  error = PolicyError{};
  error.kind = PolicyErrorKind::kFile;
  copy_foreign(variable, error.name);
  copy_foreign(file, error.value);
  Writer out(error.message);
  out << error.name << " is \"" << error.value << "\": ";
  return out;
}

/// Of what a file says no more than a terminal should show.
struct Quoted {
  explicit Quoted(std::string_view foreign) { copy_foreign(foreign, text); }
  char text[64];
};

}  // namespace

void describe_trace_file(std::string_view file, std::string_view why, PolicyError& error) {
  begin_file(kTraceFileVariable, file, error) << why;
}

void describe_policy_file(std::string_view file, std::string_view why, PolicyError& error) {
  begin_file(kPolicyFileVariable, file, error) << why;
}

void describe_other_machine(std::string_view file, std::string_view what, std::string_view theirs,
                            std::string_view ours, PolicyError& error) {
  const Quoted quoted(theirs);
  begin_file(kPolicyFileVariable, file, error)
      << "it was found out with " << what << ": " << quoted.text << ", and here is " << ours
      << "; record and tune again where the program runs";
}

void describe_policy_line(std::string_view file, std::string_view line, PolicyError& error) {
  const Quoted quoted(line);
  begin_file(kPolicyFileVariable, file, error)
      << "the line \"" << quoted.text << "\" says nothing that this version knows; write it anew";
}

}  // namespace superslab
