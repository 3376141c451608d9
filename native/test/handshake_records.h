// Plain records of a DTLS handshake, taken apart and put together (RFC 6347 §4.1, §4.2.2).
//
//  0      1         3       5                     11       13
// +------+---------+-------+---------------------+--------+
// | type | version | epoch | sequence number     | length |   then, when the type is 22:
// +------+---------+--+----+------+--------------+-+------+---------+
// | message type | total length | message seq | fragment offset | fragment length |  1, 3, 2, 3 and 3 bytes
// +--------------+--------------+-------------+-----------------+-----------------+
#pragma once

#include "check.h"

namespace check {

constexpr uint8_t kAlertRecord = 21, kHandshakeRecord = 22;
constexpr uint8_t kClientHello = 1, kCertificate = 11;
constexpr size_t kRecordHeader = 13, kFragmentHeader = 12;

// `width` bytes, the highest first.
inline void append(Buffer& out, uint64_t value, int width) {
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}
inline uint64_t number(const Buffer& bytes, size_t at, int width) {
  uint64_t value = 0;
  for (int i = 0; i < width; i++) value = value << 8 | bytes.at(at + static_cast<size_t>(i));
  return value;
}

struct Record {
  uint8_t type;
  uint16_t epoch;
  uint64_t seq;
  Buffer body;
};

inline Buffer writeRecord(const Record& record) {
  Buffer out{record.type, 0xfe, 0xfd};
  append(out, record.epoch, 2);
  append(out, record.seq, 6);
  append(out, record.body.size(), 2);
  out.insert(out.end(), record.body.begin(), record.body.end());
  return out;
}

inline std::vector<Record> readRecords(const Buffer& datagram) {
  std::vector<Record> records;
  for (size_t at = 0; at + kRecordHeader <= datagram.size();) {
    auto begin = datagram.begin() + static_cast<long>(at + kRecordHeader);
    auto length = static_cast<long>(number(datagram, at + 11, 2));
    records.push_back({datagram[at], static_cast<uint16_t>(number(datagram, at + 3, 2)), number(datagram, at + 5, 6),
                       Buffer(begin, begin + length)});
    at += kRecordHeader + static_cast<size_t>(length);
  }
  return records;
}

// What may be a lie: `offset`, `length` and `total` are written as they are.
struct Fragment {
  uint8_t type;
  uint32_t total;
  uint16_t seq;
  uint32_t offset, length;
  Buffer bytes;
};

inline Buffer writeFragment(const Fragment& fragment) {
  Buffer out{fragment.type};
  append(out, fragment.total, 3);
  append(out, fragment.seq, 2);
  append(out, fragment.offset, 3);
  append(out, fragment.length, 3);
  out.insert(out.end(), fragment.bytes.begin(), fragment.bytes.end());
  return out;
}

inline Fragment readFragment(const Buffer& body) {
  return {body.at(0),
          static_cast<uint32_t>(number(body, 1, 3)),
          static_cast<uint16_t>(number(body, 4, 2)),
          static_cast<uint32_t>(number(body, 6, 3)),
          static_cast<uint32_t>(number(body, 9, 3)),
          Buffer(body.begin() + kFragmentHeader, body.end())};
}

inline bool isWholeMessage(const Record& record) {
  if (record.type != kHandshakeRecord || record.epoch != 0) return false;
  Fragment fragment = readFragment(record.body);
  return fragment.offset == 0 && fragment.length == fragment.total;
}

// The datagram with its Certificate message, if there is one, replaced by one of this certificate; `replaced` counts them.
inline Buffer withCertificate(const Buffer& datagram, const Buffer& der, int& replaced) {
  Buffer out;
  for (Record& record : readRecords(datagram)) {
    if (isWholeMessage(record) && record.body[0] == kCertificate) {
      Fragment fragment = readFragment(record.body);
      fragment.bytes.clear();
      append(fragment.bytes, der.size() + 3, 3);
      append(fragment.bytes, der.size(), 3);
      fragment.bytes.insert(fragment.bytes.end(), der.begin(), der.end());
      fragment.total = fragment.length = static_cast<uint32_t>(fragment.bytes.size());
      record.body = writeFragment(fragment);
      replaced++;
    }
    Buffer bytes = writeRecord(record);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

}  // namespace check
