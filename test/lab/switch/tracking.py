"""What a switch sees on an access port before any rule: who speaks, and under which addresses (IP device tracking)."""

import ipaddress
import socket
import struct

ETH_P_ALL = 3
PACKET_OUTGOING = 4
ICMPV6, NEIGHBOUR_SOLICITATION = 58, 135
EAPOL, ARP, IPV4, IPV6 = 0x888E, 0x0806, 0x0800, 0x86DD


def open_tap(port):
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    tap.bind((port, 0))
    tap.setblocking(False)
    return tap


class Frame:
    """`address`: an address that the frame proves its sender to hold, or None."""

    def __init__(self, mac, ethertype, address):
        self.mac = mac
        self.ethertype = ethertype
        self.address = address


def read_frame(tap):
    """The next frame from the device; None for one towards it. OSError when the link went down."""
    data, (_interface, _protocol, kind, *_rest) = tap.recvfrom(2048)
    if len(data) < 14:
        return None
    if kind == PACKET_OUTGOING:
        return None
    ethertype = struct.unpack("!H", data[12:14])[0]
    return Frame(data[6:12], ethertype, _address(ethertype, data[14:]))


def _address(ethertype, body):
    if ethertype == ARP and len(body) >= 28:
        return _useful(ipaddress.IPv4Address(body[14:18]))
    if ethertype == IPV4 and len(body) >= 20:
        return _useful(ipaddress.IPv4Address(body[12:16]))
    if ethertype == IPV6 and len(body) >= 40:
        source = ipaddress.IPv6Address(body[8:24])
        if source.is_unspecified and len(body) >= 64 and body[6] == ICMPV6 and body[40] == NEIGHBOUR_SOLICITATION:
            source = ipaddress.IPv6Address(body[48:64])  # duplicate address detection: the target is to be its own
        return _useful(source)
    return None


def _useful(address):
    unusable = address.is_unspecified or address.is_link_local or address.is_multicast or address.is_loopback
    return None if unusable else address
