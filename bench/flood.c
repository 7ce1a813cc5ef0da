/* A flood from many sources in turn: frames written to an interface as fast as they go.
 *
 * flood INTERFACE DESTINATION_MAC DESTINATION FILE SECONDS: sends UDP datagrams with the sources
 * that FILE holds, four bytes each; prints packets, seconds and processor seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "measure.h"

enum { BATCH = 64, PAYLOAD = 18, FRAME = 14 + 20 + 8 + PAYLOAD };

static unsigned char frames[BATCH][FRAME];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];

/* RFC 1071. */
static uint16_t checksum(const unsigned char *header) {
  uint32_t sum = 0;
  for (int at = 0; at < 20; at += 2) sum += (uint32_t)(header[at] << 8 | header[at + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons((uint16_t)~sum);
}

static uint32_t *read_sources(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  if (!file) fail(path);
  fseek(file, 0, SEEK_END);
  *count = (size_t)ftell(file) / 4;
  rewind(file);
  uint32_t *sources = malloc(*count * 4);
  if (*count == 0 || fread(sources, 4, *count, file) != *count) fail(path);
  fclose(file);
  return sources;
}

static void prepare(const unsigned char *mac, struct in_addr destination) {
  for (int at = 0; at < BATCH; at++) {
    unsigned char *frame = frames[at];
    memcpy(frame, mac, 6);
    frame[6] = 2;
    frame[12] = 0x08;
    struct iphdr *ip = (struct iphdr *)(frame + 14);
    *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};
    ip->tot_len = htons(FRAME - 14);
    ip->daddr = destination.s_addr;
    struct udphdr *udp = (struct udphdr *)(frame + 34);
    udp->source = htons(40000);
    udp->dest = htons(9);
    udp->len = htons(8 + PAYLOAD);
    pieces[at] = (struct iovec){frame, FRAME};
    messages[at].msg_hdr = (struct msghdr){.msg_iov = &pieces[at], .msg_iovlen = 1};
  }
}

static void set_source(unsigned char *frame, uint32_t source) {
  struct iphdr *ip = (struct iphdr *)(frame + 14);
  ip->saddr = source;
  ip->check = 0;
  ip->check = checksum(frame + 14);
}

int main(int argc, char **argv) {
  unsigned char mac[6];
  struct in_addr destination;
  if (argc != 6 || inet_pton(AF_INET, argv[3], &destination) != 1 ||
      sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4,
             mac + 5) != 6) {
    fprintf(stderr, "usage: flood INTERFACE DESTINATION_MAC DESTINATION FILE SECONDS\n");
    return 2;
  }
  size_t count, next = 0;
  uint32_t *sources = read_sources(argv[4], &count);
  int opened = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (opened < 0 || bind(opened, (struct sockaddr *)&to, sizeof to) < 0) fail(argv[1]);
  prepare(mac, destination);
  unsigned long packets = 0;
  double seconds = atof(argv[5]), started = now(), before = processor_seconds(), time = started;
  for (; time - started < seconds; time = now()) {
    for (int at = 0; at < BATCH; at++, next = (next + 1) % count) {
      set_source(frames[at], sources[next]);
    }
    int sent = sendmmsg(opened, messages, BATCH, 0);
    if (sent > 0) packets += (unsigned long)sent;
  }
  printf("%lu %.6f %.3f\n", packets, time - started, processor_seconds() - before);
  return 0;
}
