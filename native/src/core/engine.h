// The engine behind one io: sockets, transports, and the two directions of the packet path.
// Knows no Node and no event loop: whoever owns it says when a socket is readable and what time it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "address.h"
#include "dtls.h"
#include "packet.h"
#include "send_queue.h"
#include "slab.h"
#include "sockets.h"
#include "tcp.h"
#include "transport.h"

namespace rostra {

// Takes the rows of a batch. May call any method of the engine, `close` included.
class BatchSink {
 public:
  virtual void onBatch(int rows) = 0;

 protected:
  ~BatchSink() = default;
};

struct EngineOptions {
  int maxTransports = 4096;
  int64_t handshakeTimeoutMs = 15'000;
  std::vector<SrtpProfile> profiles{SrtpProfile::aeadAes128Gcm, SrtpProfile::aes128CmSha1_80};
  SendMany sendMany = nullptr;
  TcpLimits tcp;
};

// Keys of a transport of which both ends are ours, for AEAD_AES_128_GCM (RFC 7714 §12).
//
//  0           16          28           44           56
// +-----------+-----------+------------+------------+
// | local key | and salt  | remote key | and salt   |
// +-----------+-----------+------------+------------+
struct LinkKeys {
  uint8_t localKey[16], localSalt[12], remoteKey[16], remoteSalt[12];
};
static_assert(sizeof(LinkKeys) == 56);

// What a call came to. `badId`, `badRow`, `badRange` are mistakes of the caller; `stale` and `no` are not.
enum class Outcome { yes, no, stale, badId, badRow, badRange };

class Engine final : public DatagramOut, public TcpOwner {
 public:
  static constexpr int kMaxSockets = 255;

  // Takes a reference to the slab.
  Engine(Slab& slab, BatchSink& sink, const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Makes the certificate. Nothing else may be called when this gave false.
  bool init(std::string& error);
  const std::string& fingerprint() const { return dtlsContext_.fingerprint(); }
  bool closed() const { return closed_; }
  // Inside a batch callback.
  bool delivering() const { return deliveringRows_ >= 0; }

  // Add a socket. Return 0 and its index, or an errno (EMFILE when there are kMaxSockets). What comes over connections
  // to a TCP socket is framed as RFC 4571 says; each connection is an address.
  int listen(const char* host, uint16_t port, int& index, uint16_t& boundPort);
  int listenTcp(const char* host, uint16_t port, int& index, uint16_t& boundPort);
  // As `rostra::bufferBytes`; 0 when there is no such UDP socket.
  int bufferBytes(int64_t index) const;
  // Readable when there is something to `receive`.
  int socketFd(int index) const {
    const Socket& socket = sockets_[static_cast<size_t>(index)];
    return socket.tcp ? socket.tcp->fd() : socket.fd;
  }

  // Reads what has arrived on a socket, at most four batches, and delivers it.
  void receive(int socketIndex, int64_t nowMs);
  // Retransmits lost DTLS flights, ends handshakes that took too long and TCP connections that are of no use. To be
  // called about every 50 ms while `wantsSweep()`.
  void sweep(int64_t nowMs);
  bool handshaking() const { return !handshaking_.empty(); }
  bool wantsSweep() const;
  // Sends what is queued. A socket that then `blocked()` wants a call when it is writable.
  void flush();
  bool blocked(int socketIndex) const;

  int32_t allocate();
  Outcome allow(int64_t id, int64_t row);
  Outcome select(int64_t id, int64_t row, int64_t nowMs);
  // `digestLength` must be 32, 48 or 64, else badRange.
  Outcome start(int64_t id, DtlsRole role, const uint8_t* digest, size_t digestLength, int64_t nowMs);
  // Both ends are ours: `id` sends to the address in `row`, laid out like a row of `addrs`, and what comes from there is
  // its, under keys that both ends were given. No when it has begun anything else, or the address is another's.
  Outcome link(int64_t id, const uint8_t* row, const LinkKeys& keys);
  Outcome free(int64_t id);

  // Rows 0…count-1 of `targets`; `payload` begins behind the received packet's header. On badId or badRange,
  // `badTarget()` is the row, and the rows before it were queued.
  Outcome fanout(const uint8_t* payload, size_t length, int count, int& queued);
  int badTarget() const { return badTarget_; }
  // `offset` and `length` lie in scratch.
  Outcome rtcp(int64_t id, size_t offset, size_t length);
  Outcome reply(int64_t row, size_t offset, size_t length);
  // `row` is laid out like a row of `addrs`. badRow when it names no family or no socket of this engine.
  Outcome sendTo(const uint8_t* row, size_t offset, size_t length);
  Outcome dtlsSend(int64_t id, const uint8_t* bytes, size_t length);
  // The same for an SCTP packet, whose checksum is put into `packet`.
  Outcome sctpSend(int64_t id, uint8_t* packet, size_t length);

  // Says goodbye to connected peers, closes nothing of the sockets yet: the owner stops polling first and
  // then calls closeSockets.
  void close();
  void closeSockets();

  void dtlsDatagram(void* owner, const uint8_t* bytes, size_t length) override;
  void tcpClosed(const Address& address) override;

 private:
  struct Socket {
    int fd = -1;
    // In place of `fd`.
    std::unique_ptr<TcpServer> tcp;
    std::unique_ptr<SendQueue> queue;
    // Datagrams that the kernel had no room for, as it last told.
    uint32_t overflown = 0;
  };
  struct Received;

  void receiveTcp(TcpServer& tcp, int64_t nowMs);
  int readFrames(TcpServer& tcp, uint32_t id, int slots, int64_t nowMs);
  void readBatch(uint8_t socketIndex, int count, int64_t nowMs);
  void takeBatch(int count, int64_t nowMs);
  void sort(int slot, bool again, int64_t nowMs);
  void takeDtls(int slot, Transport& transport, int64_t nowMs);
  void takeRecords(int slot, int32_t id);
  void takeRtp(int slot, Transport& transport);
  void takeRtcp(int slot, Transport& transport);
  void onConnected(const Address& from, Transport& transport);
  void reportClosed(const Address& from, Transport& transport);

  // Writes a row; delivers first when all rows are taken. False when closed meanwhile.
  bool room();
  void row(Kind kind, size_t offset, size_t length, int32_t transport, int32_t extra, const Address& from);
  // The same for what was opened in its own slot, with the time of its arrival.
  void mediaRow(Kind kind, int slot, size_t length, const Transport& transport);
  void stampRows();
  void deliver();

  Outcome lookup(int64_t id, Transport*& transport);
  // False when the row names no family or no socket of this engine.
  bool addressOf(const uint8_t* row, Address& to) const;
  bool addAddress(Transport& transport, const Address& address);
  void forget(Transport& transport, const Address& address);
  void eraseAddress(const Address& address);
  void beginHandshake(Transport& transport, int64_t nowMs);
  void prefetch(int row, int count) const;
  bool sendRtp(const uint32_t* target, const uint8_t* payload, size_t length, Outcome& outcome);
  Outcome sendPlain(const Address& to, size_t offset, size_t length);
  bool enqueue(const Address& to, const uint8_t* bytes, size_t length);

  Slab& slab_;
  BatchSink& sink_;
  EngineOptions options_;
  uint64_t seed_ = 0;
  bool closed_ = false;
  SrtpAlgorithms algorithms_;
  DtlsContext dtlsContext_;
  TransportTable transports_;
  AddressMap addresses_;
  std::vector<Socket> sockets_;
  // Ids with a handshake under way; those that ended since the last sweep are still in it.
  std::vector<int32_t> handshaking_;

  std::unique_ptr<Received> received_;
  Address rowAddresses_[kMaxBatch];
  // As `Received::arrivedNs`.
  int64_t rowArrivedNs_[kMaxBatch] = {};
  int rows_ = 0;
  int deliveringRows_ = -1;
  int held_[kMaxBatch] = {};
  int heldCount_ = 0;
  bool sawStun_ = false;
  int badTarget_ = 0;
};

}  // namespace rostra
