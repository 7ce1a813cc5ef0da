/* Small datagrams of established flows, as fast as they go.
 *
 * receive PORT: answers the first datagram of each flow, so that it counts as established, then
 * counts what comes until nothing came for a tenth of a second; prints packets and the seconds between
 * the first and the last.
 * send ADDRESS PORT FLOWS SECONDS: opens that many flows, waits for their answers, then sends to
 * all in turn, each datagram by a call of its own as nearly every program does; prints packets,
 * seconds and the processor seconds that sending took.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

/* Packets between two looks at the clock. */
enum { BATCH = 32, PAYLOAD = 18, MOST_FLOWS = 1024, OPENING = 1, MORE = 2 };

static char payloads[BATCH][64];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];
static struct sockaddr_in peers[BATCH];

static void prepare(void) {
  for (int at = 0; at < BATCH; at++) {
    pieces[at] = (struct iovec){payloads[at], sizeof payloads[at]};
    messages[at].msg_hdr = (struct msghdr){
        .msg_name = &peers[at],
        .msg_namelen = sizeof peers[at],
        .msg_iov = &pieces[at],
        .msg_iovlen = 1,
    };
  }
}

static struct sockaddr_in address_of(const char *text, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (text && inet_pton(AF_INET, text, &address.sin_addr) != 1) fail(text);
  return address;
}

static int receive(int port) {
  int opened = socket(AF_INET, SOCK_DGRAM, 0), size = 64 << 20;
  struct sockaddr_in address = address_of(NULL, port);
  setsockopt(opened, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (opened < 0 || bind(opened, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  printf("receiving\n");
  fflush(stdout);
  prepare();
  unsigned long packets = 0;
  double first = 0, last = 0;
  struct pollfd ready = {opened, POLLIN, 0};
  while (packets == 0 || poll(&ready, 1, 100) > 0) {
    int count = recvmmsg(opened, messages, BATCH, packets == 0 ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    for (int at = 0; at < count; at++) {
      if (payloads[at][0] == OPENING) {
        sendto(opened, payloads[at], 1, 0, (struct sockaddr *)&peers[at], sizeof peers[at]);
        continue;
      }
      if (packets++ == 0) first = now();
    }
    if (count > 0) last = now();
  }
  printf("%lu %.6f %.3f\n", packets, last - first, processor_seconds());
  return 0;
}

static int open_flow(const struct sockaddr_in *to) {
  int opened = socket(AF_INET, SOCK_DGRAM, 0);
  char opening = OPENING, answer;
  struct pollfd ready = {opened, POLLIN, 0};
  if (opened < 0 || connect(opened, (const struct sockaddr *)to, sizeof *to) < 0) fail("connect");
  for (int attempt = 0; attempt < 50; attempt++) {
    if (send(opened, &opening, 1, 0) < 0) fail("send");
    if (poll(&ready, 1, 100) > 0 && recv(opened, &answer, 1, 0) == 1) return opened;
  }
  fprintf(stderr, "small_packets: no answer\n");
  exit(1);
}

static int send_all(const char *host, int port, int flows, double seconds) {
  struct sockaddr_in to = address_of(host, port);
  static int opened[MOST_FLOWS];
  if (flows < 1 || flows > MOST_FLOWS) flows = MOST_FLOWS;
  for (int at = 0; at < flows; at++) opened[at] = open_flow(&to);
  char payload[PAYLOAD] = {MORE};
  unsigned long packets = 0;
  double started = now(), before = processor_seconds(), end = started + seconds, time = started;
  for (int flow = 0; time < end; flow = (flow + 1) % flows, time = now()) {
    for (int at = 0; at < BATCH; at++) packets += send(opened[flow], payload, sizeof payload, 0) > 0;
  }
  printf("%lu %.6f %.3f\n", packets, time - started, processor_seconds() - before);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "receive") == 0) return receive(atoi(argv[2]));
  if (argc == 6 && strcmp(argv[1], "send") == 0)
    return send_all(argv[2], atoi(argv[3]), atoi(argv[4]), atof(argv[5]));
  fprintf(stderr, "usage: small_packets receive PORT | send ADDRESS PORT FLOWS SECONDS\n");
  return 2;
}
