/* The limit of what decides on each packet: read with pcap_loop and judged as pfw judges it, with
 * tables of the same sizes. Reads what the captures of bench/traffic.ts hold and ends with an error
 * at anything else, so that its verdicts can be held against pfw's, packet by packet.
 *
 *   decide CAPTURE PREFIXES RULES OWN_V4 OWN_V6 SEED CONNECTIONS SECONDS SAMPLE ROWS
 *
 * CAPTURE is a file, or `live:INTERFACE:SNAPLEN:KIBIBYTES`, which it says to watch and then does until
 * SIGINT. Prints packets, seconds, processor seconds, and the packets of each reason in the order of
 * pfw's; of an interface also those that found no room. */
#include <arpa/inet.h>
#include <math.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decide_flows.h"
#include "decide_lists.h"

enum reason { WHITELIST, BLACKLIST, BAN, THREAT, INVALID, RATE_LIMIT, RULE, DEFAULT, REASONS };
enum { BUCKETS = 1 << 15, BUCKET_WAYS = 8 };

struct bucket {
  uint32_t high, low;
  double tokens, time;
};

/* What is kept of a packet that is blocked, or in the sample. */
struct row {
  uint32_t seconds, microseconds, source[4], destination[4], length;
  uint16_t source_port, destination_port;
  uint8_t protocol, reason, blocked, flags;
};

static struct bucket buckets[BUCKETS];
static uint32_t own_v4, own_v6[4], seed, sample_limit, dice = 0x9e3779b1;
static double burst, per_second;
static uint64_t packets, bytes, counts[2][REASONS];
static FILE *rows;
static pcap_t *capture;

static void stop(const char *why) {
  fprintf(stderr, "decide: %s\n", why);
  exit(1);
}

static uint32_t word(const u_char *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return ntohl(value);
}

static uint16_t half(const u_char *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static void decode(struct packet *packet, const struct pcap_pkthdr *header, const u_char *frame) {
  const u_char *end = frame + header->caplen, *ip = frame + 14, *transport;
  memset(packet, 0, sizeof *packet);
  packet->seconds = (uint32_t)header->ts.tv_sec;
  packet->microseconds = (uint32_t)header->ts.tv_usec;
  packet->length = header->len;
  if (header->caplen < 34) stop("a short frame");
  if (half(frame + 12) == 0x0800 && ip[0] == 0x45 && (half(ip + 6) & 0x3fff) == 0) {
    packet->family = 4;
    packet->protocol = ip[9];
    packet->source[0] = word(ip + 12);
    packet->destination[0] = word(ip + 16);
    transport = ip + 20;
    if (ip + half(ip + 2) < end) end = ip + half(ip + 2);
  } else if (half(frame + 12) == 0x86dd && ip[0] >> 4 == 6 && header->caplen >= 54) {
    packet->family = 6;
    packet->protocol = ip[6];
    for (int at = 0; at < 4; at++) {
      packet->source[at] = word(ip + 8 + 4 * at);
      packet->destination[at] = word(ip + 24 + 4 * at);
    }
    transport = ip + 40;
    if (transport + half(ip + 4) < end) end = transport + half(ip + 4);
  } else {
    stop("a frame that is not plain IP");
  }
  if (end - transport < (packet->protocol == IPPROTO_TCP ? 20 : 8)) stop("a short packet");
  switch (packet->protocol) {
  case IPPROTO_TCP:
    packet->tcp_flags = transport[13] & 63;
    packet->tcp_sequence = word(transport + 4);
    packet->tcp_acknowledgement = word(transport + 8);
    /* fall through */
  case IPPROTO_UDP:
    packet->source_port = half(transport);
    packet->destination_port = half(transport + 2);
    packet->ports = (uint32_t)packet->source_port << 16 | packet->destination_port;
    return;
  case IPPROTO_ICMP:
  case IPPROTO_ICMPV6:
    packet->icmp_type = transport[0];
    packet->icmp_code = transport[1];
    packet->icmp_id = half(transport + 4);
    return;
  default:
    stop("a protocol that no capture of ours holds");
  }
}

static bool is_own(const struct packet *packet, const uint32_t *address) {
  return packet->family == 4 ? address[0] == own_v4 : memcmp(address, own_v6, 16) == 0;
}

static void set_direction(struct packet *packet) {
  bool from_us = is_own(packet, packet->source), to_us = is_own(packet, packet->destination);
  packet->direction = from_us && to_us ? LOCAL : from_us ? OUTGOING : to_us ? INCOMING : FORWARDED;
}

static struct bucket *bucket_of(uint32_t high, uint32_t low, double now) {
  uint32_t hash = (high ^ seed) * 0x9e3779b1u;
  hash = (hash ^ hash >> 15 ^ low) * 0x85ebca6bu;
  struct bucket *set = buckets + ((hash ^ hash >> 13) & (BUCKETS / BUCKET_WAYS - 1)) * BUCKET_WAYS;
  struct bucket *quietest = set;
  for (struct bucket *one = set; one < set + BUCKET_WAYS; one++) {
    if (one->high == high && one->low == low && one->time != -INFINITY) return one;
    if (one->time < quietest->time) quietest = one;
  }
  *quietest = (struct bucket){high, low, burst, now};
  return quietest;
}

static bool take(const struct packet *packet) {
  double now = packet->seconds + packet->microseconds / 1e6;
  uint32_t low = packet->family == 4 ? seed : packet->source[1];
  struct bucket *bucket = bucket_of(packet->source[0], low, now);
  double elapsed = fmax(0, now - bucket->time);
  double tokens = fmin(burst, bucket->tokens + elapsed * per_second);
  bucket->time = now;
  bucket->tokens = tokens >= 1 ? tokens - 1 : tokens;
  return tokens >= 1;
}

static int verdict(int reason, bool blocked) { return reason | (blocked ? BLOCKED : 0); }

static int by_rules(const struct packet *packet) {
  int rule = match_rules(packet);
  return rule < 0 ? NO_RULE : verdict(RULE, rules[rule].blocks);
}

static int decide_invalid(const struct packet *packet) {
  if (packet->direction != OUTGOING) return verdict(INVALID, true);
  int by_rule = by_rules(packet);
  return by_rule == NO_RULE ? verdict(DEFAULT, false) : by_rule;
}

static int decide(struct packet *packet) {
  if (packet->direction == LOCAL) return verdict(WHITELIST, false);
  if (packet->family == 4) {
    bool listed = packet->direction != OUTGOING && is_listed(packet->source[0]);
    if (!listed && packet->direction != INCOMING) listed = is_listed(packet->destination[0]);
    if (listed) return verdict(THREAT, true);
  }
  struct key key;
  if (!fill_key(&key, packet)) return decide_invalid(packet);
  int state = track(packet, &key);
  if (state == FLOW_INVALID) return decide_invalid(packet);
  if (state == FLOW_NEW && is_unknown() && !key.may_begin) return decide_invalid(packet);
  int by_rule = flow_verdict();
  if (state == FLOW_REPLY) {
    return by_rule == NO_RULE || by_rule < 0 || by_rule & BLOCKED ? verdict(DEFAULT, false) : by_rule;
  }
  if (state == FLOW_NEW && packet->direction != OUTGOING && !take(packet)) {
    return verdict(RATE_LIMIT, true);
  }
  if (by_rule < 0) {
    by_rule = by_rules(packet);
    set_flow_verdict(by_rule);
  }
  int result = by_rule == NO_RULE ? verdict(DEFAULT, false) : by_rule;
  if (!(result & BLOCKED)) commit(packet, &key, by_rule);
  return result;
}

static bool is_sampled(void) {
  dice ^= dice << 13;
  dice ^= dice >> 17;
  dice ^= dice << 5;
  return (dice & 0x7fffffff) < sample_limit;
}

static void keep(const struct packet *packet, int reason, bool blocked) {
  struct row row = {packet->seconds, packet->microseconds, {0}, {0}, packet->length,
                    packet->source_port, packet->destination_port,
                    packet->protocol, (uint8_t)reason, blocked, packet->tcp_flags};
  memcpy(row.source, packet->source, sizeof row.source);
  memcpy(row.destination, packet->destination, sizeof row.destination);
  fwrite(&row, sizeof row, 1, rows);
}

static void on_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *frame) {
  struct packet packet;
  (void)user;
  decode(&packet, header, frame);
  set_direction(&packet);
  int result = decide(&packet), reason = result & 7;
  bool blocked = (result & BLOCKED) != 0;
  packets++;
  bytes += packet.length;
  counts[blocked][reason]++;
  if (blocked || is_sampled()) keep(&packet, reason, blocked);
}

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void end(int signal) {
  (void)signal;
  pcap_breakloop(capture);
}

static void open_interface(char *name) {
  char message[PCAP_ERRBUF_SIZE];
  char *device = strtok(name, ":"), *snaplen = strtok(NULL, ":"), *kibibytes = strtok(NULL, ":");
  if (!device || !snaplen || !kibibytes) stop("no interface, snaplen and buffer");
  if (!(capture = pcap_create(device, message))) stop(message);
  pcap_set_snaplen(capture, atoi(snaplen));
  pcap_set_buffer_size(capture, atoi(kibibytes) * 1024);
  pcap_set_timeout(capture, 100);
  if (pcap_activate(capture) < 0) stop(pcap_geterr(capture));
  signal(SIGINT, end);
  printf("watching\n");
  fflush(stdout);
}

static void open_file(const char *path) {
  char message[PCAP_ERRBUF_SIZE];
  if (!(capture = pcap_open_offline(path, message))) stop(message);
}

int main(int argc, char **argv) {
  if (argc != 11) stop("wrong usage");
  read_prefixes(argv[2]);
  read_rules(argv[3]);
  own_v4 = parse_v4(argv[4]);
  struct in6_addr v6;
  if (inet_pton(AF_INET6, argv[5], &v6) != 1) stop("no IPv6 address");
  for (int at = 0; at < 4; at++) own_v6[at] = word(v6.s6_addr + 4 * at);
  seed = (uint32_t)strtoul(argv[6], NULL, 10);
  burst = atof(argv[7]);
  per_second = burst / atof(argv[8]);
  sample_limit = (uint32_t)(atof(argv[9]) * 0x80000000u);
  if (!(rows = fopen(argv[10], "wb"))) stop("cannot write the rows");
  for (int at = 0; at < BUCKETS; at++) buckets[at].time = -INFINITY;
  make_flows(seed);
  double started = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
  bool is_live = strncmp(argv[1], "live:", 5) == 0;
  if (is_live) open_interface(argv[1] + 5);
  else open_file(argv[1]);
  if (pcap_loop(capture, -1, on_packet, NULL) == PCAP_ERROR) stop(pcap_geterr(capture));
  fflush(rows);
  used = now(CLOCK_PROCESS_CPUTIME_ID) - used;
  printf("%lu %.6f %.6f", packets, now(CLOCK_MONOTONIC) - started, used);
  for (int at = 0; at < REASONS; at++) printf(" %lu", counts[0][at] + counts[1][at]);
  struct pcap_stat kernel;
  if (is_live && pcap_stats(capture, &kernel) == 0) printf(" %u", kernel.ps_drop);
  printf("\n");
  return 0;
}
