// Comes before everything else in each source that scripts/mutate/native.mjs compiles. Every mutant of the program is in it
// and asks here whether it is the one that is switched on: SUPERSLAB_MUTANT=N. With SUPERSLAB_MUTANTS_REACHED=FILE, a byte a
// mutant, the file is told which were asked.
#pragma once

extern int ss_chosen_mutant;
extern unsigned char* ss_reached_mutants;

constexpr bool ss_mutant(int n) {
  if (__builtin_is_constant_evaluated()) return false;
  __atomic_store_n(&ss_reached_mutants[n], 1, __ATOMIC_RELAXED);
  return ss_chosen_mutant == n;
}

// A binary operator and what it becomes. `a < ss_lt{n} > b` groups as `a < b` does, whatever a and b are made of:
// nobody needs to know where they begin and end.
template <class A>
struct ss_left {
  const A& a;
  int n;
};

#define SS_OPERATOR(name, first, second, is, becomes)                     \
  struct name {                                                           \
    int n;                                                                \
    template <class A>                                                    \
    struct left : ss_left<A> {};                                          \
    template <class A>                                                    \
    friend constexpr left<A> operator first(const A& a, name op) {        \
      return {{a, op.n}};                                                 \
    }                                                                     \
    template <class A, class B>                                           \
    friend constexpr auto operator second(const left<A>& l, const B& b) { \
      return ss_mutant(l.n) ? (l.a becomes b) : (l.a is b);               \
    }                                                                     \
  }

SS_OPERATOR(ss_lt, <, >, <, <=);
SS_OPERATOR(ss_le, <, >, <=, <);
SS_OPERATOR(ss_gt, <, >, >, >=);
SS_OPERATOR(ss_ge, <, >, >=, >);
SS_OPERATOR(ss_eq, ==, ==, ==, !=);
SS_OPERATOR(ss_ne, ==, ==, !=, ==);
SS_OPERATOR(ss_plus, +, +, +, -);
SS_OPERATOR(ss_minus, +, +, -, +);
SS_OPERATOR(ss_and, &, &, &, |);
SS_OPERATOR(ss_or, |, |, |, &);
SS_OPERATOR(ss_shl, <<, <<, <<, >>);
SS_OPERATOR(ss_shr, <<, <<, >>, <<);
