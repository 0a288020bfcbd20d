// Native unit tests, without a framework.
//
//   TEST(os, "purged memory reads as zero") { CHECK_EQ(p[0], 0); }
//
// A failed CHECK ends the function that it stands in, which therefore returns void. Checks may run
// on several threads; the first failure is the one reported.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace superslab_test {

struct TestCase {
  const char* layer;
  const char* behaviour;
  void (*body)();
  TestCase* next = nullptr;
};

/// Called by TEST before main().
bool register_test(TestCase* test);

/// Called by the macros below.
void report_failure(const char* file, int line, const std::string& message);
void report_skip(const std::string& reason);

/// While one lives, failures bear its text: which of several implementations, which round.
class Context {
 public:
  explicit Context(std::string text);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

/// Whether the running test has failed so far: for a test that calls helpers with checks in them.
bool has_failed();

/// Runs `body` in a forked child. What it returns is the child's exit status (0..255); a child that
/// a signal ended gives 256 + the signal. Checks do not cross over: return a code for each cause.
int run_in_child(int (*body)());

inline std::string describe(bool value) { return value ? "true" : "false"; }
inline std::string describe(std::nullptr_t) { return "nullptr"; }
inline std::string describe(std::string_view value) { return "\"" + std::string(value) + "\""; }
inline std::string describe(const char* value) {
  return value == nullptr ? "nullptr" : describe(std::string_view(value));
}
inline std::string describe(const void* value) {
  char text[32];
  std::snprintf(text, sizeof text, "%p", value);
  return text;
}

template <typename T>
std::string describe_any(const T& value) {
  if constexpr (std::is_same_v<T, char>) {
    return describe(std::string_view(&value, 1));
  } else if constexpr (std::is_enum_v<T>) {
    return "enum " + std::to_string(static_cast<long long>(value));
  } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    return std::to_string(value);
  } else {
    return describe(value);
  }
}

template <typename T>
concept PlainInteger = std::integral<T> && !
std::same_as<T, bool> && !std::same_as<T, char>;

/// ==, but integers of different signs compare by value and C strings by content.
template <typename A, typename B>
bool equal(const A& a, const B& b) {
  if constexpr (PlainInteger<A> && PlainInteger<B>) {
    return std::cmp_equal(a, b);
  } else if constexpr (std::is_convertible_v<A, const char*> &&
                       std::is_convertible_v<B, const char*> && !std::is_null_pointer_v<A> &&
                       !std::is_null_pointer_v<B>) {
    return std::string_view(a) == std::string_view(b);
  } else {
    return a == b;
  }
}

}  // namespace superslab_test

#define SS_TEST_JOIN2(a, b) a##b
#define SS_TEST_JOIN(a, b) SS_TEST_JOIN2(a, b)

#define TEST(layer, behaviour)                                              \
  static void SS_TEST_JOIN(test_body_, __LINE__)();                         \
  static ::superslab_test::TestCase SS_TEST_JOIN(test_case_, __LINE__){     \
      #layer, behaviour, SS_TEST_JOIN(test_body_, __LINE__)};               \
  [[maybe_unused]] static const bool SS_TEST_JOIN(test_known_, __LINE__) =  \
      ::superslab_test::register_test(&SS_TEST_JOIN(test_case_, __LINE__)); \
  static void SS_TEST_JOIN(test_body_, __LINE__)()

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      ::superslab_test::report_failure(__FILE__, __LINE__, "CHECK(" #condition ")"); \
      return;                                                                        \
    }                                                                                \
  } while (false)

#define CHECK_EQ(actual, expected)                                                               \
  do {                                                                                           \
    const auto& ss_actual = (actual);                                                            \
    const auto& ss_expected = (expected);                                                        \
    if (!::superslab_test::equal(ss_actual, ss_expected)) {                                      \
      ::superslab_test::report_failure(                                                          \
          __FILE__, __LINE__,                                                                    \
          "CHECK_EQ(" #actual ", " #expected "): " + ::superslab_test::describe_any(ss_actual) + \
              " != " + ::superslab_test::describe_any(ss_expected));                             \
      return;                                                                                    \
    }                                                                                            \
  } while (false)

/// Ends the test, which could not be made here. A test that has failed has still failed.
#define SKIP(reason)                       \
  do {                                     \
    ::superslab_test::report_skip(reason); \
    return;                                \
  } while (false)
