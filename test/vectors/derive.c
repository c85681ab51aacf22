/*
 * The wire contract, version 1, computed once more, in C with OpenSSL's libcrypto and nothing of the project's own code.
 * Build: cc -Wall -Wextra -Werror -O1 -o derive derive.c -lcrypto
 *
 * Reads one request a line, fields separated by tabs, and answers each with one line (see README.md). Fields that may hold
 * any byte are in hex; `-` stands for an absent field.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES 32
#define CHECKSUM_BYTES 4
#define CODED_CHARS 48 /* base64url of 36 bytes */
#define MAC_BYTES 8
#define MAX_FIELDS 12
#define MAX_BYTES 2048

static const char SALT[] = "zipkey/v1";
static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

typedef struct {
  unsigned char at[MAX_BYTES];
  size_t length;
} bytes_t;

static void die(const char *why) {
  fprintf(stderr, "derive: %s\n", why);
  exit(1);
}

static void append(bytes_t *to, const void *from, size_t length) {
  if (to->length + length > MAX_BYTES) die("too long");
  memcpy(to->at + to->length, from, length);
  to->length += length;
}

static void append_text(bytes_t *to, const char *text) { append(to, text, strlen(text)); }

/* 0x00 stands between two parts. */
static void append_part(bytes_t *to, const char *text) {
  append(to, "", 1);
  append_text(to, text);
}

static bytes_t from_hex(const char *hex) {
  bytes_t out = {.length = 0};
  size_t digits = strlen(hex);
  if (digits % 2 != 0) die("odd hex");
  for (size_t i = 0; i < digits; i += 2) {
    unsigned int byte;
    if (sscanf(hex + i, "%2x", &byte) != 1) die("bad hex");
    unsigned char one = (unsigned char)byte;
    append(&out, &one, 1);
  }
  return out;
}

static void print_hex(const unsigned char *at, size_t length) {
  for (size_t i = 0; i < length; i++) printf("%02x", at[i]);
}

/* RFC 4648 §5, without padding. */
static void base64url(const unsigned char *at, size_t length, char *text) {
  size_t out = 0;
  for (size_t i = 0; i < length; i += 3) {
    unsigned long group = (unsigned long)at[i] << 16;
    if (i + 1 < length) group |= (unsigned long)at[i + 1] << 8;
    if (i + 2 < length) group |= at[i + 2];
    size_t chars = length - i >= 3 ? 4 : length - i + 1;
    for (size_t c = 0; c < chars; c++) text[out++] = BASE64URL[(group >> (18 - 6 * c)) & 63];
  }
  text[out] = '\0';
}

/* RFC 4648 §6, lower case, without padding. */
static void base32(const unsigned char *at, size_t length, char *text) {
  size_t bits = length * 8, out = 0;
  for (size_t bit = 0; bit < bits; bit += 5) {
    unsigned int value = 0;
    for (size_t i = bit; i < bit + 5; i++) value = value << 1 | (i < bits ? at[i / 8] >> (7 - i % 8) & 1u : 0u);
    text[out++] = "abcdefghijklmnopqrstuvwxyz234567"[value];
  }
  text[out] = '\0';
}

static void hkdf(const bytes_t *key, const bytes_t *info, unsigned char out[SECRET_BYTES]) {
  EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
  EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key->at, key->length),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)SALT, strlen(SALT)),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info->at, info->length),
      OSSL_PARAM_construct_end(),
  };
  if (EVP_KDF_derive(context, out, SECRET_BYTES, params) != 1) die("HKDF");
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kdf);
}

/* derive <key> <label> <account> <device> <extra|->: output in hex, and as base64url */
static void derive(char **field) {
  bytes_t key = from_hex(field[1]), info = {.length = 0};
  append_text(&info, field[2]);
  append_part(&info, field[3]);
  append_part(&info, field[4]);
  if (strcmp(field[5], "-") != 0) append_part(&info, field[5]);
  unsigned char out[SECRET_BYTES];
  char text[CODED_CHARS + 1];
  hkdf(&key, &info, out);
  base64url(out, sizeof out, text);
  print_hex(out, sizeof out);
  printf(" %s", text);
}

/* opaque <utf8> <account> <device>: scrypt, RFC 7914 */
static void opaque(char **field) {
  bytes_t password = from_hex(field[1]), salt = {.length = 0};
  append_text(&salt, SALT);
  append_part(&salt, field[2]);
  append_part(&salt, field[3]);
  unsigned char out[SECRET_BYTES];
  if (EVP_PBE_scrypt((const char *)password.at, password.length, salt.at, salt.length, 1 << 15, 8, 1, 64 << 20, out, sizeof out) != 1)
    die("scrypt");
  print_hex(out, sizeof out);
}

static void secret_text(const char *prefix, const unsigned char *secret, char *text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  bytes_t checked = {.length = 0};
  append_text(&checked, prefix);
  append(&checked, secret, SECRET_BYTES);
  SHA256(checked.at, checked.length, digest);
  bytes_t coded = {.length = 0};
  append(&coded, secret, SECRET_BYTES);
  append(&coded, digest, CHECKSUM_BYTES);
  strcpy(text, prefix);
  base64url(coded.at, coded.length, text + strlen(prefix));
}

/* format <prefix> <secret>: its text form */
static void format(char **field) {
  bytes_t secret = from_hex(field[2]);
  char text[8 + CODED_CHARS + 1];
  if (secret.length != SECRET_BYTES) die("a secret is 32 bytes");
  secret_text(field[1], secret.at, text);
  fputs(text, stdout);
}

/* read <prefix> <text in hex>: the secret, or `refused` */
static void read_secret(char **field) {
  bytes_t text = from_hex(field[2]), secret = {.length = 0};
  if (text.length > 0 && text.at[text.length - 1] == '\n') {
    text.length--;
    if (text.length > 0 && text.at[text.length - 1] == '\r') text.length--;
  }
  size_t prefix = strlen(field[1]);
  unsigned long group = 0;
  if (text.length != prefix + CODED_CHARS || memcmp(text.at, field[1], prefix) != 0) goto refused;
  for (size_t i = 0; i < CODED_CHARS; i++) {
    const char *digit = memchr(BASE64URL, text.at[prefix + i], 64);
    if (digit == NULL) goto refused;
    group = group << 6 | (unsigned long)(digit - BASE64URL);
    if (i % 4 < 3) continue;
    unsigned char three[] = {(unsigned char)(group >> 16), (unsigned char)(group >> 8), (unsigned char)group};
    append(&secret, three, sizeof three);
    group = 0;
  }
  char again[8 + CODED_CHARS + 1];
  secret_text(field[1], secret.at, again);
  if (memcmp(again, text.at, text.length) != 0) goto refused;
  print_hex(secret.at, SECRET_BYTES);
  return;
refused:
  fputs("refused", stdout);
}

/* secret-id <master key id> <master key> <account> <device> <generation> <random> */
static void secret_id(char **field) {
  bytes_t key = from_hex(field[2]), random = from_hex(field[6]), covered = {.length = 0};
  unsigned char mac[SHA256_DIGEST_LENGTH];
  char random_text[64], mac_text[64], before[256];
  base32(random.at, random.length, random_text);
  snprintf(before, sizeof before, "%s-%s-%s", field[1], field[5], random_text);
  append_text(&covered, before);
  append_part(&covered, field[3]);
  append_part(&covered, field[4]);
  HMAC(EVP_sha256(), key.at, (int)key.length, covered.at, covered.length, mac, NULL);
  base32(mac, MAC_BYTES, mac_text);
  printf("%s-%s", before, mac_text);
}

/* identity <account> <device> <realm> <credential id|->: inner and outer identity, and the subject of tokens */
static void identity(char **field) {
  int flashed = strcmp(field[4], "-") == 0;
  printf("%s%s%s@%s.%s", field[2], flashed ? "" : "+", flashed ? "" : field[4], field[1], field[3]);
  printf(" anonymous@%s.%s %s/%s", field[1], field[3], field[1], field[2]);
}

/* assertion <api key> <kid|-> <subject> <audience> <now in ms> <jti> <challenge|->: compact JWS, HS256 (RFC 7515) */
static void assertion(char **field) {
  bytes_t key = from_hex(field[1]);
  long long now = atoll(field[5]) / 1000;
  char header[512] = "{\"alg\":\"HS256\"}", challenge[512] = "", payload[MAX_BYTES], signed_part[4 * MAX_BYTES], mac_text[64];
  if (strcmp(field[2], "-") != 0) snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"%s\"}", field[2]);
  if (strcmp(field[7], "-") != 0) snprintf(challenge, sizeof challenge, "\"challenge\":\"%s\",", field[7]);
  int length = snprintf(payload, sizeof payload, "{%s\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"jti\":\"%s\"}",
                        challenge, field[3], field[3], field[4], now, now + 60, field[6]);
  if (length < 0 || (size_t)length >= sizeof payload) die("assertion too long");
  base64url((const unsigned char *)header, strlen(header), signed_part);
  strcat(signed_part, ".");
  base64url((const unsigned char *)payload, strlen(payload), signed_part + strlen(signed_part));
  unsigned char mac[SHA256_DIGEST_LENGTH];
  HMAC(EVP_sha256(), key.at, (int)key.length, (const unsigned char *)signed_part, strlen(signed_part), mac, NULL);
  base64url(mac, sizeof mac, mac_text);
  printf("%s.%s", signed_part, mac_text);
}

/* base32 <bytes> */
static void base32_of(char **field) {
  bytes_t in = from_hex(field[1]);
  char text[2 * MAX_BYTES];
  base32(in.at, in.length, text);
  fputs(text, stdout);
}

static const struct {
  const char *name;
  int fields;
  void (*answer)(char **field);
} REQUESTS[] = {
    {"derive", 6, derive},       {"opaque", 4, opaque},     {"format", 3, format},       {"read", 3, read_secret},
    {"secret-id", 7, secret_id}, {"identity", 5, identity}, {"assertion", 8, assertion}, {"base32", 2, base32_of},
};

static void answer(char *line) {
  char *field[MAX_FIELDS] = {NULL};
  int fields = 0;
  line[strcspn(line, "\n")] = '\0';
  for (char *rest = line; rest != NULL && fields < MAX_FIELDS;) field[fields++] = strsep(&rest, "\t");
  for (size_t i = 0; i < sizeof REQUESTS / sizeof *REQUESTS; i++) {
    if (strcmp(field[0], REQUESTS[i].name) != 0) continue;
    if (fields != REQUESTS[i].fields) die("wrong number of fields");
    REQUESTS[i].answer(field);
    putchar('\n');
    return;
  }
  die("unknown request");
}

int main(void) {
  static char line[8 * MAX_BYTES];
  while (fgets(line, sizeof line, stdin) != NULL) answer(line);
  return 0;
}
