"""The switch's ASIC: Open vSwitch in userspace. One cookie per port, so that a port's rules are replaced in one bundle."""

import subprocess

# Closed ports sit alone in a VLAN that no uplink carries; without OpenFlow rules they also drop all they receive (fail_mode=secure).
PARKING_VLAN = 4094
FIRST_ACL_PRIORITY = 30000


def _run(*command, text=None):
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (command[0], done.stderr.strip()))
    return done.stdout


class Dataplane:
    def __init__(self, database, bridge):
        self.database = database
        self.bridge = bridge

    def set_vlan(self, port, vlan):
        _run("ovs-vsctl", "--db=" + self.database, "set", "port", port, "tag=%d" % vlan)

    def close(self, ofport):
        self._replace(ofport, [])

    def open(self, ofport, acl):
        """`acl`: what acl.from_packet gave, or None for a port without ACL."""
        entries, closed, _lines = acl or ([], set(), [])
        # An IP ACL does not see ARP. It does see DHCP and neighbour discovery: the ACL must allow them, as on real switches.
        flows = [("priority=60000,arp", "NORMAL")]
        for index, entry in enumerate(entries):
            action = "NORMAL" if entry.permit else "drop"
            flows += [("priority=%d,%s" % (FIRST_ACL_PRIORITY - index, m), action) for m in entry.matches()]
        for family, match in ((4, "ip"), (6, "ipv6")):
            flows.append(("priority=2," + match, "drop" if family in closed else "NORMAL"))
        self._replace(ofport, flows)

    def bypass(self, ofport, on):
        """Lab only: takes the port's ACL out of the way, to see what the firewall does on its own."""
        cookie = 0x2000 + ofport
        lines = ["delete cookie=0x%x/-1" % cookie]
        if on:
            lines.append("add table=0,cookie=0x%x,priority=61000,in_port=%d,actions=NORMAL" % (cookie, ofport))
        self._bundle(lines)

    def _replace(self, ofport, flows):
        cookie = 0x1000 + ofport
        lines = ["delete cookie=0x%x/-1" % cookie]
        for match, action in flows:
            head, _, tail = match.partition(",")
            lines.append("add table=0,cookie=0x%x,%s,in_port=%d,%s,actions=%s" % (cookie, head, ofport, tail, action))
        self._bundle(lines)

    def _bundle(self, lines):
        _run("ovs-ofctl", "-O", "OpenFlow14", "--bundle", "add-flows", self.bridge, "-", text="\n".join(lines) + "\n")
