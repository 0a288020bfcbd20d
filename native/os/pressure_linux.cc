#if defined(__linux__)

#include "os/pressure_linux.h"

#include <algorithm>
#include <string_view>

#include "os/read_text.h"

namespace superslab {
namespace {

using Text = std::string_view;

/// A process may be moved to another group, as systemd does.
constexpr std::uint32_t kReadsPerSearch = 60;

/// Version 1 says nearly 2^63 where there is no limit.
constexpr ByteCount kAnyLimit = ByteCount{1} << 62;

/// "avg10=1.50" among the words of `text`: the number behind `name`, with two digits behind its
/// point as a whole number if `hundredths`. False for what is no number below 2^62.
bool find_number(Text text, Text name, bool hundredths, std::uint64_t& out) {
  const std::size_t found = text.find(name);
  if (found == Text::npos) return false;
  std::size_t at = text.find_first_not_of(' ', found + name.size());
  std::uint64_t number = 0;
  int digits = 0;
  const auto is_digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  const auto take = [&] {
    number = number * 10 + static_cast<unsigned>(text[at] - '0');
    ++at;
  };
  for (; is_digit() && number < kAnyLimit / 10; ++digits) take();
  if (digits == 0 || is_digit()) return false;
  if (hundredths) {
    if (at < text.size() && text[at] == '.') ++at;
    for (int place = 0; place < 2; ++place) is_digit() ? take() : static_cast<void>(number *= 10);
  }
  out = number;
  return true;
}

/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", which must end in a line's end.
StallTime parse_stalls(Text text, Text kind) {
  StallTime stalls;
  const std::size_t at = text.find(kind);
  if (at == Text::npos || (at != 0 && text[at - 1] != '\n')) return stalls;
  const Text rest(text.data() + at, text.size() - at);
  const std::size_t end = rest.find('\n');
  if (end == Text::npos) return stalls;
  const Text line(rest.data(), end);
  std::uint64_t average = 0;
  std::uint64_t total = 0;
  if (!find_number(line, " avg10=", true, average) || average > 10'000 ||
      !find_number(line, " total=", false, total))
    return stalls;
  stalls.is_known = true;
  stalls.avg10_bp = static_cast<std::uint32_t>(average);
  stalls.total_us = total;
  return stalls;
}

void parse_pressure(const char* text, PressureReadings& out) {
  out.some = parse_stalls(text, "some ");
  out.full = parse_stalls(text, "full ");
}

/// Whether `use` is nearer to its limit than `other` to its own.
bool is_nearer(const LimitUse& use, const LimitUse& other) {
  if (other.limit == kNoLimit) return true;
  const auto share = [](const LimitUse& of) {
    return static_cast<double>(of.used) / static_cast<double>(std::max<ByteCount>(of.limit, 1));
  };
  return share(use) > share(other);
}

struct FileNames {
  const char* used;
  const char* hard;
  const char* soft;
  const char* inactive_files;  // a key of memory.stat, that of version 1 with the groups within
};
constexpr FileNames kVersion1{"memory.usage_in_bytes", "memory.limit_in_bytes", nullptr,
                              "total_inactive_file"};
constexpr FileNames kVersion2{"memory.current", "memory.max", "memory.high", "inactive_file"};

void read_limits_of(const char* root, const GroupFolder& folder, bool is_v1,
                    PressureReadings& out) {
  const FileNames& names = is_v1 ? kVersion1 : kVersion2;
  const auto limit = [&](const char* file) {
    const ByteCount bytes = file == nullptr ? kNoLimit : folder.number_in(root, file, kNoLimit);
    return bytes < kAnyLimit ? bytes : kNoLimit;
  };
  const ByteCount hard = limit(names.hard);
  const ByteCount soft = limit(names.soft);
  if (hard == kNoLimit && soft == kNoLimit) return;
  const ByteCount all = folder.number_in(root, names.used, 0);
  const ByteCount idle = folder.keyed_number_in(root, "memory.stat", names.inactive_files, 0);
  const ByteCount used = all - std::min(all, idle);
  if (hard != kNoLimit && is_nearer({used, hard}, out.hard)) out.hard = {used, hard};
  if (soft != kNoLimit && is_nearer({used, soft}, out.soft)) out.soft = {used, soft};
  if (is_v1) {
    out.limit_hits += folder.number_in(root, "memory.failcnt", 0);
  } else {
    out.limit_hits += folder.keyed_number_in(root, "memory.events", "max", 0);
    out.ooms += folder.keyed_number_in(root, "memory.events", "oom", 0);
  }
}

}  // namespace

/// Not of the group that all are in, whose stalls are the machine's.
void LinuxPressure::read_stalls_of_group(PressureReadings& out) const {
  char text[256];
  if (!groups_.unified || !groups_.unified.text_in(root_, "cgroup.events", text, sizeof text) ||
      !groups_.unified.text_in(root_, "memory.pressure", text, sizeof text))
    return;
  parse_pressure(text, out);
  out.is_of_group = out.some.is_known;
}

void LinuxPressure::read_limits(PressureReadings& out) const {
  if (!groups_.memory) return;
  GroupFolder folder = groups_.memory;
  do read_limits_of(root_, folder, groups_.is_v1, out);
  while (folder.leave());
}

void LinuxPressure::read_machine(PressureReadings& out) const {
  char text[512];  // both stand in the first lines
  if (read_text(root_, "/proc/meminfo", text, sizeof text)) {
    const auto kib = [text = Text(text)](Text name) {
      std::uint64_t number = 0;
      return find_number(text, name, false, number) && number < kAnyLimit / kKiB ? number * kKiB
                                                                                 : 0;
    };
    out.machine = kib("MemTotal:");
    if (const ByteCount available = kib("MemAvailable:"); out.machine != 0 && available != 0)
      out.available = available;
  }
  if (!out.is_of_group && read_text(root_, "/proc/pressure/memory", text, sizeof text))
    parse_pressure(text, out);
}

PressureReadings LinuxPressure::read() {
  if (reads_until_search_ == 0) {
    groups_ = find_control_groups(root_);
    reads_until_search_ = kReadsPerSearch;
  }
  --reads_until_search_;
  PressureReadings out;
  read_stalls_of_group(out);
  read_limits(out);
  read_machine(out);
  return out;
}

}  // namespace superslab

#endif
