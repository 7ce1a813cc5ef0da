/* Connections as pfw's flow table and its TCP states follow them (engine/policy/flow_table.ts). */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { INCOMING = 1, OUTGOING, FORWARDED, LOCAL };
enum { BLOCKED = 8, NO_RULE = 0x7fffffff };
enum { FLOW_NEW, FLOW_ESTABLISHED, FLOW_REPLY, FLOW_INVALID };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

struct packet {
  uint32_t seconds, microseconds, length, source[4], destination[4];
  uint32_t ports, tcp_sequence, tcp_acknowledgement;
  uint16_t source_port, destination_port, icmp_id;
  uint8_t family, protocol, direction, tcp_flags, icmp_type, icmp_code;
};

struct key {
  uint32_t ports;
  bool may_open, may_reply, may_begin;
};

struct flow {
  uint32_t kind, ports, source, destination;
  int32_t seen, state, verdict, unused;
};

enum { FLOWS = 1 << 16, WAYS = 4 };
enum { STATE = 15, LAST_SHIFT = 4, LAST = 7 << 4, LAST_REPLY = 1 << 7, CLOSED = 1 << 8, TWICE = 1 << 9 };
enum { HAPPENED = ~(STATE | LAST | LAST_REPLY), ANSWERED = 1 << 10, ANSWER_SHIFT = 11 };
enum { ANSWER_BITS = 0xfffff };
enum { NO, SS, SR, ES, FW, CW, LA, TW, CL, S2, IG, IV };
enum { KIND_SYN, KIND_SYNACK, KIND_FIN, KIND_ACK, KIND_RST, KIND_NONE };

static const uint8_t transitions[12][10] = {
  {SS, SS, IG, IG, IG, IG, IG, SS, SS, S2}, {IV, IV, SR, IV, IV, IV, IV, IV, IV, SR},
  {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV}, {ES, IV, ES, ES, CW, CW, TW, TW, CL, IV},
  {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL}, {IV, IV, IV, IV, IV, IV, IV, IV, IV, IV},
  {IV, S2, IV, IV, IV, IV, IV, SS, IV, S2}, {IV, SR, IG, IG, IG, IG, IG, IG, IG, SR},
  {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV}, {IV, IG, SR, ES, CW, CW, TW, TW, CL, IG},
  {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL}, {IV, IV, IV, IV, IV, IV, IV, IV, IV, IV},
};

static struct flow *flows, *slot, *set;
static uint32_t (*tails)[6], flow_seed;
static bool is_new, is_reverse;

static void make_flows(uint32_t seed) {
  flows = calloc(FLOWS, sizeof *flows);
  tails = calloc(FLOWS, sizeof *tails);
  flow_seed = seed;
}

static bool is_valid_tcp(int flags) {
  switch (flags & ~PSH) {
  case SYN: case SYN | URG: case SYN | ACK: case RST: case RST | ACK: case FIN | ACK:
  case FIN | ACK | URG: case ACK: case ACK | URG:
    return true;
  }
  return false;
}

/* False: no packet that belongs to a connection, or begins one. */
static bool fill_key(struct key *key, const struct packet *packet) {
  *key = (struct key){packet->ports, true, true, true};
  int flags = packet->tcp_flags, type = packet->icmp_type;
  switch (packet->protocol) {
  case IPPROTO_TCP:
    if (!is_valid_tcp(flags)) return false;
    key->may_begin = !(flags & (RST | FIN)) && (flags & SYN ? !(flags & ACK) : flags & ACK);
    return true;
  case IPPROTO_UDP:
    return true;
  }
  int request = packet->family == 4 ? 8 : 128, reply = packet->family == 4 ? 0 : 129;
  key->ports = (uint32_t)packet->icmp_id << 16 | packet->icmp_code << 8 | request;
  if (type == request) key->may_reply = false;
  else if (type == reply) key->may_open = key->may_begin = false;
  else abort();
  return true;
}

static uint32_t fold(const uint32_t *words) {
  uint32_t hash = words[0] * 0x9e3779b1u ^ words[1];
  hash = (hash ^ hash >> 16) * 0x85ebca6bu ^ words[2];
  return (hash ^ hash >> 16) * 0xc2b2ae35u ^ words[3];
}

static uint32_t mix(uint32_t address, uint32_t port) {
  uint32_t hash = (address ^ flow_seed) * 0x9e3779b1u;
  hash = (hash ^ hash >> 15 ^ port) * 0x85ebca6bu;
  return hash ^ hash >> 13;
}

static struct flow *set_of(const struct packet *packet, uint32_t ports) {
  bool is_icmp = packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6;
  uint32_t source = packet->family == 6 ? fold(packet->source) : packet->source[0];
  uint32_t destination = packet->family == 6 ? fold(packet->destination) : packet->destination[0];
  uint32_t hash = mix(source, is_icmp ? ports : ports >> 16) +
                  mix(destination, is_icmp ? ports : ports & 0xffff);
  hash = (hash ^ hash >> 15 ^ packet->protocol) * 0x2c1b3c6du;
  return flows + ((hash ^ hash >> 13) & (FLOWS / WAYS - 1)) * WAYS;
}

static bool has_tails(const struct flow *flow, const uint32_t *from, const uint32_t *to) {
  const uint32_t *tail = tails[flow - flows];
  for (int at = 0; at < 3; at++) {
    if (tail[at] != from[at + 1] || tail[at + 3] != to[at + 1]) return false;
  }
  return true;
}

static uint32_t kind_of(const struct packet *packet) {
  return (uint32_t)packet->family << 8 | packet->protocol;
}

static bool matches(const struct flow *flow, const struct packet *packet, uint32_t ports,
                    const uint32_t *from, const uint32_t *to) {
  return flow->ports == ports && flow->source == from[0] && flow->destination == to[0] &&
         (packet->family == 4 || has_tails(flow, from, to));
}

static void find(const struct packet *packet, const struct key *key) {
  bool is_icmp = packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6;
  uint32_t ports = key->ports, kind = kind_of(packet);
  uint32_t reverse = is_icmp ? ports : ports << 16 | ports >> 16;
  set = set_of(packet, ports);
  for (slot = set; slot < set + WAYS; slot++) {
    if (slot->kind != kind) continue;
    is_reverse = false;
    if (key->may_open && matches(slot, packet, ports, packet->source, packet->destination)) return;
    is_reverse = true;
    if (key->may_reply && matches(slot, packet, reverse, packet->destination, packet->source)) return;
  }
  slot = NULL;
}

static int timeout_of(int protocol, int state) {
  static const int tcp[] = {0, 120, 60, 432000, 120, 60, 30, 120, 10, 120};
  bool is_answered = (state & ANSWERED) != 0;
  switch (protocol) {
  case IPPROTO_TCP:
    return (state & STATE) == ES && !is_answered ? 300 : tcp[state & STATE];
  case IPPROTO_UDP:
    return is_answered ? 120 : 30;
  }
  return 30;
}

static int kind_of_flags(int flags) {
  if (flags & RST) return KIND_RST;
  if (flags & SYN) return flags & ACK ? KIND_SYNACK : KIND_SYN;
  if (flags & FIN) return KIND_FIN;
  return flags & ACK ? KIND_ACK : KIND_NONE;
}

static bool is_after(int word, int kind, bool reply) {
  return (word & (LAST | LAST_REPLY)) == (kind << LAST_SHIFT | (reply ? LAST_REPLY : 0));
}

enum { OUT_INVALID = -1, OUT_ANEW = -2 };

static int follow_tcp(int word, int flags, bool reply) {
  int kind = kind_of_flags(flags), state = word & STATE, happened = word & HAPPENED;
  int next = transitions[(reply ? 6 : 0) + kind][state];
  int last = kind << LAST_SHIFT | (reply ? LAST_REPLY : 0);
  if (next == ES) return happened | next | last;
  if (next == IV) return OUT_INVALID;
  if (next == SS && state >= TW) {
    if (word & CLOSED || is_after(word, KIND_RST, reply)) return OUT_ANEW;
    next = IG;
  }
  if (next == IG) {
    bool agreed = kind == KIND_SYNACK && is_after(word, KIND_SYN, !reply);
    return (agreed ? SR : state) | last | happened;
  }
  if (next == S2) happened |= TWICE;
  else if (next == FW && state != FW) happened |= CLOSED;
  else if (next == SR && reply && kind == KIND_ACK && word & TWICE) next = ES;
  return next | last | happened;
}

static int advance(const struct packet *packet) {
  bool was_answered = (slot->state & ANSWERED) != 0;
  if (packet->protocol == IPPROTO_TCP) {
    int followed = follow_tcp(slot->state, packet->tcp_flags, is_reverse);
    if (followed == OUT_INVALID) return FLOW_INVALID;
    if (followed == OUT_ANEW) {
      slot->kind = 0;
      is_new = true;
      return FLOW_NEW;
    }
    bool is_answer = is_reverse && (packet->tcp_flags & (SYN | ACK)) == (SYN | ACK);
    slot->state = !is_answer ? followed
      : (int)(((uint32_t)followed & ((1u << ANSWER_SHIFT) - 1)) |
              ((packet->tcp_sequence + 1) & ANSWER_BITS) << ANSWER_SHIFT);
    if (packet->tcp_flags & RST && !was_answered) slot->kind = 0;
  }
  slot->seen = (int32_t)packet->seconds;
  if (is_reverse) {
    slot->state |= ANSWERED;
    return FLOW_REPLY;
  }
  return was_answered ? FLOW_ESTABLISHED : FLOW_NEW;
}

static int track(const struct packet *packet, const struct key *key) {
  find(packet, key);
  is_new = slot == NULL ||
    (int32_t)packet->seconds - slot->seen > timeout_of(packet->protocol, slot->state);
  return is_new ? FLOW_NEW : advance(packet);
}

static bool is_unknown(void) { return is_new; }

static int flow_verdict(void) { return is_new ? -1 : slot->verdict; }

static void set_flow_verdict(int verdict) {
  if (!is_new) slot->verdict = verdict;
}

static struct flow *place(void) {
  struct flow *oldest = set;
  for (struct flow *flow = set; flow < set + WAYS; flow++) {
    if (flow->kind == 0) return flow;
    if (flow->seen < oldest->seen) oldest = flow;
  }
  return oldest;
}

static void commit(const struct packet *packet, const struct key *key, int verdict) {
  if (!is_new) return;
  struct flow *flow = slot ? slot : place();
  int first = packet->protocol == IPPROTO_TCP ? kind_of_flags(packet->tcp_flags) : 0;
  int state = packet->protocol == IPPROTO_TCP ? transitions[first][NO] | first << LAST_SHIFT : 0;
  *flow = (struct flow){kind_of(packet), key->ports, packet->source[0], packet->destination[0],
                        (int32_t)packet->seconds, state, verdict, 0};
  for (int at = 0; packet->family == 6 && at < 3; at++) {
    tails[flow - flows][at] = packet->source[at + 1];
    tails[flow - flows][at + 3] = packet->destination[at + 1];
  }
}
