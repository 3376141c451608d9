// The memory that JavaScript and the engine share, and its layout (src/media/io/io.ts says the same).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rostra {

constexpr int kMaxBatch = 128;
constexpr int kMaxTargets = 4096;
constexpr size_t kScratchBytes = 256 * 1024;
constexpr size_t kMaxDatagram = 1500;
constexpr size_t kMaxDtlsPayload = 1280;

// A slot takes one byte more than the largest datagram, so that a larger one is noticed.
constexpr size_t kSlotBytes = 1536;
// First the received datagrams, then decrypted DTLS records: one slot per row.
constexpr size_t kRxBytes = 2 * kMaxBatch * kSlotBytes;

namespace meta {
enum Column { offset, length, kind, transport, extra, socket, waitedUs, stride = 8 };
}
namespace target {
enum Column {
  transport, ssrc, markerPt, extSeq, timestamp, extOffset, extLength, prefixOffset, prefixLength, skip,
  stride = 12
};
}

enum class Kind : int32_t { stun, rtp, rtcp, data, connected, closed };
enum class CloseReason : int32_t { alert = 1, fingerprint, handshake, timeout };

enum class Counter : int {
  rxPackets, rxBytes, rxOverflow, txPackets, txBytes,
  dropOversize, dropShort, dropUnknownClass, dropUnknownAddress, dropDtlsNotStarted, dropDtlsError,
  dropNotConnected,
  dropSrtpAuth, dropSrtpReplay, dropSrtpMalformed, dropSrtpSsrcLimit,
  dropSrtcpAuth, dropSrtcpReplay, dropSrtcpMalformed,
  sendNotConnected, sendOversize, sendQueueFull, sendError, sendAgain,
  tcpOpened, tcpClosed, tcpRefused, tcpExpired, tcpStalled, tcpMalformed, sendTcpFull,
  staleId,
  count
};

// Counted references: one for the engine, one for each ArrayBuffer over it. JavaScript may detach or
// outlive a buffer; the bytes stay until the last reference goes.
class Slab {
 public:
  static Slab* create() { return new Slab(); }
  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  void add(Counter counter, double amount = 1) { counters[static_cast<int>(counter)] += amount; }

  alignas(64) uint8_t rx[kRxBytes] = {};
  alignas(64) int32_t meta[kMaxBatch * meta::stride] = {};
  alignas(64) uint8_t addrs[kMaxBatch * 24] = {};
  alignas(64) uint32_t targets[kMaxTargets * target::stride] = {};
  alignas(64) uint8_t scratch[kScratchBytes] = {};
  alignas(64) double counters[static_cast<int>(Counter::count)] = {};

 private:
  Slab() = default;
  ~Slab() = default;
  std::atomic<int> references_{1};
};

}  // namespace rostra
