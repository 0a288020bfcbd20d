// A directory tree for a test, in place of /sys or /proc.
#pragma once

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

namespace superslab_test {

class TempTree {
 public:
  TempTree() {
    std::error_code ignored;
    std::string name = std::filesystem::temp_directory_path(ignored).string() + "/superslab-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) root_ = name;
  }
  ~TempTree() {
    std::error_code ignored;
    if (!root_.empty()) std::filesystem::remove_all(root_, ignored);
  }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;

  /// Makes or replaces a file; `path` begins with a slash. False when it cannot.
  bool write(const std::string& path, const std::string& text) {
    if (root_.empty()) return false;
    const std::string whole = root_ + path;
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path(), error);
    if (error) return false;
    std::FILE* file = std::fopen(whole.c_str(), "w");
    if (file == nullptr) return false;
    const bool ok = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    return std::fclose(file) == 0 && ok;
  }

  const char* root() const { return root_.c_str(); }

 private:
  std::string root_;
};

}  // namespace superslab_test
