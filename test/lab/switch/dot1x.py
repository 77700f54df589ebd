"""hostapd does the EAPOL half of 802.1X. The switch listens to its events and relays its RADIUS packets unchanged,
because hostapd has no use for VLAN and ACL attributes: the relay reads them from the Access-Accept as it passes."""

import asyncio
import os
import socket

import radius


class Authenticator:
    """hostapd's control socket for one port."""

    def __init__(self, path, folder, port, on_event):
        self.path = path
        self.local = "%s/control-%s-%d" % (folder, port, os.getpid())
        self.on_event = on_event
        self.monitor = self._connect("monitor")
        self.monitor.send(b"ATTACH")
        self.monitor.recv(64)
        self.monitor.setblocking(False)
        asyncio.get_running_loop().add_reader(self.monitor, self._read)

    def _connect(self, name):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        link.settimeout(2)
        link.bind("%s-%s" % (self.local, name))
        link.connect(self.path)
        return link

    def _read(self):
        event = self.monitor.recv(4096).decode(errors="replace").partition(">")[2]
        self.on_event(event.split())

    def command(self, text):
        link = self._connect("command")
        try:
            link.send(text.encode())
            return link.recv(4096).decode(errors="replace")
        finally:
            link.close()
            os.unlink("%s-command" % self.local)


class Relay:
    """127.0.0.1 (hostapd) ⇄ server, from the address that the server knows the switch by."""

    def __init__(self, listen_port, local_address, server, on_accept):
        self.pending = {}  # identifier → (hostapd's address, request)
        self.server = server
        self.on_accept = on_accept
        self.inner = self._socket(("127.0.0.1", listen_port))
        self.outer = self._socket((local_address, 0))
        loop = asyncio.get_running_loop()
        loop.add_reader(self.inner, self._from_hostapd)
        loop.add_reader(self.outer, self._from_server)

    @staticmethod
    def _socket(address):
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.bind(address)
        link.setblocking(False)
        return link

    def _from_hostapd(self):
        data, source = self.inner.recvfrom(4096)
        self.pending[data[1]] = (source, data)
        self.outer.sendto(data, self.server)

    def _from_server(self):
        try:
            data, _ = self.outer.recvfrom(4096)
        except OSError:
            return  # ICMP: nobody listens; hostapd retransmits
        if data[1] not in self.pending:
            return
        source, request = self.pending[data[1]]
        if data[0] == radius.ACCESS_ACCEPT:
            self.on_accept(radius.decode(request), radius.decode(data))
        self.inner.sendto(data, source)
