// SRTP transforms for tests: the same cipher as the engine's, without sockets.
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

namespace rostra {

// Adds `srtpProtect`, `srtpUnprotect` and `srtpDerive` to `exports`.
bool addSrtpSeam(napi_env env, napi_value exports);

}  // namespace rostra
