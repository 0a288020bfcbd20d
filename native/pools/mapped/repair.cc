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
Failure look(Files& files, const std::string& path, bool* is_whole) {
  MappedOptions options;
  options.mode = 0777;
  std::unique_ptr<MappedPool> pool;
  const Failure failure = MappedPool::open(files, path, options, &pool);
  *is_whole = failure.ok() && pool->check().wrong == 0;
  // What it found wrong may have been wrong with a block alone.
  return failure.ok() && *is_whole ? pool->close() : failure;
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
    const Failure failure = look(files, path, &report->is_whole);
    if (report->is_whole || !is_of_file(failure.fault)) return failure;
  }
  {
    RawBooks books;
    Failure failure = books.open(files, path, "", *report);
    if (failure.ok()) failure = books.mend_bits(*report);
    if (failure.ok()) failure = Rebuild(books, *report).run();
    if (!failure.ok()) return failure;
  }
  return look(files, path, &report->is_whole);
}

}  // namespace superslab::mapped
