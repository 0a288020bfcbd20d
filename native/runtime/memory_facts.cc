#include "runtime/memory_facts.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace superslab {
namespace {

using Text = std::string_view;

/// Calls visit(line) for each line of a file of any length. False when it cannot be opened.
template <class Visit>
bool for_each_line(const std::string& path, Visit visit) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  char* line = nullptr;
  std::size_t room = 0;
  for (ssize_t length; (length = getline(&line, &room, file)) > 0;)
    visit(Text(line, static_cast<std::size_t>(length)));
  std::free(line);
  std::fclose(file);
  return true;
}

/// The number that `text` begins with, and what follows it. False when there is none.
bool take_number(Text& text, std::uint64_t& out, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

/// For "Rss:      1024 kB" and the name "Rss:": adds the bytes.
void add_field(Text line, Text name, ByteCount& sum) {
  if (!line.starts_with(name)) return;
  line.remove_prefix(std::min(line.find_first_not_of(' ', name.size()), line.size()));
  if (std::uint64_t kib = 0; take_number(line, kib)) sum += kib * kKiB;
}

bool is_in(const Space& space, std::uint64_t address) {
  return space.contains(reinterpret_cast<const void*>(static_cast<std::uintptr_t>(address)));
}

/// A mapping begins with its addresses: "7f0000000000-7f0000200000 rw-p ...". True for such a line;
/// `ours` then says whether the mapping touches the space. The kernel joins neighbours, so either
/// end may lie outside.
bool begins_mapping(Text line, const Space& space, bool& ours) {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  if (!take_number(line, from, 16) || !line.starts_with('-')) return false;
  line.remove_prefix(1);
  if (!take_number(line, to, 16) || !line.starts_with(' ')) return false;
  ours = is_in(space, from) || is_in(space, to - 1);
  return true;
}

void add_node(std::vector<NodeBytes>& nodes, unsigned node, ByteCount bytes) {
  const auto at = std::find_if(nodes.begin(), nodes.end(),
                               [node](const NodeBytes& one) { return one.node >= node; });
  if (at != nodes.end() && at->node == node) {
    at->bytes += bytes;
  } else {
    nodes.insert(at, {node, bytes});
  }
}

/// "7f0000000000 default anon=3 dirty=3 N0=2 N1=1 kernelpagesize_kB=4"
void add_nodes(Text line, const Space& space, std::vector<NodeBytes>& nodes) {
  std::uint64_t from = 0;
  if (!take_number(line, from, 16) || !is_in(space, from)) return;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pages;
  std::uint64_t page_kib = 4;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \n"), line.size());
    Text word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    constexpr Text kPage = "kernelpagesize_kB=";
    if (word.starts_with(kPage)) {
      word.remove_prefix(kPage.size());
      take_number(word, page_kib);
    } else if (word.starts_with('N')) {
      std::uint64_t node = 0;
      std::uint64_t count = 0;
      word.remove_prefix(1);
      if (!take_number(word, node) || !word.starts_with('=')) continue;
      word.remove_prefix(1);
      if (take_number(word, count)) pages.emplace_back(node, count);
    }
  }
  for (const auto& [node, count] : pages)
    add_node(nodes, static_cast<unsigned>(node), count * page_kib * kKiB);
}

}  // namespace

bool read_memory_facts(const Space& space, MemoryFacts& out, const char* root) {
  const std::string proc = std::string(root) + "/proc/self/";
  bool ours = false;
  const bool readable = for_each_line(proc + "smaps", [&](Text line) {
    if (begins_mapping(line, space, ours) || !ours) return;
    add_field(line, "Rss:", out.rss_bytes);
    add_field(line, "Swap:", out.swapped_bytes);
    add_field(line, "AnonHugePages:", out.huge_bytes);
    for (const Text hugetlb : {"Private_Hugetlb:", "Shared_Hugetlb:"}) {
      add_field(line, hugetlb, out.rss_bytes);
      add_field(line, hugetlb, out.huge_bytes);
    }
  });
  // Absent where the kernel knows no nodes.
  for_each_line(proc + "numa_maps", [&](Text line) { add_nodes(line, space, out.nodes); });
  return readable;
}

}  // namespace superslab
