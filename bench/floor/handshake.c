/*
 * What OpenSSL alone needs for the server's side of a DTLS 1.2 handshake as browsers make it: ECDHE over the first group, a
 * P-256 certificate on each side, checked by its digest. Both sides run in this process, datagram by
 * datagram through memory; only the server's calls are timed.
 *
 *   handshake COUNT GROUPS   prints {"count":…,"microseconds":…}: mean per handshake, SSL_new and SSL_free included
 */
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATAGRAMS 64
#define DATAGRAM_BYTES 2048

/* Datagrams on their way in one direction. */
struct queue {
  unsigned char bytes[DATAGRAMS][DATAGRAM_BYTES];
  int length[DATAGRAMS];
  int first, count;
};

static BIO_METHOD *method;

struct ends {
  struct queue *in, *out;
};

static int bio_read(BIO *bio, char *out, int capacity) {
  struct queue *in = ((struct ends *)BIO_get_data(bio))->in;
  BIO_clear_retry_flags(bio);
  if (in->count == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  int length = in->length[in->first] < capacity ? in->length[in->first] : capacity;
  memcpy(out, in->bytes[in->first], (size_t)length);
  in->first = (in->first + 1) % DATAGRAMS;
  in->count--;
  return length;
}

static int bio_write(BIO *bio, const char *bytes, int length) {
  struct queue *out = ((struct ends *)BIO_get_data(bio))->out;
  if (length > DATAGRAM_BYTES || out->count == DATAGRAMS) return -1;
  int at = (out->first + out->count++) % DATAGRAMS;
  memcpy(out->bytes[at], bytes, (size_t)length);
  out->length[at] = length;
  return length;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH ? 1 : command == BIO_CTRL_DGRAM_QUERY_MTU ? 1200 : 0;
}

static int verify(X509_STORE_CTX *store, void *argument) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length;
  (void)argument;
  if (X509_digest(X509_STORE_CTX_get0_cert(store), EVP_sha256(), digest, &length) != 1) return 0;
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

static void fail(const char *step) {
  fprintf(stderr, "handshake: %s failed\n", step);
  exit(1);
}

static void certify(SSL_CTX *context) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  if (!key || !certificate) fail("key");
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME *name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"peer", -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  if (X509_sign(certificate, key, EVP_sha256()) == 0) fail("certificate");
  if (SSL_CTX_use_certificate(context, certificate) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1) fail("certificate");
  X509_free(certificate);
  EVP_PKEY_free(key);
}

static SSL_CTX *new_context(const char *group) {
  SSL_CTX *context = SSL_CTX_new(DTLS_method());
  if (!context) fail("context");
  certify(context);
  if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1 ||
      SSL_CTX_set1_groups_list(context, group) != 1 ||
      SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM") != 0) {
    fail("parameters");
  }
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_cert_verify_callback(context, verify, NULL);
  return context;
}

static SSL *new_side(SSL_CTX *context, struct ends *ends) {
  SSL *ssl = SSL_new(context);
  BIO *bio = BIO_new(method);
  if (!ssl || !bio) fail("side");
  BIO_set_data(bio, ends);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_mtu(ssl, 1200);
  return ssl;
}

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* @returns CPU of the server's calls */
static double handshake(SSL_CTX *server_context, SSL_CTX *client_context) {
  static struct queue to_server, to_client;
  to_server.count = to_client.count = 0;
  struct ends server_ends = {&to_server, &to_client}, client_ends = {&to_client, &to_server};
  SSL *client = new_side(client_context, &client_ends);
  SSL_set_connect_state(client);
  double begin = microseconds();
  SSL *server = new_side(server_context, &server_ends);
  SSL_set_accept_state(server);
  double used = microseconds() - begin;
  int done = 0;
  for (int turn = 0; turn < 100 && done < 2; turn++) {
    done = SSL_do_handshake(client) == 1;
    begin = microseconds();
    while (to_server.count > 0) SSL_do_handshake(server);
    used += microseconds() - begin;
    done += SSL_is_init_finished(server);
  }
  unsigned char keys[56];
  begin = microseconds();
  if (done < 2 || SSL_export_keying_material(server, keys, sizeof keys, "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1) {
    fail("handshake");
  }
  SSL_free(server);
  used += microseconds() - begin;
  SSL_free(client);
  return used;
}

int main(int argc, char **argv) {
  if (argc != 3) fail("arguments (COUNT GROUPS, with P-256 for the certificates):");
  int count = atoi(argv[1]);
  method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "memory");
  BIO_meth_set_read(method, bio_read);
  BIO_meth_set_write(method, bio_write);
  BIO_meth_set_ctrl(method, bio_control);
  SSL_CTX *server = new_context(argv[2]), *client = new_context(argv[2]);
  for (int i = 0; i < 50; i++) handshake(server, client);
  double used = 0;
  for (int i = 0; i < count; i++) used += handshake(server, client);
  printf("{\"count\":%d,\"microseconds\":%.1f}\n", count, used / count);
  return 0;
}
