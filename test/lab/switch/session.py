"""A device on a port: who it is, what it may, and what accounting says of it."""

import secrets
import time

import acl
import radius


class Authorization:
    """What an Access-Accept or a CoA-Request grants. Raises ValueError for what this switch can't do."""

    def __init__(self, packet):
        group = packet.first(radius.TUNNEL_PRIVATE_GROUP_ID)
        if group is not None and group[:1] and group[0] <= 0x1F:
            group = group[1:]  # RFC 2868 §3.6: a tag
        self.vlan = None
        if group is not None:
            kind, medium = packet.first(radius.TUNNEL_TYPE), packet.first(radius.TUNNEL_MEDIUM_TYPE)
            if kind is None or kind[1:] != b"\0\0\x0d" or medium is None or medium[1:] != b"\0\0\x06":
                raise ValueError("Tunnel-Type is not VLAN over IEEE-802")
            self.vlan = int(group)
        self.acl = acl.from_packet(packet)
        self.session_timeout = packet.number(radius.SESSION_TIMEOUT)
        self.reauthenticates = packet.number(radius.TERMINATION_ACTION) == 1
        self.interim = packet.number(radius.ACCT_INTERIM_INTERVAL)
        self.classes = packet.all(radius.CLASS)

    @classmethod
    def critical(cls, wanted):
        """What the switch itself grants while no RADIUS server answers: `critical` of its configuration."""
        self = cls.__new__(cls)
        self.vlan = wanted["vlan"]
        self.acl = acl.from_filter_rules(wanted["filterRules"])
        self.session_timeout = self.interim = None
        self.reauthenticates = False
        self.classes = []
        return self

    def merged_into(self, earlier):
        """A CoA-Request may carry only what changes; the rest stays as it was."""
        for name in ("vlan", "acl", "session_timeout", "interim"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(earlier, name))
        self.classes = self.classes or earlier.classes
        return self


class Session:
    def __init__(self, port, nas, mac, method):
        self.port = port
        self.is_critical = False  # let in by the switch alone: no server knows of it
        self.is_accounted = True
        self.nas = nas
        self.mac = mac
        self.method = method
        self.acct_session_id = secrets.token_hex(4).upper()
        self.audit_session_id = "%s%s" % (nas.address_hex, secrets.token_hex(8).upper())
        self.authorization = None
        self.addresses = {}  # address → when it was learned
        self.started = time.monotonic()
        self.started_octets = port.octets()

    def identity(self):
        """The attributes by which requests, accounting and dynamic authorization name this session."""
        plain = self.mac.hex()
        return {
            radius.USER_NAME: plain.encode(),
            radius.CALLING_STATION_ID: "-".join(plain[i : i + 2] for i in range(0, 12, 2)).upper().encode(),
            radius.ACCT_SESSION_ID: self.acct_session_id.encode(),
            radius.NAS_PORT: radius.integer(self.port.ofport),
            radius.NAS_PORT_ID: self.port.name.encode(),
        }

    def attributes(self):
        out = [*self.identity().items(), *self.nas.attributes(), (radius.NAS_PORT_TYPE, radius.integer(15))]
        if self.nas.speaks_cisco:
            out.append(radius.cisco_avpair("audit-session-id=" + self.audit_session_id))
        return out

    def accounting(self):
        received, sent = (now - before for now, before in zip(self.port.octets(), self.started_octets))
        out = self.attributes()
        out += [(radius.CLASS, value) for value in (self.authorization.classes if self.authorization else [])]
        for address in self.addresses:
            kind = radius.FRAMED_IP_ADDRESS if address.version == 4 else radius.FRAMED_IPV6_ADDRESS
            out.append((kind, address.packed))
        numbers = [
            (radius.ACCT_AUTHENTIC, 1),
            (radius.ACCT_SESSION_TIME, int(time.monotonic() - self.started)),
            (radius.ACCT_INPUT_OCTETS, received & 0xFFFFFFFF),
            (radius.ACCT_INPUT_GIGAWORDS, received >> 32),
            (radius.ACCT_OUTPUT_OCTETS, sent & 0xFFFFFFFF),
            (radius.ACCT_OUTPUT_GIGAWORDS, sent >> 32),
            (radius.ACCT_DELAY_TIME, 0),
        ]
        return out + [(kind, radius.integer(value)) for kind, value in numbers]

    def learn(self, address):
        """True when that changes what is known: one IPv4 address, and the IPv6 addresses of the latest prefix."""
        if address in self.addresses:
            return False
        same = [a for a in self.addresses if a.version == address.version]
        for other in same:
            if address.version == 4 or int(other) >> 64 != int(address) >> 64:
                del self.addresses[other]
        self.addresses[address] = time.monotonic()
        return True
