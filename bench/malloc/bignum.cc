// Arithmetic on numbers of a few words, each intermediate result a block of its own: very small,
// very short-lived. A stand-in for interpreters and for cfrac of the classic allocator benchmarks
// (Zorn).
#include "support.h"

namespace {

// 32-bit digits, least significant first.
struct Number {
  uint32_t length;
  uint32_t digits[];
};

constexpr uint32_t kMaxDigits = 12;

Number* make(uint32_t length) {
  auto* number = static_cast<Number*>(malloc(sizeof(Number) + length * sizeof(uint32_t)));
  if (number == nullptr) bench::die("malloc failed");
  number->length = length;
  return number;
}

Number* multiply(const Number* a, const Number* b) {
  Number* product = make(a->length + b->length);
  memset(product->digits, 0, product->length * sizeof(uint32_t));
  for (uint32_t i = 0; i < a->length; i++) {
    uint64_t carry = 0;
    for (uint32_t j = 0; j < b->length; j++) {
      carry += product->digits[i + j] + static_cast<uint64_t>(a->digits[i]) * b->digits[j];
      product->digits[i + j] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    product->digits[i + b->length] = static_cast<uint32_t>(carry);
  }
  return product;
}

/// `b` is not longer than `a`; the carry out of the last digit is dropped.
Number* add(const Number* a, const Number* b) {
  Number* sum = make(a->length);
  uint64_t carry = 0;
  for (uint32_t i = 0; i < a->length; i++) {
    carry += a->digits[i] + static_cast<uint64_t>(i < b->length ? b->digits[i] : 0);
    sum->digits[i] = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  return sum;
}

/// The lowest `length` digits.
Number* low(const Number* a, uint32_t length) {
  Number* part = make(length < a->length ? length : a->length);
  memcpy(part->digits, a->digits, part->length * sizeof(uint32_t));
  return part;
}

Number* small(bench::Random& random) {
  Number* number = make(1);
  number->digits[0] = static_cast<uint32_t>(random.next()) | 1;
  return number;
}

uint64_t work(uint64_t steps, uint64_t numbers) {
  bench::Pages<Number*> values(numbers);
  bench::Random random(1);
  for (uint64_t i = 0; i < numbers; i++) values[i] = small(random);
  for (uint64_t i = 0; i < steps; i++) {
    Number*& value = values[random.below(numbers)];
    Number* factor = small(random);
    Number* summand = small(random);
    Number* product = multiply(value, factor);
    Number* sum = add(product, summand);
    free(product);
    free(factor);
    free(value);
    value = low(sum, 1 + static_cast<uint32_t>(random.below(kMaxDigits)));
    free(summand);
    free(sum);
  }
  uint64_t check = 0;
  for (uint64_t i = 0; i < numbers; i++) {
    for (uint32_t j = 0; j < values[i]->length; j++) check = check * 31 + values[i]->digits[j];
    free(values[i]);
  }
  return check;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Run run(argc, argv, "STEPS NUMBERS    (each step: 5 blocks)");
  const uint64_t steps = run.number();
  const uint64_t numbers = run.number();
  run.start();
  const uint64_t check = work(steps, numbers);
  run.stop(5 * steps, check);
  return run.finish();
}
