// Objects of the native side that JavaScript holds, and their methods.
//
// Nothing in a method throws for what a user did: results are numbers, and the facade makes the
// errors. An object may outlive what it stands for: its methods then return what they have for
// "none".
//
// A method knows its object in one of two ways:
//   bound   it is a function of the object's own and has what it works on as its data. `this` does
//           not matter. To call one is as cheap as a native function can be; to make one takes
//           longer than most calls, and 650 bytes.
//   shared  the class has it, and `this` is looked at: by V8 ("Illegal invocation"), and by its
//           tag, since other hosts may not. That takes as long as a refill of some blocks.
// So all methods of an environment object, of which a thread has one, are bound. Those of pools and
// scanners are shared, but for the hot ones of a pool: these are bound when they are first used.
#pragma once

#include <napi.h>

#include <type_traits>
#include <vector>

#include "binding/arguments.h"

namespace superslab {

/// The methods of one kind of object.
using Methods = std::vector<napi_property_descriptor>;

/// The class of objects that stand for a T, in one environment. T::kTypeTag tells it from others.
template <class T>
class ObjectClass {
 public:
  /// Does nothing once the thread is told to stop.
  void define(napi_env env, const char* name, const Methods& methods) {
    napi_value constructor = nullptr;
    if (napi_define_class(env, name, NAPI_AUTO_LENGTH, construct, nullptr, methods.size(),
                          methods.data(), &constructor) == napi_ok)
      napi_create_reference(env, constructor, 1, &constructor_);
  }

  /// An object that stands for `own`; `finalize` is called with that once the object is collected.
  /// nullptr, without a call, when the thread is told to stop.
  napi_value make(napi_env env, T* own, napi_finalize finalize = nullptr) const {
    napi_value constructor = nullptr;
    napi_value object = nullptr;
    const bool made = constructor_ != nullptr &&
                      napi_get_reference_value(env, constructor_, &constructor) == napi_ok &&
                      napi_new_instance(env, constructor, 0, nullptr, &object) == napi_ok &&
                      napi_type_tag_object(env, object, &T::kTypeTag) == napi_ok &&
                      napi_wrap(env, object, own, finalize, nullptr, nullptr) == napi_ok;
    return made ? object : nullptr;
  }

  /// What `object` stands for; nullptr unless it is one of the class.
  static T* get(napi_env env, napi_value object) {
    bool is_one = false;
    void* own = nullptr;
    const bool found = napi_check_object_type_tag(env, object, &T::kTypeTag, &is_one) == napi_ok &&
                       is_one && napi_unwrap(env, object, &own) == napi_ok;
    return found ? static_cast<T*>(own) : nullptr;
  }

 private:
  /// For make(), and for JavaScript that calls the constructor: that object stands for nothing.
  static napi_value construct(napi_env, napi_callback_info) { return nullptr; }

  napi_ref constructor_ = nullptr;
};

/// undefined for a function that returns nothing.
template <auto function, class T>
napi_value result_of(const CallbackInfo& info, T& own) {
  if constexpr (std::is_void_v<decltype(function(info, own))>) {
    function(info, own);
    return nullptr;
  } else {
    return function(info, own);
  }
}

template <class T, auto function>
napi_value call_bound(napi_env env, napi_callback_info raw) {
  const CallbackInfo info(env, raw);
  return result_of<function>(info, *static_cast<T*>(info.Data()));
}

/// Returns undefined where `this` is no T.
template <class T, auto function>
napi_value call_shared(napi_env env, napi_callback_info raw) {
  const CallbackInfo info(env, raw);
  T* own = ObjectClass<T>::get(env, info.This());
  return own == nullptr ? nullptr : result_of<function>(info, *own);
}

/// A method that is bound at once: bind_methods() adds its data.
template <class T, auto function>
void add_bound_method(Methods& methods, const char* name) {
  napi_property_descriptor method{};
  method.utf8name = name;
  method.method = call_bound<T, function>;
  method.attributes = napi_default_method;
  methods.push_back(method);
}

/// False, with some of them or none, once the thread is told to stop.
template <class T>
bool bind_methods(napi_env env, napi_value object, Methods methods, T& own) {
  for (napi_property_descriptor& method : methods) method.data = &own;
  return napi_define_properties(env, object, methods.size(), methods.data()) == napi_ok;
}

template <class T, auto function>
void add_shared_method(Methods& methods, const char* name) {
  napi_property_descriptor method{};
  method.utf8name = name;
  method.method = call_shared<T, function>;
  method.attributes = napi_default_method;
  methods.push_back(method);
}

/// Makes a hot method a property of the object's own, which has `name` as its data here.
template <class T, auto function>
napi_value bind_hot(napi_env env, napi_callback_info raw) {
  const CallbackInfo info(env, raw);
  T* own = ObjectClass<T>::get(env, info.This());
  if (own == nullptr) return nullptr;
  Methods method;
  add_bound_method<T, function>(method, static_cast<const char*>(info.Data()));
  napi_value bound = nullptr;
  if (bind_methods(env, info.This(), std::move(method), *own))
    napi_get_named_property(env, info.This(), static_cast<const char*>(info.Data()), &bound);
  return bound;
}

/// A method that is bound when it is first used. `name` is a literal.
template <class T, auto function>
void add_hot_method(Methods& methods, const char* name) {
  napi_property_descriptor method{};
  method.utf8name = name;
  method.getter = bind_hot<T, function>;
  method.attributes = napi_configurable;
  method.data = const_cast<char*>(name);
  methods.push_back(method);
}

}  // namespace superslab
