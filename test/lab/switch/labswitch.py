#!/usr/bin/python3
"""The lab's access switch: hostapd (802.1X) + Open vSwitch (forwarding, ACL) + this agent, which does what a switch's
control plane does: MAC authentication, VLAN and ACL per session, accounting, dynamic authorization, device tracking.

usage: labswitch.py CONFIG.json      in the switch's network namespace; stdlib only

    device ── p1 ─┬─ tap (tracking.py) ─▶ Port ─▶ Access-Request ─▶ RADIUS server
                  │                        ▲  └──▶ openflow.py: VLAN tag, ACL
                  └─ hostapd (dot1x.py) ───┘ ◀──── dynauth.py ◀─── CoA, Disconnect
"""

import asyncio
import ipaddress
import json
import os
import signal
import socket
import sys

import accounting
import radius
from dot1x import Relay
from dynauth import INVALID_REQUEST, INVALID_VALUE, NAS_MISMATCH, RESOURCES_UNAVAILABLE, DynamicAuthorization, Refused
from openflow import Dataplane
from port import Port, log
from session import Authorization

REQUEST_TRIES, REQUEST_WAIT = 3, 1.0

LOOK_SECONDS = 0.1


class Switch:
    def __init__(self, config):
        self.config = config
        self.secret = config["secret"].encode()
        self.address = config["address"]
        self.address_hex = ipaddress.IPv4Address(self.address).packed.hex().upper()
        self.name = config["name"]
        self.speaks_cisco = config["dialect"] == "cisco"
        self.vlans = set(config["vlans"])
        self.acl_entries = config["aclEntries"]
        self.station_id = b"02-00-5E-00-00-01"
        self.dataplane = Dataplane(config["ovsDatabase"], config["ovsBridge"])
        self.identifier = 0
        self.eap_accepts = {}
        self.ports = {}
        self.server_down = None  # what it does by itself while no server answers; None: it waits

    def attributes(self):
        return [(radius.NAS_IP_ADDRESS, socket.inet_aton(self.address)), (radius.NAS_IDENTIFIER, self.name.encode())]

    async def start(self):
        loop, server = asyncio.get_running_loop(), self.config["server"]
        make = lambda: accounting.Accounting(self.secret, log)  # noqa: E731
        remote = (server, self.config["accountingPort"])
        _, self.accounting = await loop.create_datagram_endpoint(make, local_addr=(self.address, 0), remote_addr=remote)
        asyncio.ensure_future(self.accounting.run())
        self.accounting.tell(accounting.ON, self.attributes())
        make = lambda: DynamicAuthorization(self, self.secret, server, log)  # noqa: E731
        _, self.dynamic = await loop.create_datagram_endpoint(make, local_addr=(self.address, self.config["coaPort"]))
        remote = (server, self.config["authenticationPort"])
        Relay(self.config["relayPort"], self.address, remote, self._eap_accepted)
        self.ports = {name: Port(self, name, config) for name, config in self.config["ports"].items()}
        asyncio.ensure_future(self._watch_carrier())
        await asyncio.start_unix_server(self._control, self.config["control"])
        log("ready", name=self.name)

    def _eap_accepted(self, request, accept):
        calling = request.first(radius.CALLING_STATION_ID).translate(None, b"-:")
        self.eap_accepts[bytes.fromhex(calling.decode())] = accept

    async def ask(self, attributes, password):
        """Access-Request with retransmission; None when no authentic answer came."""
        loop = asyncio.get_running_loop()
        self.identifier = (self.identifier + 1) % 256
        request = radius.access_request(self.identifier, attributes, password, self.secret)
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.bind((self.address, 0))
        link.connect((self.config["server"], self.config["authenticationPort"]))
        link.setblocking(False)
        try:
            for _ in range(REQUEST_TRIES):
                deadline = loop.time() + REQUEST_WAIT
                try:
                    await loop.sock_sendall(link, request)
                    answer = await self._answer(link, request, deadline)
                    if answer:
                        return answer
                except OSError:  # ICMP port unreachable
                    await asyncio.sleep(max(0, deadline - loop.time()))
        finally:
            link.close()
        return None

    async def _answer(self, link, request, deadline):
        loop = asyncio.get_running_loop()
        while loop.time() < deadline:
            try:
                data = await asyncio.wait_for(loop.sock_recv(link, 4096), deadline - loop.time())
            except asyncio.TimeoutError:
                return None
            if radius.is_reply_to(request, data, self.secret, True):
                return radius.decode(data)
            log("an answer without valid Message-Authenticator was dropped")
        return None

    # -- what dynamic authorization asks for

    def check_nas(self, request):
        for kind, own in self.attributes():
            if request.first(kind) not in (None, own):
                raise Refused(NAS_MISMATCH, "meant for another NAS")

    async def disconnect(self, port):
        port.changes["disconnect"] += 1
        port.end(6, "Disconnect-Request")

    async def change(self, port, request):
        commands = [p.split("=", 1)[1] for p in request.cisco_avpairs() if p.startswith("subscriber:command=")]
        if commands == ["reauthenticate"]:
            port.reauthenticate()
        elif commands == ["bounce-host-port"]:
            port.end(6, "bounced")
            asyncio.ensure_future(port.flap())
        elif commands:
            raise Refused(INVALID_REQUEST, "command `%s`" % commands[0])
        else:
            await self._reauthorize(port, request)
        port.changes["coa"] += 1

    async def _reauthorize(self, port, request):
        try:
            wanted = Authorization(request).merged_into(port.session.authorization)
            await port.authorize(port.session, wanted)
        except OverflowError as error:
            raise Refused(RESOURCES_UNAVAILABLE, str(error)) from error
        except ValueError as error:
            raise Refused(INVALID_VALUE, str(error)) from error

    # -- the lab's own hands on the switch

    async def _watch_carrier(self):
        """Netlink says that some link changed, up to a second late; sysfs says how each one is now."""
        watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        watch.bind((0, 1))
        watch.setblocking(False)
        while True:
            for port in self.ports.values():
                port.look_at_carrier()
            try:
                await asyncio.wait_for(asyncio.get_running_loop().sock_recv(watch, 65536), LOOK_SECONDS)
            except asyncio.TimeoutError:
                pass

    async def _control(self, reader, writer):
        """One JSON command per line, one JSON answer."""
        while line := await reader.readline():
            command = json.loads(line)
            port = self.ports.get(command.get("port"))
            if command["do"] == "fault":
                port.fault = command["fault"]
            elif command["do"] == "server-down":
                self.server_down = command["configuration"]
            elif command["do"] == "reauthenticate":
                port.reauthenticate()
            elif command["do"] == "bypass-acl":
                self.dataplane.bypass(port.ofport, command["on"])
            answer = {
                "ports": {name: port.state() for name, port in self.ports.items()},
                "dynamic": self.dynamic.counts,
                "accounting": {"answered": self.accounting.answered, "waiting": self.accounting.queue.qsize() + (self.accounting.waiting is not None), "retransmissions": self.accounting.retransmissions},
            }  # fmt: skip
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()


async def main():
    with open(sys.argv[1]) as file:
        switch = Switch(json.load(file))
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    await switch.start()
    await stop


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)
