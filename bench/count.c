/* The limit that a replay is held against: reads a capture with pcap_loop and only counts.
 * Prints packets, bytes on the wire and seconds. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <time.h>

struct counts {
  unsigned long packets, bytes;
};

static void count(u_char *user, const struct pcap_pkthdr *header, const u_char *packet) {
  struct counts *counts = (struct counts *)user;
  (void)packet;
  counts->packets++;
  counts->bytes += header->len;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  char message[PCAP_ERRBUF_SIZE];
  struct counts counts = {0, 0};
  if (argc != 2) {
    fprintf(stderr, "usage: count FILE\n");
    return 2;
  }
  double started = now();
  pcap_t *capture = pcap_open_offline(argv[1], message);
  if (!capture) {
    fprintf(stderr, "count: %s\n", message);
    return 1;
  }
  if (pcap_loop(capture, -1, count, (u_char *)&counts) < 0) {
    pcap_perror(capture, "count: ");
    return 1;
  }
  printf("%lu %lu %.6f\n", counts.packets, counts.bytes, now() - started);
  pcap_close(capture);
  return 0;
}
