// g++ compiles one large file of templates. Under every allocator the object file must be the same.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, read, sha256, skip, which } from './program.js';

const HEADERS = [
  'algorithm',
  'functional',
  'map',
  'memory',
  'string',
  'tuple',
  'unordered_map',
  'variant',
  'vector',
];

/** Types of their own in each part, so that every template is instantiated anew. */
const part = (i: number) => `
namespace part${i} {
struct Key {
  int number;
  std::string name;
  bool operator<(const Key& other) const { return std::tie(name, number) < std::tie(other.name, other.number); }
  bool operator==(const Key& other) const { return number == other.number && name == other.name; }
};
struct Hash {
  std::size_t operator()(const Key& key) const { return std::hash<std::string>{}(key.name) * ${2 * i + 3}u + key.number; }
};
struct Leaf { std::vector<Key> keys; };
struct Branch { std::shared_ptr<Leaf> left, right; std::map<Key, int> weights; };
using Tree = std::variant<Leaf, Branch, std::tuple<Key, std::vector<std::pair<Key, int>>>>;

template <int N> struct Chain {
  using Next = Chain<N - 1>;
  static int sum(const std::vector<Key>& keys) {
    return std::count_if(keys.begin(), keys.end(), [](const Key& key) { return key.number % (N + ${i} + 2) == N; }) + Next::sum(keys);
  }
};
template <> struct Chain<0> { static int sum(const std::vector<Key>&) { return ${i}; } };

struct Measure {
  int operator()(const Leaf& leaf) const { return static_cast<int>(leaf.keys.size()) + Chain<12>::sum(leaf.keys); }
  int operator()(const Branch& branch) const {
    int total = branch.left ? (*this)(*branch.left) : 0;
    for (const auto& [key, weight] : branch.weights) total += weight * key.number;
    return total + (branch.right ? (*this)(*branch.right) : 1);
  }
  template <class A, class B> int operator()(const std::tuple<A, B>& both) const {
    return std::get<0>(both).number + static_cast<int>(std::get<1>(both).size());
  }
};

int work(int n) {
  std::unordered_map<Key, std::vector<Tree>, Hash> forest;
  std::vector<std::function<int(int)>> steps;
  for (int i = 0; i < n; ++i) {
    Key key{i * ${i + 7}, std::to_string(i % ${i + 11})};
    Leaf leaf{{key, Key{i, "leaf${i}"}}};
    std::sort(leaf.keys.begin(), leaf.keys.end());
    forest[key].push_back(leaf);
    forest[key].push_back(Branch{std::make_shared<Leaf>(leaf), nullptr, {{key, i}}});
    forest[key].push_back(std::make_tuple(key, std::vector<std::pair<Key, int>>{{key, i}}));
    steps.push_back([key, i](int x) { return x + key.number - i; });
  }
  int total = 0;
  for (const auto& [key, trees] : forest)
    for (const auto& tree : trees) total += std::visit(Measure{}, tree);
  std::stable_sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) { return a(1) < b(1); });
  for (const auto& step : steps) total = step(total);
  return total;
}
}  // namespace part${i}
`;

function source(parts: number): string {
  const indices = Array.from({ length: parts }, (_, i) => i);
  return [
    ...HEADERS.map((header) => `#include <${header}>`),
    ...indices.map(part),
    `int main() { return (${indices.map((i) => `part${i}::work(${i + 3})`).join(' + ')}) & 63; }`,
    '',
  ].join('\n');
}

export const gxx: Program = {
  name: 'g++',
  prepare: ({ meter, folder, quick }) => {
    const file = which('g++');
    if (file === undefined) return skip('g++', 'g++');
    writeFileSync(join(folder, 'large.cc'), source(quick ? 1 : 5));
    const object = join(folder, 'large.o');
    return {
      // The compiler proper; g++ only starts it.
      executables: [read(file, ['-print-prog-name=cc1plus']).trim()],
      run: async (preload, limitSeconds) => {
        rmSync(object, { force: true });
        const args = ['-std=c++17', '-O1', '-w', '-c', '-o', 'large.o', 'large.cc'];
        const { stdout: _, ...usage } = await meter.run({ file, args, cwd: folder }, preload, limitSeconds);
        return { ...usage, output: `large.o ${sha256(readFileSync(object))}` };
      },
    };
  },
};
