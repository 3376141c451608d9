// The Node-API and libuv side of an io: unwraps arguments, checks every bound, calls the engine.
// No static state: every environment (main thread or worker) that loads the addon has its own.
#include <uv.h>

#include <memory>
#include <vector>

#include "arguments.h"
#include "core/engine.h"
#include "srtp_seam.h"

namespace rostra {

namespace {

constexpr uint64_t kSweepMs = 50;
constexpr napi_type_tag kIoTag = {0x6f1f0f4c2f1b4d11ULL, 0x9c55a3d0726f7374ULL};

int64_t monotonicMs() { return static_cast<int64_t>(uv_hrtime() / 1'000'000); }

// One `Io` object of JavaScript. Lives until both its handles are closed and JavaScript has let go of it.
class Io final : public BatchSink {
 public:
  Io(napi_env env, const EngineOptions& options) : env_(env), slab_(Slab::create()), engine_(*slab_, *this, options) {}
  ~Io() { slab_->release(); }
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;

  static napi_value construct(napi_env env, napi_callback_info info);
  static const napi_property_descriptor* methods(size_t& count);
  void onBatch(int rows) override;

 private:
  struct Poll {
    uv_poll_t handle;
    Io* io;
    int index;
    int events;
  };

  static napi_value listen(napi_env env, napi_callback_info info);
  static napi_value allocate(napi_env env, napi_callback_info info);
  static napi_value allow(napi_env env, napi_callback_info info);
  static napi_value select(napi_env env, napi_callback_info info);
  static napi_value start(napi_env env, napi_callback_info info);
  static napi_value free(napi_env env, napi_callback_info info);
  static napi_value fanout(napi_env env, napi_callback_info info);
  static napi_value rtcp(napi_env env, napi_callback_info info);
  static napi_value reply(napi_env env, napi_callback_info info);
  static napi_value sendTo(napi_env env, napi_callback_info info);
  static napi_value dtlsSend(napi_env env, napi_callback_info info);
  static napi_value flush(napi_env env, napi_callback_info info);
  static napi_value close(napi_env env, napi_callback_info info);

  static void onReadable(uv_poll_t* handle, int status, int events);
  static void onPrepare(uv_prepare_t* handle);
  static void onTimer(uv_timer_t* handle);
  static void onHandleClosed(uv_handle_t* handle);
  static void onEnvironmentEnd(napi_async_cleanup_hook_handle hook, void* data);
  static void onFinalize(napi_env env, void* data, void* hint);

  bool open(napi_value self, napi_value callback);
  bool addArrays(napi_value self);
  bool addArray(napi_value self, const char* name, napi_typedarray_type type, void* data, size_t bytes, size_t count);
  int addPoll(int index);
  void watch();
  void beginClose();
  void track(uv_handle_t* handle) {
    handle->data = this;
    openHandles_++;
  }
  void handlesClosed();

  napi_env env_;
  Slab* slab_;
  Engine engine_;
  napi_ref self_ = nullptr, callback_ = nullptr, closePromise_ = nullptr;
  napi_deferred closeDeferred_ = nullptr;
  napi_async_context async_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_loop_t* loop_ = nullptr;
  uv_prepare_t prepare_;
  uv_timer_t timer_;
  std::vector<std::unique_ptr<Poll>> polls_;
  int openHandles_ = 0;
  bool opened_ = false, closing_ = false, handlesGone_ = false, finalized_ = false, environmentEnding_ = false;
};

// The arguments of a method and the object it was called on.
template <size_t N>
struct Arguments {
  napi_value values[N > 0 ? N : 1] = {};
  napi_value self = nullptr;
  Io* io = nullptr;

  // False with an exception pending when called on something else or with too few arguments.
  bool read(napi_env env, napi_callback_info info) {
    size_t count = N;
    bool tagged = false;
    void* data = nullptr;
    if (napi_get_cb_info(env, info, &count, values, &self, nullptr) != napi_ok ||
        napi_check_object_type_tag(env, self, &kIoTag, &tagged) != napi_ok || !tagged ||
        napi_unwrap(env, self, &data) != napi_ok) {
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
  int64_t integer(napi_env env, size_t at) const { return rostra::integer(env, values[at]); }
};

napi_value outcome(napi_env env, Outcome outcome) {
  switch (outcome) {
    case Outcome::badId: return rangeError(env, "not a transport id");
    case Outcome::badRow: return rangeError(env, "not a row of the batch being delivered");
    case Outcome::badRange: return rangeError(env, "offset or length out of range");
    default: return boolean(env, outcome == Outcome::yes);
  }
}

// --- methods -----------------------------------------------------------------------------------------

napi_value Io::listen(napi_env env, napi_callback_info info) {
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
  int error = args.io->engine_.listen(host, static_cast<uint16_t>(port), index, bound);
  if (error == 0) error = args.io->addPoll(index);
  if (error != 0) {
    std::string message = std::string("cannot listen on UDP ") + host + " port " + std::to_string(port) + ": " +
                          uv_strerror(-error) + " (" + uv_err_name(-error) + ")";
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

napi_value Io::free(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  Outcome result = args.io->engine_.free(args.integer(env, 0));
  return outcome(env, result) == nullptr ? nullptr : undefined(env);
}

napi_value Io::fanout(napi_env env, napi_callback_info info) {
  Arguments<5> args;
  ByteArray source;
  if (!args.read(env, info) || !byteArray(env, args.values[0], source)) return nullptr;
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
    return rangeError(env, "target row " + std::to_string(engine.badTarget()) + what);
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

// --- construction ------------------------------------------------------------------------------------

// new Io(maxTransports, handshakeTimeoutMs, firstProfile, secondProfile or 0, onBatch); binding.ts is the
// only caller and has the defaults.
napi_value Io::construct(napi_env env, napi_callback_info info) {
  size_t count = 5;
  napi_value args[5], self = nullptr, target = nullptr;
  if (napi_get_cb_info(env, info, &count, args, &self, nullptr) != napi_ok) return nullptr;
  napi_get_new_target(env, info, &target);
  napi_valuetype type = napi_undefined;
  if (count == 5) napi_typeof(env, args[4], &type);
  if (target == nullptr || type != napi_function) {
    napi_throw_type_error(env, nullptr, "new Io(maxTransports, handshakeTimeoutMs, profile, profile, onBatch)");
    return nullptr;
  }
  int64_t transports = integer(env, args[0]), timeout = integer(env, args[1]);
  if (transports < 1 || transports > 65536) return rangeError(env, "maxTransports must be 1 to 65536");
  if (timeout < 1 || timeout > 3'600'000) return rangeError(env, "handshakeTimeoutMs must be 1 to 3600000");
  EngineOptions options;
  options.maxTransports = static_cast<int>(transports);
  options.handshakeTimeoutMs = timeout;
  options.profiles.clear();
  for (int i = 2; i < 4; i++) {
    int64_t profile = integer(env, args[i]);
    if (profile == 0 && i == 3) continue;
    if (profile != 1 && profile != 7) return rangeError(env, "srtpProfiles may hold 1 and 7");
    options.profiles.push_back(static_cast<SrtpProfile>(profile));
  }
  auto io = std::make_unique<Io>(env, options);
  std::string error;
  if (!io->engine_.init(error)) {
    napi_throw_error(env, "ERR_DTLS", error.c_str());
    return nullptr;
  }
  if (napi_wrap(env, self, io.get(), onFinalize, nullptr, nullptr) != napi_ok) return nullptr;
  Io* wrapped = io.release();
  napi_type_tag_object(env, self, &kIoTag);
  return wrapped->open(self, args[4]) ? self : nullptr;
}

bool Io::open(napi_value self, napi_value callback) {
  napi_value name = nullptr, fingerprint = nullptr;
  const std::string& text = engine_.fingerprint();
  if (!addArrays(self)) {
    bool pending = false;
    napi_is_exception_pending(env_, &pending);
    if (!pending) napi_throw_error(env_, nullptr, "this Node.js does not allow external array buffers");
    handlesGone_ = true;
    closing_ = true;
    return false;
  }
  napi_create_string_utf8(env_, text.c_str(), text.size(), &fingerprint);
  napi_set_named_property(env_, self, "fingerprint", fingerprint);
  napi_get_uv_event_loop(env_, &loop_);
  napi_create_reference(env_, self, 1, &self_);
  napi_create_reference(env_, callback, 1, &callback_);
  napi_create_string_utf8(env_, "rostra.Io", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env_, self, name, &async_);
  napi_add_async_cleanup_hook(env_, onEnvironmentEnd, this, &hook_);

  uv_prepare_init(loop_, &prepare_);
  track(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_prepare_start(&prepare_, onPrepare);
  uv_timer_init(loop_, &timer_);
  track(reinterpret_cast<uv_handle_t*>(&timer_));
  // Only sockets keep the process running.
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&timer_));
  opened_ = true;
  return true;
}

bool Io::addArrays(napi_value self) {
  constexpr size_t counters = static_cast<size_t>(Counter::count);
  Slab& s = *slab_;
  return addArray(self, "rx", napi_uint8_array, s.rx, sizeof s.rx, sizeof s.rx) &&
         addArray(self, "meta", napi_int32_array, s.meta, sizeof s.meta, sizeof s.meta / 4) &&
         addArray(self, "addrs", napi_uint8_array, s.addrs, sizeof s.addrs, sizeof s.addrs) &&
         addArray(self, "targets", napi_uint32_array, s.targets, sizeof s.targets, sizeof s.targets / 4) &&
         addArray(self, "scratch", napi_uint8_array, s.scratch, sizeof s.scratch, sizeof s.scratch) &&
         addArray(self, "counters", napi_float64_array, s.counters, sizeof s.counters, counters);
}

bool Io::addArray(napi_value self, const char* name, napi_typedarray_type type, void* data, size_t bytes,
                  size_t count) {
  napi_value buffer = nullptr, array = nullptr;
  auto release = [](napi_env, void*, void* hint) { static_cast<Slab*>(hint)->release(); };
  slab_->retain();
  if (napi_create_external_arraybuffer(env_, data, bytes, release, slab_, &buffer) != napi_ok) {
    slab_->release();
    return false;
  }
  return napi_create_typedarray(env_, type, count, buffer, 0, &array) == napi_ok &&
         napi_set_named_property(env_, self, name, array) == napi_ok;
}

// --- event loop --------------------------------------------------------------------------------------

int Io::addPoll(int index) {
  auto poll = std::make_unique<Poll>();
  poll->io = this;
  poll->index = index;
  poll->events = UV_READABLE;
  int error = uv_poll_init(loop_, &poll->handle, engine_.socketFd(index));
  if (error != 0) return -error;
  track(reinterpret_cast<uv_handle_t*>(&poll->handle));
  poll->handle.data = poll.get();
  error = uv_poll_start(&poll->handle, UV_READABLE, onReadable);
  polls_.push_back(std::move(poll));
  return -error;
}

void Io::onReadable(uv_poll_t* handle, int status, int events) {
  auto* poll = static_cast<Poll*>(handle->data);
  Io& io = *poll->io;
  // libuv stops a handle that had an error; reading takes the error off the socket.
  if (status < 0) poll->events = 0;
  if ((events & UV_WRITABLE) != 0) io.engine_.flush();
  if (status < 0 || (events & UV_READABLE) != 0) io.engine_.receive(poll->index, monotonicMs());
  io.watch();
}

void Io::onPrepare(uv_prepare_t* handle) {
  Io& io = *static_cast<Io*>(handle->data);
  io.engine_.flush();
  io.watch();
}

void Io::onTimer(uv_timer_t* handle) {
  Io& io = *static_cast<Io*>(handle->data);
  io.engine_.sweep(monotonicMs());
  io.watch();
}

// Asks libuv for what the engine waits for: writability while a queue is blocked, time while a handshake runs.
void Io::watch() {
  if (closing_) return;
  for (auto& poll : polls_) {
    int events = UV_READABLE | (engine_.blocked(poll->index) ? UV_WRITABLE : 0);
    if (events == poll->events) continue;
    poll->events = events;
    uv_poll_start(&poll->handle, events, onReadable);
  }
  bool ticking = uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_)) != 0;
  if (engine_.handshaking() == ticking) return;
  if (ticking) {
    uv_timer_stop(&timer_);
  } else {
    uv_timer_start(&timer_, onTimer, kSweepMs, kSweepMs);
  }
}

void Io::onBatch(int rows) {
  if (environmentEnding_ || callback_ == nullptr) return;
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return;
  napi_value self = nullptr, callback = nullptr, count = nullptr, result = nullptr;
  napi_get_reference_value(env_, self_, &self);
  napi_get_reference_value(env_, callback_, &callback);
  napi_create_int32(env_, rows, &count);
  if (self != nullptr && callback != nullptr &&
      napi_make_callback(env_, async_, self, callback, 1, &count, &result) != napi_ok) {
    bool pending = false;
    napi_value error = nullptr;
    if (napi_is_exception_pending(env_, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(env_, &error) == napi_ok) {
      napi_fatal_exception(env_, error);
    }
  }
  napi_close_handle_scope(env_, scope);
}

// --- closing -----------------------------------------------------------------------------------------

void Io::beginClose() {
  if (closing_) return;
  closing_ = true;
  engine_.close();
  for (auto& poll : polls_) {
    uv_poll_stop(&poll->handle);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll->handle), onHandleClosed);
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), onHandleClosed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), onHandleClosed);
}

void Io::onHandleClosed(uv_handle_t* handle) {
  Io* io = handle->type == UV_POLL ? static_cast<Poll*>(handle->data)->io : static_cast<Io*>(handle->data);
  if (--io->openHandles_ == 0) io->handlesClosed();
}

void Io::handlesClosed() {
  engine_.closeSockets();
  polls_.clear();
  handlesGone_ = true;
  napi_async_cleanup_hook_handle hook = hook_;
  hook_ = nullptr;
  bool finalized = finalized_;
  if (!environmentEnding_) {
    napi_handle_scope scope = nullptr;
    napi_open_handle_scope(env_, &scope);
    napi_value self = nullptr, value = nullptr;
    napi_callback_scope callbackScope = nullptr;
    napi_get_reference_value(env_, self_, &self);
    // In a callback scope, so that what awaits the promise runs now.
    napi_open_callback_scope(env_, self, async_, &callbackScope);
    napi_get_undefined(env_, &value);
    if (closeDeferred_ != nullptr) napi_resolve_deferred(env_, closeDeferred_, value);
    napi_delete_reference(env_, callback_);
    napi_delete_reference(env_, self_);
    callback_ = nullptr;
    self_ = nullptr;
    napi_async_context async = async_;
    async_ = nullptr;
    napi_close_callback_scope(env_, callbackScope);
    napi_async_destroy(env_, async);
    napi_close_handle_scope(env_, scope);
  }
  // From here on `this` may be gone: ending the hook lets the environment run its finalizers.
  if (finalized) delete this;
  if (hook != nullptr) napi_remove_async_cleanup_hook(hook);
}

void Io::onEnvironmentEnd(napi_async_cleanup_hook_handle, void* data) {
  Io* io = static_cast<Io*>(data);
  io->environmentEnding_ = true;
  // Already closing: its last close callback ends the hook.
  io->beginClose();
}

void Io::onFinalize(napi_env, void* data, void*) {
  Io* io = static_cast<Io*>(data);
  io->finalized_ = true;
  if (io->handlesGone_ || !io->opened_) delete io;
}

const napi_property_descriptor* Io::methods(size_t& count) {
  static const napi_property_descriptor table[] = {
#define METHOD(name) {#name, nullptr, Io::name, nullptr, nullptr, nullptr, napi_default_method, nullptr}
      METHOD(listen), METHOD(allocate), METHOD(allow),  METHOD(select),   METHOD(start), METHOD(free),  METHOD(fanout),
      METHOD(rtcp),   METHOD(reply),    METHOD(sendTo), METHOD(dtlsSend), METHOD(flush), METHOD(close),
#undef METHOD
  };
  count = sizeof table / sizeof table[0];
  return table;
}

}  // namespace
}  // namespace rostra

NAPI_MODULE_INIT() {
  size_t count = 0;
  const napi_property_descriptor* methods = rostra::Io::methods(count);
  napi_value constructor = nullptr;
  if (napi_define_class(env, "Io", NAPI_AUTO_LENGTH, rostra::Io::construct, nullptr, count, methods, &constructor) !=
          napi_ok ||
      napi_set_named_property(env, exports, "Io", constructor) != napi_ok || !rostra::addSrtpSeam(env, exports)) {
    return nullptr;
  }
  return exports;
}
