"""Downloadable port ACLs → OpenFlow matches. Both dialects that the lab's switches speak:

    Cisco-AVPair  ip:inacl#10=permit tcp any host 10.10.4.20 eq 443
    Cisco-AVPair  ipv6:inacl#20=permit tcp any host FD10:4::20 eq 443
    NAS-Filter-Rule  permit in tcp from any to 10.10.4.20 443          (RFC 4849, IPFilterRule of RFC 6733 §4.3.1)

A line that the switch does not understand refuses the whole ACL, as a real switch does: ValueError.
"""

import ipaddress
import re

PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "esp": 50, "ahp": 51, "icmp6": 58, "ipv6-icmp": 58, "sctp": 132}
ICMP_NAMES = {"echo-reply": 0, "unreachable": 3, "echo": 8, "time-exceeded": 11, "ttl-exceeded": 11}
ICMP6_NAMES = {"echo-request": 128, "echo-reply": 129, "unreachable": 1, "packet-too-big": 2, "nd-ns": 135, "nd-na": 136}
NAMED_PORTS = {"bootps": 67, "bootpc": 68, "domain": 53, "ntp": 123, "www": 80, "syslog": 514, "tftp": 69, "snmp": 161}


class Entry:
    def __init__(self, permit, family, protocol):
        self.permit = permit
        self.family = family  # 4, 6
        self.protocol = protocol  # number or None
        self.source = None  # network or None
        self.destination = None
        self.source_ports = None  # list of (first, last) or None
        self.destination_ports = None
        self.icmp_types = None
        self.established = False

    def matches(self):
        """OpenFlow match strings; several when ports are ranges or `established` needs two flags."""
        base = {(4, 6): "tcp", (4, 17): "udp", (4, 1): "icmp", (4, 132): "sctp", (4, None): "ip"}
        base |= {(6, 6): "tcp6", (6, 17): "udp6", (6, 58): "icmp6", (6, 132): "sctp6", (6, None): "ipv6"}
        head = base.get((self.family, self.protocol)) or ("ip" if self.family == 4 else "ipv6") + ",nw_proto=%d" % self.protocol
        prefix = "nw" if self.family == 4 else "ipv6"
        for field, network in (("src", self.source), ("dst", self.destination)):
            if network is not None:
                head += ",%s_%s=%s" % (prefix, field, network)
        kind = "icmp_type" if self.family == 4 else "icmpv6_type"
        variants = [head]
        variants = _expand(variants, "tp_src", self.source_ports)
        variants = _expand(variants, "tp_dst", self.destination_ports)
        if self.icmp_types is not None:
            variants = ["%s,%s=%d" % (v, kind, t) for v in variants for t in self.icmp_types]
        if self.established:
            variants = ["%s,tcp_flags=%s" % (v, flag) for v in variants for flag in ("+ack", "+rst")]
        return variants


def _expand(variants, field, ranges):
    if ranges is None:
        return variants
    blocks = [block for first, last in ranges for block in _blocks(first, last)]
    return ["%s,%s=%s" % (v, field, b) for v in variants for b in blocks]


def _blocks(first, last):
    """Bit-masked values that cover first … last exactly."""
    while first <= last:
        size = 1
        while first % (size * 2) == 0 and first + size * 2 - 1 <= last and size < 65536:
            size *= 2
        yield str(first) if size == 1 else "0x%x/0x%x" % (first, 0xFFFF ^ (size - 1))
        first += size


def _port(word):
    if word in NAMED_PORTS:
        return NAMED_PORTS[word]
    value = int(word)
    if not 0 <= value <= 65535:
        raise ValueError("port %s" % word)
    return value


# -- Cisco


def parse_cisco(family, text):
    words = text.lower().split()
    permit = {"permit": True, "deny": False}[words[0]]
    entry = Entry(permit, family, _cisco_protocol(family, words[1]))
    rest = words[2:]
    entry.source, rest = _cisco_address(family, rest)
    entry.source_ports, rest = _cisco_ports(rest)
    entry.destination, rest = _cisco_address(family, rest)
    entry.destination_ports, rest = _cisco_ports(rest)
    for word in rest:
        if word == "established" and entry.protocol == 6:
            entry.established = True
        elif entry.protocol in (1, 58) and (word.isdigit() or word in (ICMP_NAMES if family == 4 else ICMP6_NAMES)):
            names = ICMP_NAMES if family == 4 else ICMP6_NAMES
            entry.icmp_types = [int(word) if word.isdigit() else names[word]]
        elif word != "log":
            raise ValueError("`%s` is not understood" % word)
    return entry


def _cisco_protocol(family, word):
    if word == ("ip" if family == 4 else "ipv6"):
        return None
    if word == "icmp":
        return 1 if family == 4 else 58
    return int(word) if word.isdigit() else PROTOCOLS[word]


def _cisco_address(family, words):
    """`any`, `host A`, `A WILDCARD` (IPv4), `A/LENGTH` (IPv6)."""
    kind = ipaddress.IPv4Network if family == 4 else ipaddress.IPv6Network
    if words[0] == "any":
        return None, words[1:]
    if words[0] == "host":
        return kind(words[1]), words[2:]
    if family == 6:
        return kind(words[0]), words[1:]
    wildcard = int(ipaddress.IPv4Address(words[1]))
    if wildcard & (wildcard + 1):
        raise ValueError("wildcard %s is not contiguous" % words[1])
    return kind("%s/%d" % (words[0], 32 - wildcard.bit_length())), words[2:]


def _cisco_ports(words):
    if words[:1] == ["eq"]:
        ports = []
        words = words[1:]
        while words and (words[0].isdigit() or words[0] in NAMED_PORTS):
            ports.append((_port(words[0]), _port(words[0])))
            words = words[1:]
        return ports, words
    if words[:1] == ["range"]:
        return [(_port(words[1]), _port(words[2]))], words[3:]
    if words[:1] == ["gt"]:
        return [(_port(words[1]) + 1, 65535)], words[2:]
    if words[:1] == ["lt"]:
        return [(0, _port(words[1]) - 1)], words[2:]
    return None, words


# -- IPFilterRule


def parse_filter_rule(text):
    """One rule gives one entry per family it can match."""
    found = re.fullmatch(r"(permit|deny) in (\S+) from (.+?) to (.+)", text.strip())
    if not found:
        raise ValueError("not `permit|deny in PROTO from SRC to DST`")
    action, protocol, source, destination = found.groups()
    number = None if protocol == "ip" else int(protocol) if protocol.isdigit() else PROTOCOLS[protocol]
    source_network, source_ports, left = _filter_side(source.split())
    if left:
        raise ValueError("`%s` is not understood" % " ".join(left))
    network, ports, options = _filter_side(destination.split())
    families = {n.version for n in (source_network, network) if n is not None} or {1: {4}, 58: {6}}.get(number, {4, 6})
    if len(families) == 2 and source_network is not None and network is not None:
        raise ValueError("source and destination are of different families")
    entries = []
    for family in sorted(families):
        entry = Entry(action == "permit", family, number)
        entry.source, entry.source_ports, entry.destination, entry.destination_ports = source_network, source_ports, network, ports
        _filter_options(entry, options)
        entries.append(entry)
    return entries


def _filter_side(words):
    network = None if words[0] in ("any", "assigned") else ipaddress.ip_network(words[0])
    if len(words) > 1 and re.fullmatch(r"[\d,-]+", words[1]):
        ranges = [(_port(part.split("-")[0]), _port(part.split("-")[-1])) for part in words[1].split(",")]
        return network, ranges, words[2:]
    return network, None, words[1:]


def _filter_options(entry, words):
    while words:
        if words[0] == "established" and entry.protocol == 6:
            entry.established, words = True, words[1:]
        elif words[0] == "icmptypes" and len(words) > 1:
            bounds = [part.split("-") for part in words[1].split(",")]
            entry.icmp_types = [t for b in bounds for t in range(int(b[0]), int(b[-1]) + 1)]
            words = words[2:]
        else:
            raise ValueError("`%s` is not understood" % words[0])


# -- what an Access-Accept or CoA-Request carries


def from_packet(packet):
    """(entries, families with an implicit final deny, the lines as received), or None when the packet carries no ACL.

    Cisco: an `ip` ACL closes IPv4 only; IPv6 stays open unless an `ipv6` ACL comes too. RFC 4849: everything is closed.
    """
    lines, entries, closed = [], [], set()
    numbered = []
    for pair in packet.cisco_avpairs():
        found = re.fullmatch(r"(ip|ipv6):inacl#(\d+)=(.*)", pair)
        if found:
            numbered.append((4 if found[1] == "ip" else 6, int(found[2]), found[3], pair))
    for family, _number, text, pair in sorted(numbered, key=lambda n: n[:2]):
        entries += _understood(pair, lambda: [parse_cisco(family, text)])
        closed.add(family)
        lines.append(pair)
    rules = b"".join(packet.all(92))
    more = from_filter_rules([rule.decode(errors="replace") for rule in filter(None, rules.split(b"\0"))])
    if more:
        entries, closed, lines = entries + more[0], closed | more[1], lines + more[2]
    return (entries, closed, lines) if lines else None


def from_filter_rules(lines):
    """The same of rules as text: what a switch has in its own configuration."""
    entries = [entry for text in lines for entry in _understood(text, lambda: parse_filter_rule(text))]
    return (entries, {4, 6}, list(lines)) if lines else None


def _understood(text, parse):
    try:
        return parse()
    except (ValueError, KeyError, IndexError) as problem:
        raise ValueError("ACL line `%s`: %s" % (text, problem)) from problem
