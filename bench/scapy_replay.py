"""How a script reads a capture: scapy, one callback a packet, sets, lists and a line of the log.

The log goes to /dev/null, so that no disk is measured. Called with a capture, a configuration of pfw and
a file of threats; prints one JSON document. Only the reading and the callback are timed.
"""
import hashlib
import json
import logging
import os
import sys
import time
from collections import Counter

from scapy.all import ICMP, IP, TCP, UDP, IPv6, sniff


class Firewall:
    """Judges packets the way a small script does."""

    def __init__(self, config, threats):
        self.whitelist = set(config["whitelist_ips"])
        self.blacklist = set(config["blacklist_ips"])
        self.threats = threats
        self.rules = [rule for rule in config["rules"] if rule.get("enabled", True)]
        self.protocols = Counter()
        self.verdicts = Counter()
        self.log = logging.getLogger("firewall")
        self.log.setLevel(logging.INFO)
        handler = logging.FileHandler(os.devnull)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self.log.addHandler(handler)

    def judge(self, source, destination, protocol, port):
        """The verdict and its reason."""
        if source in self.whitelist:
            return "allowed", "whitelist"
        if source in self.blacklist or destination in self.blacklist:
            return "blocked", "blacklist"
        if source in self.threats or destination in self.threats:
            return "blocked", "threat"
        for rule in self.rules:
            if rule.get("protocol", "any") not in ("any", protocol):
                continue
            if rule.get("ports") and port not in rule["ports"]:
                continue
            if rule.get("source_ips") and source not in rule["source_ips"]:
                continue
            return ("blocked" if rule["action"] == "block" else "allowed"), rule["name"]
        return "allowed", "default"

    def on_packet(self, packet):
        """What sniff calls for each packet."""
        if IP in packet:
            layer = packet[IP]
        elif IPv6 in packet:
            layer = packet[IPv6]
        else:
            self.verdicts["ignored"] += 1
            return
        protocol, source_port, port = "other", None, None
        if TCP in packet:
            protocol, source_port, port = "tcp", packet[TCP].sport, packet[TCP].dport
        elif UDP in packet:
            protocol, source_port, port = "udp", packet[UDP].sport, packet[UDP].dport
        elif ICMP in packet:
            protocol = "icmp"
        verdict, reason = self.judge(layer.src, layer.dst, protocol, port)
        self.protocols[protocol] += 1
        self.verdicts[verdict] += 1
        # What pfw keeps of a blocked packet, too: a hash by which equal ones are found.
        digest = ""
        if verdict == "blocked":
            digest = hashlib.sha256(bytes(packet)).hexdigest()[:16]
        self.log.log(
            logging.WARNING if verdict == "blocked" else logging.INFO,
            f"{verdict}: {layer.src}:{source_port} -> {layer.dst}:{port} "
            f"{protocol} {len(packet)} bytes ({reason}) {digest}",
        )


def main():
    """Reads the capture and reports."""
    with open(sys.argv[2], encoding="utf-8") as file:
        config = json.load(file)
    with open(sys.argv[3], encoding="utf-8") as file:
        firewall = Firewall(config, set(file.read().split()))
    started = time.perf_counter()
    sniff(offline=sys.argv[1], prn=firewall.on_packet, store=False)
    seconds = time.perf_counter() - started
    print(json.dumps({
        "packets": sum(firewall.verdicts.values()),
        "seconds": seconds,
        "verdicts": firewall.verdicts,
        "protocols": firewall.protocols,
    }))


main()
