/* Prefixes and rules: a bit for each /24 that a prefix touches, then a search among sorted ranges. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
  uint32_t first, last;
};

enum { MOST_RULES = 1000 };

struct rule {
  bool blocks, incoming, outgoing, has_ports;
  int protocol; /* 0: any */
  struct range source;
  uint32_t ports[2048];
};

static struct range *ranges;
static size_t range_count;
static uint32_t touched[1 << 19], first_of[65537];
static struct rule rules[MOST_RULES];
static int rule_count;

static uint32_t parse_v4(const char *text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) != 1) {
    fprintf(stderr, "decide: no IPv4 address: %s\n", text);
    exit(1);
  }
  return ntohl(address.s_addr);
}

static struct range parse_prefix(char *text) {
  char *slash = strchr(text, '/');
  int length = slash ? atoi(slash + 1) : 32;
  if (slash) *slash = 0;
  uint32_t mask = length == 0 ? 0 : ~0u << (32 - length), first = parse_v4(text) & mask;
  return (struct range){first, first | ~mask};
}

static int ascending(const void *left, const void *right) {
  uint32_t a = ((const struct range *)left)->first, b = ((const struct range *)right)->first;
  return a < b ? -1 : a > b;
}

static FILE *open_text(const char *path) {
  FILE *file = fopen(path, "r");
  if (file) return file;
  perror(path);
  exit(1);
}

static void read_prefixes(const char *path) {
  FILE *file = open_text(path);
  char text[64];
  size_t room = 1024;
  ranges = malloc(room * sizeof *ranges);
  while (fscanf(file, "%63s", text) == 1) {
    if (range_count == room) ranges = realloc(ranges, (room *= 2) * sizeof *ranges);
    ranges[range_count++] = parse_prefix(text);
  }
  fclose(file);
  qsort(ranges, range_count, sizeof *ranges, ascending);
  for (size_t at = 0; at < range_count; at++) {
    for (uint32_t block = ranges[at].first >> 8; block <= ranges[at].last >> 8; block++) {
      touched[block >> 5] |= 1u << (block & 31);
    }
  }
  size_t next = 0;
  for (uint32_t first = 0; first <= 65536; first++) {
    while (next < range_count && (uint64_t)ranges[next].last < (uint64_t)first << 16) next++;
    first_of[first] = (uint32_t)next;
  }
}

static bool is_listed(uint32_t address) {
  if (!(touched[address >> 13] & 1u << (address >> 8 & 31))) return false;
  size_t low = first_of[address >> 16], high = first_of[(address >> 16) + 1];
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (ranges[middle].last < address) low = middle + 1;
    else high = middle;
  }
  return low < range_count && ranges[low].first <= address;
}

/* A line: block|allow, any|tcp|udp, in|out|both, a prefix or -, ports with commas or -. */
static void read_rules(const char *path) {
  FILE *file = open_text(path);
  char action[8], protocol[8], direction[8], source[64], ports[256];
  while (fscanf(file, "%7s %7s %7s %63s %255s", action, protocol, direction, source, ports) == 5) {
    struct rule *rule = rules + rule_count++;
    rule->blocks = strcmp(action, "block") == 0;
    rule->incoming = strcmp(direction, "out") != 0;
    rule->outgoing = strcmp(direction, "in") != 0;
    rule->protocol = protocol[0] == 't' ? IPPROTO_TCP : protocol[0] == 'u' ? IPPROTO_UDP : 0;
    rule->source = source[0] == '-' ? (struct range){1, 0} : parse_prefix(source);
    rule->has_ports = ports[0] != '-';
    for (char *port = strtok(ports, ","); rule->has_ports && port; port = strtok(NULL, ",")) {
      rule->ports[atoi(port) >> 5] |= 1u << (atoi(port) & 31);
    }
  }
  fclose(file);
}

/* The first rule that matches, or -1. */
static int match_rules(const struct packet *packet) {
  bool is_transport = packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP;
  uint32_t port = packet->destination_port;
  for (int at = 0; at < rule_count; at++) {
    const struct rule *rule = rules + at;
    if (packet->direction == OUTGOING ? !rule->outgoing : !rule->incoming) continue;
    if (rule->protocol != 0 && rule->protocol != packet->protocol) continue;
    if (rule->has_ports && (!is_transport || !(rule->ports[port >> 5] & 1u << (port & 31)))) continue;
    bool has_source = rule->source.first <= rule->source.last;
    if (has_source && (packet->family != 4 || packet->source[0] < rule->source.first ||
                       packet->source[0] > rule->source.last)) continue;
    return at;
  }
  return -1;
}
