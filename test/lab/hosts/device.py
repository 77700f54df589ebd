#!/usr/bin/python3
"""The network stack of a device: gets new addresses (DHCP by udhcpc, IPv6 by router advertisement) whenever its link comes up.

usage: device.py SCRIPT VENDOR_CLASS      in the device's namespace; SCRIPT is what udhcpc runs
"""

import signal
import socket
import subprocess
import sys

LINK = "eth0"
LOOK_SECONDS = 0.1


def run(*command):
    subprocess.run(command, check=True)


def sysctl(name, value):
    with open("/proc/sys/net/ipv6/conf/%s/%s" % (LINK, name), "w") as file:
        file.write(value)


def carrier():
    """Whether the link is up, and how often it went down: the kernel may tell of a change a second late, when it is undone."""
    path = "/sys/class/net/%s/" % LINK
    downs = int(open(path + "carrier_down_count").read())
    try:
        return open(path + "carrier").read().strip() == "1", downs
    except OSError:
        return False, downs  # administratively down


class Client:
    def __init__(self, script, vendor):
        self.command = ["udhcpc", "-f", "-i", LINK, "-t", "30", "-T", "1", "-A", "1", "-V", vendor, "-s", script]
        self.process = None

    def start(self):
        sysctl("disable_ipv6", "0")
        self.process = subprocess.Popen(self.command, stdout=sys.stdout, stderr=sys.stderr)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        run("ip", "addr", "flush", "dev", LINK, "scope", "global")
        sysctl("disable_ipv6", "1")  # also forgets the router and the prefixes


def main():
    watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    watch.bind((0, 1))
    watch.settimeout(LOOK_SECONDS)
    # Ask for a router at once and often. Duplicate address detection goes on in the background (RFC 4429): its
    # solicitations tell the switch which addresses there are, as on a real port.
    for name in ("optimistic_dad", "use_optimistic", "router_solicitation_interval"):
        sysctl(name, "1")
    sysctl("router_solicitation_delay", "0")
    client = Client(sys.argv[1], sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: (client.stop(), sys.exit(0)))
    up, downs = False, 0

    def becomes(now_up):
        print("link", "up" if now_up else "down", flush=True)
        (client.start if now_up else client.stop)()

    while True:
        now_up, now_downs = carrier()
        if up and (not now_up or now_downs != downs):
            becomes(False)
            up = False
        if now_up and not up:
            becomes(True)
        up, downs = now_up, now_downs
        try:
            watch.recv(65536)
        except TimeoutError:
            pass


if __name__ == "__main__":
    main()
