// One `Io` object of JavaScript: an engine, the libuv handles that drive it, and what ends them.
#pragma once

#include "arguments.h"

#include <uv.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "core/engine.h"

namespace rostra {

class Io;

// The Ios of one environment. Each Io and the environment hold it: finalizers run in any order.
class LiveIos final {
 public:
  static LiveIos* create() { return new LiveIos(); }
  static void release(LiveIos* live) {
    if (--live->holders_ == 0) delete live;
  }
  bool contains(const Io* io) const { return std::find(ios_.begin(), ios_.end(), io) != ios_.end(); }
  void add(Io* io) {
    ios_.push_back(io);
    holders_++;
  }
  void remove(Io* io) {
    ios_.erase(std::find(ios_.begin(), ios_.end(), io));
    release(this);
  }

 private:
  std::vector<Io*> ios_;
  int holders_ = 1;
};

inline int64_t monotonicMs() { return static_cast<int64_t>(uv_hrtime() / 1'000'000); }

// Lives until both its handles are closed and JavaScript has let go of it.
class Io final : public BatchSink {
 public:
  Io(napi_env env, LiveIos& live, const EngineOptions& options)
      : env_(env), live_(live), slab_(Slab::create()), engine_(*slab_, *this, options) {
    live_.add(this);
  }
  ~Io() {
    live_.remove(this);
    slab_->release();
  }
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

  static napi_value listenOn(napi_env env, napi_callback_info info, bool tcp);
  static napi_value listen(napi_env env, napi_callback_info info);
  static napi_value listenTcp(napi_env env, napi_callback_info info);
  static napi_value bufferBytes(napi_env env, napi_callback_info info);
  static napi_value allocate(napi_env env, napi_callback_info info);
  static napi_value allow(napi_env env, napi_callback_info info);
  static napi_value select(napi_env env, napi_callback_info info);
  static napi_value start(napi_env env, napi_callback_info info);
  static napi_value link(napi_env env, napi_callback_info info);
  static napi_value free(napi_env env, napi_callback_info info);
  static napi_value fanout(napi_env env, napi_callback_info info);
  static napi_value rtcp(napi_env env, napi_callback_info info);
  static napi_value reply(napi_env env, napi_callback_info info);
  static napi_value sendTo(napi_env env, napi_callback_info info);
  static napi_value dtlsSend(napi_env env, napi_callback_info info);
  static napi_value sctpSend(napi_env env, napi_callback_info info);
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
  bool addOwn(napi_value self, const char* name, napi_callback method);
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
  LiveIos& live_;
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

}  // namespace rostra
