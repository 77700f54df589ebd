#!/usr/bin/python3
"""The network stack of a device: gets new addresses (DHCP by udhcpc, IPv6 by router advertisement) whenever its link comes up.

usage: device.py SCRIPT VENDOR_CLASS      in the device's namespace; SCRIPT is what udhcpc runs
"""

import signal
import socket
import subprocess
import sys

LINK = "eth0"


def run(*command):
    subprocess.run(command, check=True)


def sysctl(name, value):
    with open("/proc/sys/net/ipv6/conf/%s/%s" % (LINK, name), "w") as file:
        file.write(value)


def has_carrier():
    try:
        return open("/sys/class/net/%s/carrier" % LINK).read().strip() == "1"
    except OSError:
        return False  # administratively down


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
    # Ask for a router at once and often. Duplicate address detection goes on in the background (RFC 4429): its
    # solicitations tell the switch which addresses there are, as on a real port.
    for name in ("optimistic_dad", "use_optimistic", "router_solicitation_interval"):
        sysctl(name, "1")
    sysctl("router_solicitation_delay", "0")
    client = Client(sys.argv[1], sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: (client.stop(), sys.exit(0)))
    up = False
    while True:
        if has_carrier() != up:
            up = not up
            print("link", "up" if up else "down", flush=True)
            (client.start if up else client.stop)()
        watch.recv(65536)


if __name__ == "__main__":
    main()
