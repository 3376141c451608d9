// The life of an Io: construction, the event loop, closing.
#include "io.h"

namespace rostra {

namespace {
constexpr uint64_t kSweepMs = 50;
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
    if (profile == 0) continue;
    if (profile != 1 && profile != 7) return rangeError(env, "srtpProfiles may hold 1 and 7");
    options.profiles.push_back(static_cast<SrtpProfile>(profile));
  }
  void* live = nullptr;
  if (napi_get_instance_data(env, &live) != napi_ok || live == nullptr) return nullptr;
  auto io = std::make_unique<Io>(env, *static_cast<LiveIos*>(live), options);
  std::string error;
  if (!io->engine_.init(error)) {
    napi_throw_error(env, "ERR_DTLS", error.c_str());
    return nullptr;
  }
  if (napi_wrap(env, self, io.get(), onFinalize, nullptr, nullptr) != napi_ok) return nullptr;
  Io* wrapped = io.release();
  return wrapped->open(self, args[4]) ? self : nullptr;
}

// What is called for each packet: made for this Io, see `Arguments::readOwn`.
bool Io::addOwn(napi_value self, const char* name, napi_callback method) {
  napi_value function = nullptr;
  return napi_create_function(env_, name, NAPI_AUTO_LENGTH, method, this, &function) == napi_ok &&
         napi_set_named_property(env_, self, name, function) == napi_ok;
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
  if (!addOwn(self, "fanout", fanout) || !addOwn(self, "sctpSend", sctpSend)) return false;
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

// Asks libuv for what the engine waits for: writability while a queue is blocked, time while a handshake runs or a
// TCP connection lives.
void Io::watch() {
  if (closing_) return;
  for (auto& poll : polls_) {
    int events = UV_READABLE | (engine_.blocked(poll->index) ? UV_WRITABLE : 0);
    if (events == poll->events) continue;
    poll->events = events;
    uv_poll_start(&poll->handle, events, onReadable);
  }
  bool ticking = uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_)) != 0;
  if (engine_.wantsSweep() == ticking) return;
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
  napi_value self = nullptr, callback = nullptr, arguments[2] = {}, result = nullptr;
  napi_get_reference_value(env_, self_, &self);
  napi_get_reference_value(env_, callback_, &callback);
  napi_create_int32(env_, rows, &arguments[0]);
  napi_create_double(env_, static_cast<double>(uv_hrtime()) / 1e6, &arguments[1]);
  if (self == nullptr || callback == nullptr) {
    napi_close_handle_scope(env_, scope);
    return;
  }
  bool settles = true;
  if (napi_call_function(env_, self, callback, 2, arguments, &result) != napi_ok) {
    bool pending = false;
    napi_value error = nullptr;
    if (napi_is_exception_pending(env_, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(env_, &error) == napi_ok) {
      napi_fatal_exception(env_, error);
    }
  } else if (napi_get_value_bool(env_, result, &settles) != napi_ok) {
    settles = true;
  }
  // Ending a callback scope runs process.nextTick and promises. It costs more than the call itself, and nearly every batch of a
  // forwarding server has none of them.
  napi_callback_scope ending = nullptr;
  if (settles && napi_open_callback_scope(env_, self, async_, &ending) == napi_ok) {
    napi_close_callback_scope(env_, ending);
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

}  // namespace rostra
