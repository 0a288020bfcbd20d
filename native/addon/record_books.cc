#include "addon/record_books.h"

#include <new>

namespace superslab {

RecordBook::Word* RecordBook::words(std::uint32_t chunk) {
  LockGuard guard(lock_);
  if (chunk > chunks_.size() || has_ended()) return nullptr;
  if (chunk == chunks_.size()) {
    std::unique_ptr<Word[]> made(new (std::nothrow) Word[word_count()]());
    if (made == nullptr) return nullptr;
    for (std::uint32_t i = 1; i < word_count(); ++i) made[i].store(first_);
    chunks_.push_back({std::move(made)});
  }
  return chunks_[chunk].words.get();
}

void RecordBook::place(std::uint32_t chunk, void* memory, ByteCount bytes) {
  LockGuard guard(lock_);
  if (chunk >= chunks_.size()) return;
  chunks_[chunk].memory = memory;
  chunks_[chunk].bytes = bytes;
  chunks_[chunk].words[0].fetch_add(1);
}

RecordBook::Place RecordBook::find(std::uint32_t chunk) {
  LockGuard guard(lock_);
  if (chunk >= chunks_.size() || has_ended()) return {};
  const Chunk& found = chunks_[chunk];
  return {found.memory, found.bytes, found.words.get(), found.words[0].load()};
}

void RecordBook::end() {
  LockGuard guard(lock_);
  if (has_ended_.exchange(true)) return;
  for (const Chunk& chunk : chunks_) {
    for (std::uint32_t i = 1; i < word_count(); ++i) {
      // Its own thread is done with JavaScript: nobody else writes them.
      if ((chunk.words[i].load() & 1) != 0) chunk.words[i].fetch_add(1);
    }
  }
}

RecordBooks& RecordBooks::of_process() {
  static auto* const books = new RecordBooks;
  return *books;
}

void RecordBooks::add(const std::shared_ptr<RecordBook>& book) {
  LockGuard guard(lock_);
  std::erase_if(books_, [](const auto& one) { return one.expired(); });
  books_.push_back(book);
}

std::vector<std::shared_ptr<RecordBook>> RecordBooks::named(std::string_view name) {
  std::vector<std::shared_ptr<RecordBook>> found;
  LockGuard guard(lock_);
  for (const std::weak_ptr<RecordBook>& one : books_) {
    std::shared_ptr<RecordBook> book = one.lock();
    if (book != nullptr && !book->has_ended() && book->name() == name)
      found.push_back(std::move(book));
  }
  return found;
}

}  // namespace superslab
