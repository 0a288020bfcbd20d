// An addon as there are some: it keeps a pointer to a Buffer's bytes after its function has
// returned, and trusts what it is told of their length. The programs of this folder make its
// mistakes through it.
#include <node_api.h>

#include <cstdint>

namespace {

std::uint8_t* kept = nullptr;

/** keep(buffer) */
napi_value Keep(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value buffer = nullptr;
  void* bytes = nullptr;
  std::size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &buffer, nullptr, nullptr) != napi_ok ||
      napi_get_buffer_info(env, buffer, &bytes, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "keep() takes a Buffer");
    return nullptr;
  }
  kept = static_cast<std::uint8_t*>(bytes);
  return nullptr;
}

/** write(offset, byte): one byte, counted from the start of the buffer kept last. */
napi_value Write(napi_env env, napi_callback_info info) {
  std::size_t count = 2;
  napi_value arguments[2];
  std::int64_t offset = 0;
  std::uint32_t byte = 0;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) != napi_ok ||
      napi_get_value_int64(env, arguments[0], &offset) != napi_ok ||
      napi_get_value_uint32(env, arguments[1], &byte) != napi_ok || kept == nullptr) {
    napi_throw_type_error(env, nullptr, "write() takes an offset and a byte, after keep()");
    return nullptr;
  }
  // volatile: the compiler must not know better than to write there.
  *static_cast<volatile std::uint8_t*>(kept + offset) = static_cast<std::uint8_t>(byte);
  return nullptr;
}

/** address(buffer): where its bytes lie, as a BigInt. */
napi_value Address(napi_env env, napi_callback_info info) {
  std::size_t count = 1;
  napi_value buffer = nullptr;
  void* bytes = nullptr;
  std::size_t length = 0;
  napi_value address = nullptr;
  if (napi_get_cb_info(env, info, &count, &buffer, nullptr, nullptr) != napi_ok ||
      napi_get_buffer_info(env, buffer, &bytes, &length) != napi_ok ||
      napi_create_bigint_uint64(env, reinterpret_cast<std::uint64_t>(bytes), &address) != napi_ok) {
    napi_throw_type_error(env, nullptr, "address() takes a Buffer");
    return nullptr;
  }
  return address;
}

}  // namespace

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"keep", nullptr, Keep, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"write", nullptr, Write, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"address", nullptr, Address, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  return napi_define_properties(env, exports, 3, functions) == napi_ok ? exports : nullptr;
}
