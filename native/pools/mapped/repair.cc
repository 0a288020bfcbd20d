#include "pools/mapped/repair.h"

#include "pools/mapped/mapped_pool.h"
#include "pools/mapped/raw_books.h"
#include "pools/mapped/rebuild.h"

namespace superslab::mapped {
namespace {

constexpr std::size_t kMaxMessages = 256;

void add(std::vector<std::string>& messages, std::string message) {
  if (messages.size() < kMaxMessages) messages.push_back(std::move(message));
}

/// Opens the file as everybody would, which replays its journal, and walks it.
Failure look(Files& files, const std::string& path, bool* has_whole_books, RepairReport& report) {
  *has_whole_books = false;
  MappedOptions options;
  options.mode = 0777;
  std::unique_ptr<MappedPool> pool;
  const Failure failure = MappedPool::open(files, path, options, &pool);
  if (!failure.ok()) return failure;
  const CheckReport found = pool->check();
  if (found.wrong != found.damaged_blocks) return {};
  *has_whole_books = true;
  // Blocks are the program's: it may know better than a checksum what they are worth.
  for (const std::string& message : found.messages) report.lose(message);
  report.is_whole = found.wrong == 0;
  return pool->close();
}

bool is_of_file(Fault fault) {
  return fault == Fault::kNone || fault == Fault::kDamaged || fault == Fault::kCut;
}

}  // namespace

void RepairReport::mend(std::string message) {
  ++mended;
  add(mended_messages, std::move(message));
}

void RepairReport::lose(std::string message) {
  ++lost;
  add(lost_messages, std::move(message));
}

Failure repair_file(Files& files, const std::string& path, const std::string& copy,
                    RepairReport* report) {
  bool needs_more = false;
  {
    RawBooks books;
    Failure failure = books.open(files, path, copy, *report);
    if (failure.ok()) failure = books.mend_bits(*report);
    if (!failure.ok()) return failure;
    needs_more = books.is_journal_damaged();
  }
  if (!needs_more) {
    bool is_done = false;
    const Failure failure = look(files, path, &is_done, *report);
    if (is_done || !is_of_file(failure.fault)) return failure;
  }
  {
    RawBooks books;
    Failure failure = books.open(files, path, "", *report);
    if (failure.ok()) failure = books.mend_bits(*report);
    if (failure.ok()) failure = Rebuild(books, *report).run();
    if (!failure.ok()) return failure;
  }
  bool is_done = false;
  return look(files, path, &is_done, *report);
}

}  // namespace superslab::mapped
