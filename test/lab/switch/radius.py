"""RADIUS packets as the lab's switch needs them (RFC 2865, 2866, 3579, 5176). Stdlib only."""

import hashlib
import hmac
import secrets
import struct

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 4, 5
DISCONNECT_REQUEST, COA_REQUEST = 40, 43

USER_NAME, USER_PASSWORD, NAS_IP_ADDRESS, NAS_PORT, SERVICE_TYPE = 1, 2, 4, 5, 6
FRAMED_IP_ADDRESS, FILTER_ID, STATE, CLASS, VENDOR_SPECIFIC = 8, 11, 24, 25, 26
SESSION_TIMEOUT, TERMINATION_ACTION, CALLED_STATION_ID, CALLING_STATION_ID = 27, 29, 30, 31
NAS_IDENTIFIER, PROXY_STATE = 32, 33
ACCT_STATUS_TYPE, ACCT_DELAY_TIME, ACCT_INPUT_OCTETS, ACCT_OUTPUT_OCTETS = 40, 41, 42, 43
ACCT_SESSION_ID, ACCT_AUTHENTIC, ACCT_SESSION_TIME, ACCT_TERMINATE_CAUSE = 44, 45, 46, 49
ACCT_INPUT_GIGAWORDS, ACCT_OUTPUT_GIGAWORDS, EVENT_TIMESTAMP = 52, 53, 55
NAS_PORT_TYPE, TUNNEL_TYPE, TUNNEL_MEDIUM_TYPE, MESSAGE_AUTHENTICATOR = 61, 64, 65, 80
TUNNEL_PRIVATE_GROUP_ID, ACCT_INTERIM_INTERVAL, NAS_PORT_ID, NAS_FILTER_RULE = 81, 85, 87, 92
ERROR_CAUSE, FRAMED_IPV6_ADDRESS = 101, 168
CISCO = 9


def integer(value):
    return struct.pack("!I", value)


def cisco_avpair(text):
    body = text.encode()
    return (VENDOR_SPECIFIC, struct.pack("!IBB", CISCO, 1, len(body) + 2) + body)


class Packet:
    def __init__(self, code, identifier, authenticator, attributes):
        self.code = code
        self.identifier = identifier
        self.authenticator = authenticator
        self.attributes = attributes

    def first(self, kind):
        return next((value for k, value in self.attributes if k == kind), None)

    def all(self, kind):
        return [value for k, value in self.attributes if k == kind]

    def text(self, kind):
        value = self.first(kind)
        return None if value is None else value.decode(errors="replace")

    def number(self, kind):
        value = self.first(kind)
        return None if value is None or len(value) != 4 else struct.unpack("!I", value)[0]

    def cisco_avpairs(self):
        """Vendor-Specific of Cisco, sub-attribute 1, in order; a packet may carry several sub-attributes in one VSA."""
        pairs = []
        for value in self.all(VENDOR_SPECIFIC):
            if len(value) < 6 or struct.unpack("!I", value[:4])[0] != CISCO:
                continue
            at = 4
            while at + 2 <= len(value) and value[at + 1] >= 2:
                if value[at] == 1:
                    pairs.append(value[at + 2 : at + value[at + 1]].decode(errors="replace"))
                at += value[at + 1]
        return pairs


def decode(data):
    if len(data) < 20:
        raise ValueError("shorter than a RADIUS header")
    code, identifier, length = struct.unpack("!BBH", data[:4])
    if not 20 <= length <= min(len(data), 4096):
        raise ValueError("length %d does not fit" % length)
    attributes, at = [], 20
    while at < length:
        if at + 2 > length or data[at + 1] < 2 or at + data[at + 1] > length:
            raise ValueError("attribute at %d overruns the packet" % at)
        attributes.append((data[at], data[at + 2 : at + data[at + 1]]))
        at += data[at + 1]
    return Packet(code, identifier, data[4:20], attributes)


def encode(code, identifier, authenticator, attributes):
    body = b"".join(bytes([kind, len(value) + 2]) + value for kind, value in attributes)
    return struct.pack("!BBH", code, identifier, 20 + len(body)) + authenticator + body


def _position_of_message_authenticator(data):
    at, end = 20, struct.unpack("!H", data[2:4])[0]
    while at + 2 <= end and data[at + 1] >= 2:
        if data[at] == MESSAGE_AUTHENTICATOR and data[at + 1] == 18:
            return at + 2
        at += data[at + 1]
    return None


def _sign(data, authenticator, secret):
    """Fills Message-Authenticator: HMAC-MD5 over the packet with `authenticator` in the header and zeros in its place."""
    at = _position_of_message_authenticator(data)
    zeroed = data[:4] + authenticator + data[20:at] + bytes(16) + data[at + 16 :]
    mac = hmac.new(secret, zeroed, "md5").digest()
    return data[:at] + mac + data[at + 16 :]


def _has_valid_message_authenticator(data, authenticator, secret):
    at = _position_of_message_authenticator(data)
    return at is not None and hmac.compare_digest(_sign(data, authenticator, secret)[at : at + 16], data[at : at + 16])


def hide_password(password, authenticator, secret):
    padded = password + bytes(-len(password) % 16)
    hidden, previous = b"", authenticator
    for at in range(0, len(padded), 16):
        pad = hashlib.md5(secret + previous).digest()
        previous = bytes(a ^ b for a, b in zip(padded[at : at + 16], pad))
        hidden += previous
    return hidden


def access_request(identifier, attributes, password, secret):
    authenticator = secrets.token_bytes(16)
    full = [(MESSAGE_AUTHENTICATOR, bytes(16)), *attributes, (USER_PASSWORD, hide_password(password, authenticator, secret))]
    return _sign(encode(ACCESS_REQUEST, identifier, authenticator, full), authenticator, secret)


def accounting_request(identifier, attributes, secret):
    data = encode(ACCOUNTING_REQUEST, identifier, bytes(16), attributes)
    return data[:4] + hashlib.md5(data + secret).digest() + data[20:]


def is_reply_to(request, reply, secret, message_authenticator):
    """Response Authenticator (RFC 2865 §3) and, where asked for, Message-Authenticator."""
    if len(reply) < 20 or reply[1] != request[1]:
        return False
    data = reply[: struct.unpack("!H", reply[2:4])[0]]
    expected = hashlib.md5(data[:4] + request[4:20] + data[20:] + secret).digest()
    if not hmac.compare_digest(expected, data[4:20]):
        return False
    return not message_authenticator or _has_valid_message_authenticator(data, request[4:20], secret)


def is_authentic_dynamic_request(data, secret):
    """RFC 5176 §2.3 and §3.4: Request Authenticator over zeros; Message-Authenticator is demanded here."""
    expected = hashlib.md5(data[:4] + bytes(16) + data[20:] + secret).digest()
    return hmac.compare_digest(expected, data[4:20]) and _has_valid_message_authenticator(data, bytes(16), secret)


def dynamic_reply(request, code, attributes, secret):
    full = [(MESSAGE_AUTHENTICATOR, bytes(16)), *attributes, *[(PROXY_STATE, v) for v in request.all(PROXY_STATE)]]
    data = _sign(encode(code, request.identifier, request.authenticator, full), request.authenticator, secret)
    return data[:4] + hashlib.md5(data + secret).digest() + data[20:]
