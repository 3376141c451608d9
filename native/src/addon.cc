// The methods of an Io as JavaScript calls them: unwraps arguments, checks every bound, calls the engine.
// No static state: every environment (main thread or worker) that loads the addon has its own.
#include "core/affinity.h"
#include "io.h"
#include "srtp_seam.h"

#include <openssl/crypto.h>

namespace rostra {

namespace {

// The arguments of a method and the object it was called on.
template <size_t N>
struct Arguments {
  napi_value values[N > 0 ? N : 1] = {};
  napi_value self = nullptr;
  Io* io = nullptr;

  // False with an exception pending when called on something else or with too few arguments.
  bool read(napi_env env, napi_callback_info info) {
    size_t count = N;
    void* data = nullptr;
    bool got = napi_get_cb_info(env, info, &count, values, &self, nullptr) == napi_ok &&
               napi_unwrap(env, self, &data) == napi_ok;
    return accept(env, got ? data : nullptr, count);
  }
  // The same for a function that was made for one Io (`Io::open`): unwrapping looks a property up, which costs more
  // than the rest of a call that is made for each received packet.
  bool readOwn(napi_env env, napi_callback_info info) {
    size_t count = N;
    void* data = nullptr;
    bool got = napi_get_cb_info(env, info, &count, values, nullptr, &data) == napi_ok;
    return accept(env, got ? data : nullptr, count);
  }
  int64_t integer(napi_env env, size_t at) const { return rostra::integer(env, values[at]); }

 private:
  // Another addon's object unwraps too, and a function may outlive its Io: only a pointer that is known is believed.
  // (Type tags say the same, by a property lookup that costs more than all other checks of a call.)
  bool accept(napi_env env, void* data, size_t count) {
    void* live = nullptr;
    if (data == nullptr || napi_get_instance_data(env, &live) != napi_ok ||
        !static_cast<LiveIos*>(live)->contains(static_cast<Io*>(data))) {
      napi_throw_type_error(env, nullptr, "not an Io");
      return false;
    }
    if (count < N) {
      napi_throw_type_error(env, nullptr, "too few arguments");
      return false;
    }
    io = static_cast<Io*>(data);
    return true;
  }
};

napi_value outcome(napi_env env, Outcome outcome) {
  switch (outcome) {
    case Outcome::badId: return rangeError(env, "not a transport id");
    case Outcome::badRow: return rangeError(env, "not a row of the batch being delivered");
    case Outcome::badRange: return rangeError(env, "offset or length out of range");
    default: return boolean(env, outcome == Outcome::yes);
  }
}

// `TargetError` of io.ts: the number of the row tells whose it is.
napi_value targetError(napi_env env, int row, const char* what) {
  const std::string message = "target row " + std::to_string(row) + what;
  napi_value code = nullptr, text = nullptr, number = nullptr, error = nullptr;
  napi_create_string_utf8(env, "ERR_OUT_OF_RANGE", NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, message.c_str(), message.size(), &text);
  napi_create_int32(env, row, &number);
  napi_create_range_error(env, code, text, &error);
  napi_set_named_property(env, error, "row", number);
  napi_throw(env, error);
  return nullptr;
}

}  // namespace

napi_value Io::listenOn(napi_env env, napi_callback_info info, bool tcp) {
  Arguments<2> args;
  if (!args.read(env, info)) return nullptr;
  char host[128];
  size_t length = 0;
  int64_t port = args.integer(env, 1);
  if (napi_get_value_string_utf8(env, args.values[0], host, sizeof host, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "host must be a string");
    return nullptr;
  }
  if (port < 0 || port > 65535) return rangeError(env, "port must be 0 to 65535");
  if (args.io->closing_) {
    napi_throw_error(env, "ERR_CLOSED", "the io is closed");
    return nullptr;
  }
  int index = 0;
  uint16_t bound = 0;
  Engine& engine = args.io->engine_;
  int error = tcp ? engine.listenTcp(host, static_cast<uint16_t>(port), index, bound)
                  : engine.listen(host, static_cast<uint16_t>(port), index, bound);
  if (error == 0) error = args.io->addPoll(index);
  if (error != 0) {
    std::string message = std::string("cannot listen on ") + (tcp ? "TCP " : "UDP ") + host + " port " +
                          std::to_string(port) + ": " + uv_strerror(-error) + " (" + uv_err_name(-error) + ")";
    napi_throw_error(env, uv_err_name(-error), message.c_str());
    return nullptr;
  }
  napi_value result = nullptr, socketValue = nullptr, portValue = nullptr;
  napi_create_object(env, &result);
  napi_create_int32(env, index, &socketValue);
  napi_create_int32(env, bound, &portValue);
  napi_set_named_property(env, result, "socket", socketValue);
  napi_set_named_property(env, result, "port", portValue);
  return result;
}

napi_value Io::listen(napi_env env, napi_callback_info info) { return listenOn(env, info, false); }

napi_value Io::listenTcp(napi_env env, napi_callback_info info) { return listenOn(env, info, true); }

napi_value Io::bufferBytes(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  napi_value result = nullptr;
  napi_create_int32(env, args.io->engine_.bufferBytes(args.integer(env, 0)), &result);
  return result;
}

napi_value Io::allocate(napi_env env, napi_callback_info info) {
  Arguments<0> args;
  if (!args.read(env, info)) return nullptr;
  napi_value id = nullptr;
  napi_create_int32(env, args.io->engine_.allocate(), &id);
  return id;
}

napi_value Io::allow(napi_env env, napi_callback_info info) {
  Arguments<2> args;
  if (!args.read(env, info)) return nullptr;
  return outcome(env, args.io->engine_.allow(args.integer(env, 0), args.integer(env, 1)));
}

napi_value Io::select(napi_env env, napi_callback_info info) {
  Arguments<2> args;
  if (!args.read(env, info)) return nullptr;
  Outcome result = args.io->engine_.select(args.integer(env, 0), args.integer(env, 1), monotonicMs());
  args.io->watch();
  return outcome(env, result);
}

napi_value Io::start(napi_env env, napi_callback_info info) {
  Arguments<3> args;
  ByteArray digest;
  char role[8] = {};
  size_t length = 0;
  if (!args.read(env, info) || !byteArray(env, args.values[2], digest)) return nullptr;
  bool known = napi_get_value_string_utf8(env, args.values[1], role, sizeof role, &length) == napi_ok;
  bool client = known && std::string(role) == "client";
  if (!client && std::string(role) != "server") {
    napi_throw_type_error(env, nullptr, "role must be client or server");
    return nullptr;
  }
  Outcome result = args.io->engine_.start(args.integer(env, 0), client ? DtlsRole::client : DtlsRole::server,
                                          digest.data, digest.length, monotonicMs());
  args.io->watch();
  if (result == Outcome::badRange) return rangeError(env, "fingerprint must have 32, 48 or 64 bytes");
  return outcome(env, result);
}

napi_value Io::link(napi_env env, napi_callback_info info) {
  Arguments<3> args;
  ByteArray row, bytes;
  if (!args.read(env, info) || !byteArray(env, args.values[1], row) || !byteArray(env, args.values[2], bytes)) return nullptr;
  if (row.length < sizeof(Address)) return rangeError(env, "an address has 24 bytes");
  if (bytes.length != sizeof(LinkKeys)) return rangeError(env, "keys have 56 bytes");
  LinkKeys keys;
  std::memcpy(&keys, bytes.data, sizeof keys);
  Outcome result = args.io->engine_.link(args.integer(env, 0), row.data, keys);
  OPENSSL_cleanse(&keys, sizeof keys);
  if (result == Outcome::badRow) return rangeError(env, "not an address: family or socket");
  return outcome(env, result);
}

napi_value Io::free(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  Outcome result = args.io->engine_.free(args.integer(env, 0));
  return outcome(env, result) == nullptr ? nullptr : undefined(env);
}

napi_value Io::fanout(napi_env env, napi_callback_info info) {
  Arguments<5> args;
  ByteArray source;
  if (!args.readOwn(env, info) || !byteArray(env, args.values[0], source)) return nullptr;
  int64_t offset = args.integer(env, 1), length = args.integer(env, 2), header = args.integer(env, 3);
  int64_t count = args.integer(env, 4);
  if (!within(offset, length, source.length) || header < 0 || header > length) {
    return rangeError(env, "offset, length or headerLength out of range");
  }
  if (count < 0 || count > kMaxTargets) return rangeError(env, "count must be 0 to 4096");
  int queued = 0;
  Engine& engine = args.io->engine_;
  Outcome result = engine.fanout(source.data + offset + header, static_cast<size_t>(length - header),
                                 static_cast<int>(count), queued);
  if (result != Outcome::yes) {
    const char* what = result == Outcome::badId ? ": not a transport id" : ": value out of range";
    return targetError(env, engine.badTarget(), what);
  }
  napi_value value = nullptr;
  napi_create_int32(env, queued, &value);
  return value;
}

napi_value Io::rtcp(napi_env env, napi_callback_info info) {
  Arguments<3> args;
  if (!args.read(env, info)) return nullptr;
  int64_t offset = args.integer(env, 1), length = args.integer(env, 2);
  if (!within(offset, length, kScratchBytes)) return outcome(env, Outcome::badRange);
  return outcome(env, args.io->engine_.rtcp(args.integer(env, 0), static_cast<size_t>(offset),
                                            static_cast<size_t>(length)));
}

napi_value Io::reply(napi_env env, napi_callback_info info) {
  Arguments<3> args;
  if (!args.read(env, info)) return nullptr;
  int64_t offset = args.integer(env, 1), length = args.integer(env, 2);
  if (!within(offset, length, kScratchBytes)) return outcome(env, Outcome::badRange);
  Outcome result = args.io->engine_.reply(args.integer(env, 0), static_cast<size_t>(offset),
                                          static_cast<size_t>(length));
  return outcome(env, result) == nullptr ? nullptr : undefined(env);
}

napi_value Io::sendTo(napi_env env, napi_callback_info info) {
  Arguments<3> args;
  ByteArray row;
  if (!args.read(env, info) || !byteArray(env, args.values[0], row)) return nullptr;
  int64_t offset = args.integer(env, 1), length = args.integer(env, 2);
  if (!within(offset, length, kScratchBytes)) return outcome(env, Outcome::badRange);
  if (row.length < sizeof(Address)) return rangeError(env, "an address has 24 bytes");
  Outcome result = args.io->engine_.sendTo(row.data, static_cast<size_t>(offset), static_cast<size_t>(length));
  if (result == Outcome::badRow) return rangeError(env, "not an address: family or socket");
  return outcome(env, result) == nullptr ? nullptr : undefined(env);
}

napi_value Io::dtlsSend(napi_env env, napi_callback_info info) {
  Arguments<4> args;
  ByteArray bytes;
  if (!args.read(env, info) || !byteArray(env, args.values[1], bytes)) return nullptr;
  int64_t offset = args.integer(env, 2), length = args.integer(env, 3);
  if (!within(offset, length, bytes.length)) return outcome(env, Outcome::badRange);
  return outcome(env, args.io->engine_.dtlsSend(args.integer(env, 0), bytes.data + offset,
                                                static_cast<size_t>(length)));
}

napi_value Io::sctpSend(napi_env env, napi_callback_info info) {
  Arguments<4> args;
  ByteArray packet;
  if (!args.readOwn(env, info) || !byteArray(env, args.values[1], packet)) return nullptr;
  int64_t offset = args.integer(env, 2), length = args.integer(env, 3);
  if (!within(offset, length, packet.length)) return outcome(env, Outcome::badRange);
  return outcome(env, args.io->engine_.sctpSend(args.integer(env, 0), packet.data + offset,
                                                static_cast<size_t>(length)));
}

napi_value Io::flush(napi_env env, napi_callback_info info) {
  Arguments<0> args;
  if (!args.read(env, info)) return nullptr;
  args.io->engine_.flush();
  args.io->watch();
  return undefined(env);
}

napi_value Io::close(napi_env env, napi_callback_info info) {
  Arguments<0> args;
  if (!args.read(env, info)) return nullptr;
  Io& io = *args.io;
  napi_value promise = nullptr;
  if (io.closePromise_ == nullptr) {
    if (napi_create_promise(env, &io.closeDeferred_, &promise) != napi_ok) return nullptr;
    napi_create_reference(env, promise, 1, &io.closePromise_);
    io.beginClose();
  }
  napi_get_reference_value(env, io.closePromise_, &promise);
  return promise;
}

const napi_property_descriptor* Io::methods(size_t& count) {
  static const napi_property_descriptor table[] = {
#define METHOD(name) {#name, nullptr, Io::name, nullptr, nullptr, nullptr, napi_default_method, nullptr}
      METHOD(listen), METHOD(listenTcp), METHOD(bufferBytes), METHOD(allocate), METHOD(allow),
      METHOD(select), METHOD(start),     METHOD(link),        METHOD(free),     METHOD(rtcp),
      METHOD(reply),  METHOD(sendTo),    METHOD(dtlsSend),    METHOD(flush),    METHOD(close),
#undef METHOD
  };
  count = sizeof table / sizeof table[0];
  return table;
}

}  // namespace rostra

namespace {

// pinThread(index): the number of the CPU; throws when the system refuses.
napi_value pinThread(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value = nullptr;
  uint32_t index = 0;
  if (napi_get_cb_info(env, info, &count, &value, nullptr, nullptr) != napi_ok || count < 1 ||
      napi_get_value_uint32(env, value, &index) != napi_ok) {
    napi_throw_type_error(env, nullptr, "index must be a number");
    return nullptr;
  }
  int cpu = rostra::pinThread(index);
  if (cpu < 0) {
    napi_throw_error(env, uv_err_name(cpu), uv_strerror(cpu));
    return nullptr;
  }
  napi_value result = nullptr;
  napi_create_int32(env, cpu, &result);
  return result;
}

bool addPinThread(napi_env env, napi_value exports) {
  napi_value function = nullptr;
  return napi_create_function(env, "pinThread", NAPI_AUTO_LENGTH, pinThread, nullptr, &function) == napi_ok &&
         napi_set_named_property(env, exports, "pinThread", function) == napi_ok;
}

}  // namespace

NAPI_MODULE_INIT() {
  size_t count = 0;
  auto forget = [](napi_env, void* data, void*) { rostra::LiveIos::release(static_cast<rostra::LiveIos*>(data)); };
  auto* live = rostra::LiveIos::create();
  if (napi_set_instance_data(env, live, forget, nullptr) != napi_ok) {
    rostra::LiveIos::release(live);
    return nullptr;
  }
  const napi_property_descriptor* methods = rostra::Io::methods(count);
  napi_value constructor = nullptr;
  if (napi_define_class(env, "Io", NAPI_AUTO_LENGTH, rostra::Io::construct, nullptr, count, methods, &constructor) !=
          napi_ok ||
      napi_set_named_property(env, exports, "Io", constructor) != napi_ok || !rostra::addSrtpSeam(env, exports) ||
      !addPinThread(env, exports)) {
    return nullptr;
  }
  return exports;
}
