#include "binding/arguments.h"

namespace superslab {

napi_value Fields::get(const char* name) const {
  napi_valuetype type = napi_undefined;
  napi_value value = nullptr;
  if (napi_typeof(env_, object_, &type) == napi_ok && type == napi_object &&
      napi_get_named_property(env_, object_, name, &value) == napi_ok)
    return value;
  // A getter's error is none of the caller's.
  bool has_thrown = false;
  napi_value error = nullptr;
  if (napi_is_exception_pending(env_, &has_thrown) == napi_ok && has_thrown)
    napi_get_and_clear_last_exception(env_, &error);
  napi_get_undefined(env_, &value);
  return value;
}

}  // namespace superslab
