/*
 * The least a forwarding server can do: receive a packet, and for each target write a 12-byte header, seal
 * the payload with AES-128-GCM, and send it. No demultiplexing, no decryption, no decisions. rostra's CPU
 * per forwarded packet is measured as a multiple of this program's.
 *
 *   floor PORT TARGETS FIRST_PORT
 *
 * Receives on 127.0.0.1:PORT and sends to 127.0.0.1, ports FIRST_PORT … FIRST_PORT+TARGETS-1. A received
 * packet is 12 bytes of header and the payload; a sent one is header, sealed payload, 16 bytes of tag. The
 * same batch shapes as rostra's io: 128 datagrams a read, up to 2,048 sent after each read, and those of one
 * target as one message (UDP_SEGMENT). Ends on SIGTERM or SIGINT and prints
 * {"packetsIn":…,"packetsOut":…,"failed":…}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
  RECEIVE_BATCH = 128,
  SEND_BATCH = 2048,
  MAX_MESSAGES = 1024, /* UIO_MAXIOV */
  SLOT_BYTES = 1536,
  HEADER_BYTES = 12,
  TAG_BYTES = 16,
  MAX_DATAGRAM = 1500,
  MAX_SEGMENTS = 60,
  MAX_SEGMENTED_BYTES = 65000,
  SOCKET_BUFFER = 4 * 1024 * 1024,
};

struct target {
  EVP_CIPHER_CTX *cipher;
  uint8_t salt[12];
  uint32_t ssrc, ext_seq;
  struct sockaddr_in address;
  int first, last; /* of its queued packets; none when first is negative */
};

static volatile sig_atomic_t ending;
static uint8_t rx[RECEIVE_BATCH][SLOT_BYTES], tx[SEND_BATCH][SLOT_BYTES];
static struct mmsghdr rx_messages[RECEIVE_BATCH], tx_messages[SEND_BATCH];
static struct iovec rx_vectors[RECEIVE_BATCH], tx_vectors[SEND_BATCH];
static int tx_length[SEND_BATCH], tx_next[SEND_BATCH]; /* the next one of the same target, or negative */
static union {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(uint16_t))];
} tx_control[SEND_BATCH];
static struct target *targets;
static int target_count, queued, descriptor;
static unsigned long long packets_in, packets_out, failed;

static void end(int number) {
  (void)number;
  ending = 1;
}

static void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void write32(uint8_t *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

static void announce_segments(int message, int segment_bytes) {
  struct msghdr *header = &tx_messages[message].msg_hdr;
  struct cmsghdr *control = &tx_control[message].header;
  uint16_t size = (uint16_t)segment_bytes;
  header->msg_control = control;
  header->msg_controllen = sizeof tx_control[0];
  control->cmsg_level = IPPROTO_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof size);
  memcpy(CMSG_DATA(control), &size, sizeof size);
}

/* Messages of the queued packets, in the order of their targets: only the last segment of one may be shorter. Returns how many. */
static int build_messages(void) {
  int messages = 0, vectors = 0;
  for (int t = 0; t < target_count; t++) {
    struct msghdr *open = NULL;
    int segment_bytes = 0, bytes = 0;
    for (int i = targets[t].first; i >= 0; i = tx_next[i]) {
      tx_vectors[vectors].iov_base = tx[i];
      tx_vectors[vectors].iov_len = (size_t)tx_length[i];
      if (open && tx_length[i] <= segment_bytes && open->msg_iovlen < MAX_SEGMENTS &&
          bytes + tx_length[i] <= MAX_SEGMENTED_BYTES) {
        open->msg_iovlen++;
        bytes += tx_length[i];
        announce_segments(messages - 1, segment_bytes);
        if (tx_length[i] < segment_bytes) open = NULL;
      } else {
        open = &tx_messages[messages++].msg_hdr;
        memset(open, 0, sizeof *open);
        open->msg_name = &targets[t].address;
        open->msg_namelen = sizeof(struct sockaddr_in);
        open->msg_iov = &tx_vectors[vectors];
        open->msg_iovlen = 1;
        segment_bytes = bytes = tx_length[i];
      }
      vectors++;
    }
    targets[t].first = -1;
  }
  return messages;
}

static void flush(void) {
  int messages = build_messages();
  for (int at = 0; at < messages;) {
    int left = messages - at;
    int sent = sendmmsg(descriptor, &tx_messages[at], (unsigned)(left < MAX_MESSAGES ? left : MAX_MESSAGES), 0);
    if (sent < 0 && errno == EINTR) continue;
    int until = sent > 0 ? at + sent : at + 1;
    for (int i = at; i < until; i++) {
      *(sent > 0 ? &packets_out : &failed) += tx_messages[i].msg_hdr.msg_iovlen;
    }
    at = until;
  }
  queued = 0;
}

static void forward(const uint8_t *payload, int length, int number) {
  struct target *target = &targets[number];
  uint8_t *out = tx[queued], iv[12];
  int written = 0;
  out[0] = 0x80;
  out[1] = 96;
  out[2] = (uint8_t)(target->ext_seq >> 8);
  out[3] = (uint8_t)target->ext_seq;
  write32(out + 4, target->ext_seq * 90);
  write32(out + 8, target->ssrc);
  /* RFC 7714 §8.1 */
  memcpy(iv, target->salt, sizeof iv);
  for (int i = 0; i < 4; i++) iv[2 + i] ^= (uint8_t)(target->ssrc >> (24 - 8 * i));
  for (int i = 0; i < 4; i++) iv[8 + i] ^= (uint8_t)(target->ext_seq >> (24 - 8 * i));
  uint8_t *body = out + HEADER_BYTES;
  if (EVP_EncryptInit_ex(target->cipher, NULL, NULL, NULL, iv) != 1 ||
      EVP_EncryptUpdate(target->cipher, NULL, &written, out, HEADER_BYTES) != 1 ||
      EVP_EncryptUpdate(target->cipher, body, &written, payload, length) != 1 ||
      EVP_EncryptFinal_ex(target->cipher, body + length, &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(target->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + length) != 1) {
    failed++;
    return;
  }
  target->ext_seq++;
  tx_length[queued] = HEADER_BYTES + length + TAG_BYTES;
  tx_next[queued] = -1;
  if (target->first < 0) target->first = queued;
  else tx_next[target->last] = queued;
  target->last = queued;
  if (++queued == SEND_BATCH) flush();
}

static void open_socket(int port) {
  int size = SOCKET_BUFFER;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) die("socket");
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) die("bind");
}

static void open_targets(int first_port) {
  targets = calloc((size_t)target_count, sizeof *targets);
  if (!targets) die("targets");
  for (int i = 0; i < target_count; i++) {
    uint8_t key[16];
    struct target *target = &targets[i];
    if (RAND_bytes(key, sizeof key) != 1 || RAND_bytes(target->salt, sizeof target->salt) != 1) die("random");
    target->cipher = EVP_CIPHER_CTX_new();
    if (!target->cipher || EVP_EncryptInit_ex(target->cipher, EVP_aes_128_gcm(), NULL, key, NULL) != 1) die("cipher");
    target->ssrc = 0x10000u + (uint32_t)i;
    target->first = -1;
    target->address.sin_family = AF_INET;
    target->address.sin_port = htons((uint16_t)(first_port + i));
    target->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
}

static void run(void) {
  for (int i = 0; i < RECEIVE_BATCH; i++) {
    rx_vectors[i].iov_base = rx[i];
    rx_vectors[i].iov_len = MAX_DATAGRAM;
    rx_messages[i].msg_hdr.msg_iov = &rx_vectors[i];
    rx_messages[i].msg_hdr.msg_iovlen = 1;
  }
  /* A signal between the check and the wait would be missed, so it may only come while ppoll waits. */
  sigset_t ends, none;
  sigemptyset(&none);
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  struct pollfd readable = {.fd = descriptor, .events = POLLIN};
  while (!ending) {
    if (ppoll(&readable, 1, NULL, &none) <= 0) continue;
    int count = recvmmsg(descriptor, rx_messages, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
      int length = (int)rx_messages[i].msg_len - HEADER_BYTES;
      packets_in++;
      if (length < 0 || length > MAX_DATAGRAM - HEADER_BYTES - TAG_BYTES) continue;
      for (int t = 0; t < target_count; t++) forward(rx[i] + HEADER_BYTES, length, t);
    }
    if (queued > 0) flush();
  }
}

int main(int argc, char **argv) {
  int port = argc == 4 ? atoi(argv[1]) : 0, first_port = argc == 4 ? atoi(argv[3]) : 0;
  target_count = argc == 4 ? atoi(argv[2]) : 0;
  if (port < 1 || port > 65535 || target_count < 1 || first_port < 1 ||
      first_port + target_count > 65536) {
    fprintf(stderr, "usage: floor PORT TARGETS FIRST_PORT\n");
    return 2;
  }
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  open_targets(first_port);
  open_socket(port);
  run();
  printf("{\"packetsIn\":%llu,\"packetsOut\":%llu,\"failed\":%llu}\n", packets_in, packets_out, failed);
  return 0;
}
