#include "srtp_seam.h"

#include <cstring>

#include "arguments.h"
#include "core/packet.h"
#include "core/srtp_cipher.h"

namespace rostra {

namespace {

constexpr size_t kMaxPacket = 1500;
constexpr size_t kMaxTrailer = 20;

struct SeamCall {
  SrtpProfile profile = SrtpProfile::none;
  ByteArray key, salt, packet;
  bool rtcp = false;
  int64_t index = 0;
  SrtpCipher cipher;

  // (profile, key, salt, kind: 'rtp' | 'rtcp', packet, index: ROC << 16 | seq or SRTCP index)
  bool read(napi_env env, napi_callback_info info, bool seal) {
    size_t count = 6, length = 0;
    napi_value args[6];
    char kind[8] = {};
    if (napi_get_cb_info(env, info, &count, args, nullptr, nullptr) != napi_ok || count < 6) {
      napi_throw_type_error(env, nullptr, "too few arguments");
      return false;
    }
    int64_t number = integer(env, args[0]);
    if (!byteArray(env, args[1], key) || !byteArray(env, args[2], salt) || !byteArray(env, args[4], packet)) return false;
    napi_get_value_string_utf8(env, args[3], kind, sizeof kind, &length);
    rtcp = std::strcmp(kind, "rtcp") == 0;
    index = integer(env, args[5]);
    profile = number == 1 || number == 7 ? static_cast<SrtpProfile>(number) : SrtpProfile::none;
    SrtpAlgorithms algorithms;
    bool ok = profile != SrtpProfile::none && key.length == kMasterKeyBytes &&
              salt.length == masterSaltBytes(profile) && packet.length <= kMaxPacket && index >= 0 &&
              index < (rtcp ? 0x80000000LL : 0x1000000000000LL) && algorithms.load() &&
              cipher.init(algorithms, profile, key.data, salt.data, seal);
    if (!ok) rangeError(env, "profile, key, salt, packet or index out of range");
    return ok;
  }
};

napi_value copyOf(napi_env env, const uint8_t* bytes, size_t length) {
  void* data = nullptr;
  napi_value buffer = nullptr, array = nullptr;
  if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok) return nullptr;
  if (length > 0) std::memcpy(data, bytes, length);
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
  return array;
}

napi_value null(napi_env env) {
  napi_value value = nullptr;
  napi_get_null(env, &value);
  return value;
}

napi_value protect(napi_env env, napi_callback_info info) {
  SeamCall call;
  if (!call.read(env, info, true)) return nullptr;
  uint8_t out[kMaxPacket + kMaxTrailer];
  size_t sealed = 0;
  if (call.rtcp) {
    if (call.packet.length < 8) return null(env);
    std::memcpy(out, call.packet.data, call.packet.length);
    sealed = call.cipher.sealRtcp(out, call.packet.length, static_cast<uint32_t>(call.index));
  } else {
    size_t header = rtpHeaderLength(call.packet.data, call.packet.length);
    if (header == 0) return null(env);
    std::memcpy(out, call.packet.data, header);
    sealed = call.cipher.sealRtp(out, header, {call.packet.data, 0},
                                 {call.packet.data + header, call.packet.length - header},
                                 read32(call.packet.data + 8), static_cast<uint64_t>(call.index));
  }
  return sealed == 0 ? null(env) : copyOf(env, out, sealed);
}

napi_value unprotect(napi_env env, napi_callback_info info) {
  SeamCall call;
  if (!call.read(env, info, false)) return nullptr;
  uint8_t bytes[kMaxPacket];
  size_t length = call.packet.length, tag = tagBytes(call.profile);
  std::memcpy(bytes, call.packet.data, length);
  if (call.rtcp) {
    size_t trailer = tag + kSrtcpIndexBytes;
    if (length < 8 + trailer) return null(env);
    uint32_t word = static_cast<uint32_t>(call.index) | 0x80000000u;
    return call.cipher.openRtcp(bytes, length, word) ? copyOf(env, bytes, length - trailer) : null(env);
  }
  size_t header = length < tag ? 0 : rtpHeaderLength(bytes, length - tag);
  if (header == 0) return null(env);
  bool ok = call.cipher.openRtp(bytes, length, header, read32(bytes + 8), static_cast<uint64_t>(call.index));
  return ok ? copyOf(env, bytes, length - tag) : null(env);
}

// (key, salt, label, length): RFC 3711 §4.3.
napi_value derive(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value args[4];
  ByteArray key, salt;
  if (napi_get_cb_info(env, info, &count, args, nullptr, nullptr) != napi_ok || count < 4) {
    napi_throw_type_error(env, nullptr, "too few arguments");
    return nullptr;
  }
  if (!byteArray(env, args[0], key) || !byteArray(env, args[1], salt)) return nullptr;
  int64_t label = integer(env, args[2]), length = integer(env, args[3]);
  SrtpAlgorithms algorithms;
  uint8_t out[32];
  if (key.length != kMasterKeyBytes || salt.length > 14 || label < 0 || label > 255 || length < 1 || length > 32 ||
      !algorithms.load() ||
      !deriveSrtpKey(algorithms, key.data, salt.data, salt.length, static_cast<uint8_t>(label), out,
                     static_cast<size_t>(length))) {
    return rangeError(env, "key, salt, label or length out of range");
  }
  return copyOf(env, out, static_cast<size_t>(length));
}

}  // namespace

bool addSrtpSeam(napi_env env, napi_value exports) {
  const napi_property_descriptor table[] = {
      {"srtpProtect", nullptr, protect, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"srtpUnprotect", nullptr, unprotect, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"srtpDerive", nullptr, derive, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  return napi_define_properties(env, exports, sizeof table / sizeof table[0], table) == napi_ok;
}

}  // namespace rostra
