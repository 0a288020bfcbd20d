#include "pools/pool.h"

#include <algorithm>
#include <cassert>

namespace superslab {

Pool::Pool(std::string_view name) {
  std::size_t length = std::min(name.size(), sizeof name_ - 1);
  // A cut name ends with a whole character.
  if (length < name.size())
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80) --length;
  std::copy_n(name.begin(), length, name_);
  assert(this->name().size() <= length && "zero-terminated");
}

}  // namespace superslab
