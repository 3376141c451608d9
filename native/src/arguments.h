// Reading JavaScript values, with every check they need.
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

namespace rostra {

inline napi_value undefined(napi_env env) {
  napi_value value = nullptr;
  napi_get_undefined(env, &value);
  return value;
}

inline napi_value boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

// An integer from 0 to 2^53 - 1, or -1 for anything else: never a valid id, row, offset or length.
inline int64_t integer(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) return -1;
  if (!(number >= 0 && number <= 9007199254740991.0) || number != std::floor(number)) return -1;
  return static_cast<int64_t>(number);
}

struct ByteArray {
  uint8_t* data = nullptr;
  size_t length = 0;
};

// A Uint8Array (or Buffer) of any length, detached ones as empty. Anything else throws.
inline bool byteArray(napi_env env, napi_value value, ByteArray& bytes) {
  bool is = false;
  napi_typedarray_type type;
  void* data = nullptr;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is ||
      napi_get_typedarray_info(env, value, &type, &bytes.length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    napi_throw_type_error(env, nullptr, "expected a Uint8Array");
    return false;
  }
  static uint8_t const nothing = 0;
  bytes.data = data != nullptr ? static_cast<uint8_t*>(data) : const_cast<uint8_t*>(&nothing);
  if (data == nullptr) bytes.length = 0;
  return true;
}

inline bool within(int64_t offset, int64_t length, size_t size) {
  auto bound = static_cast<int64_t>(size);
  return offset >= 0 && length >= 0 && offset <= bound && length <= bound - offset;
}

inline napi_value rangeError(napi_env env, const std::string& message) {
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message.c_str());
  return nullptr;
}

}  // namespace rostra
