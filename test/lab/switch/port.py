"""An access port: finds out who is there, and is open only as far as the RADIUS server says."""

import asyncio
import json
import time

import accounting
import radius
import tracking
from dot1x import Authenticator
from openflow import PARKING_VLAN
from session import Authorization, Session

RETRY_WHEN_SERVER_IS_DEAD, QUIET_AFTER_REJECT = 1.0, 5.0
RETRY_AFTER_FAILURE = 2.0
DEFAULT_VLAN = 300  # what a port has by its own configuration, on a switch that ignores what the server grants
DOT1X_WAIT = 8.0  # two of hostapd's transmissions, and a handshake
FLAP_SECONDS = 0.15


def log(message, **fields):
    print(json.dumps({"at": round(time.time(), 3), "message": message, **fields}), flush=True)


async def run(*command):
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait() != 0:
        log("command failed", command=command)


class Port:
    """INVARIANT: without an authorized session the port is closed: parked VLAN, no forwarding rule."""

    def __init__(self, switch, name, config):
        self.switch = switch
        self.name = name
        self.ofport = config["ofport"]
        self.dot1x_first = config.get("dot1xFirst", False)
        self.session = None
        self.attempt = None  # task that authenticates a device
        self.eap = None  # future: outcome of 802.1X
        self.quiet_until = 0.0
        self.flapping = False
        self.has_carrier = True
        self.fault = None
        self.placed = None  # (mac, vlan) of the latest authorization
        self.timers = []
        self.changes = {"accept": 0, "reject": 0, "timeout": 0, "coa": 0, "disconnect": 0}
        switch.dataplane.close(self.ofport)
        switch.dataplane.set_vlan(name, PARKING_VLAN)
        self.authenticator = Authenticator(config["hostapd"], switch.config["runDir"], name, self.on_hostapd)
        self.tap = tracking.open_tap(name)
        asyncio.get_running_loop().add_reader(self.tap, self.on_frame)

    def octets(self):
        folder = "/sys/class/net/%s/statistics/" % self.name
        return tuple(int(open(folder + f).read()) for f in ("rx_bytes", "tx_bytes"))

    # -- events

    def on_frame(self):
        try:
            frame = tracking.read_frame(self.tap)
        except OSError:
            return  # the link went down: the carrier watch deals with it
        if frame is None or self.flapping:
            return
        if self.session and self.session.mac == frame.mac:
            if self.session.authorization and frame.address and self.session.learn(frame.address):
                log("learned", port=self.name, address=str(frame.address))
                self.account(accounting.INTERIM)
        elif frame.ethertype != tracking.EAPOL or self.dot1x_first:
            self.authenticate(frame.mac)

    def on_hostapd(self, words):
        outcome = {"CTRL-EVENT-EAP-SUCCESS2": True, "CTRL-EVENT-EAP-FAILURE2": False}.get(words[0])
        if outcome is None:
            return
        log("802.1X", port=self.name, success=outcome)
        if self.eap and not self.eap.done():
            self.eap.set_result(outcome)

    def on_carrier(self, up):
        if up == self.has_carrier or self.flapping:
            return
        self.has_carrier = up
        log("link", port=self.name, up=up)
        self.quiet_until = 0.0
        if not up:
            self.placed = None
            self.end(2, "lost carrier")

    # -- authentication

    def authenticate(self, mac):
        if self.attempt or time.monotonic() < self.quiet_until:
            return
        if self.session:
            self.end(2, "another device speaks")
        self.attempt = asyncio.ensure_future(self._authenticate(mac))
        self.attempt.add_done_callback(self._attempt_ended)

    def _attempt_ended(self, task):
        self.attempt = None
        if not task.cancelled() and task.exception():
            log("authentication failed", port=self.name, error=repr(task.exception()))
            self.quiet_until = time.monotonic() + 1

    async def _authenticate(self, mac):
        if self.dot1x_first and await self._dot1x(mac):
            return
        await self._mac_authentication(Session(self, self.switch, mac, "mab"))

    async def _dot1x(self, mac):
        """True when 802.1X decided for the device; otherwise MAC authentication has its turn."""
        self.eap = asyncio.get_running_loop().create_future()
        self.authenticator.command("NEW_STA " + mac.hex(":"))
        done, _ = await asyncio.wait({self.eap}, timeout=DOT1X_WAIT)
        accept = self.switch.eap_accepts.pop(mac, None)
        if not done or not self.eap.result() or accept is None:
            log("802.1X gave nothing, falling back to MAC authentication", port=self.name)
            return False
        session = Session(self, self.switch, mac, "dot1x")
        await self.authorize(session, Authorization(accept))
        return True

    async def _mac_authentication(self, session):
        password = session.mac.hex().encode()
        attributes = [*session.attributes(), (radius.SERVICE_TYPE, radius.integer(10))]
        attributes.append((radius.CALLED_STATION_ID, self.switch.station_id))
        if self.switch.speaks_cisco:
            attributes.append(radius.cisco_avpair("method=mab"))
        answer = await self.switch.ask(attributes, password)
        if answer is None:
            self.changes["timeout"] += 1
            log("no answer from the RADIUS server", port=self.name)
            await self._without_server(session)
        elif answer.code == radius.ACCESS_ACCEPT:
            self.changes["accept"] += 1
            if self.fault == "loops":
                log("failed on purpose to apply what the server granted", port=self.name)
                self.quiet_until = time.monotonic() + RETRY_AFTER_FAILURE
            else:
                granted = Authorization(answer)
                if self.fault == "ignores":
                    session.is_accounted = False
                    granted.vlan, granted.acl = DEFAULT_VLAN, None
                await self.authorize(session, granted)
        else:
            self.changes["reject"] += 1
            self.quiet_until = time.monotonic() + QUIET_AFTER_REJECT
            if self.session and self.session.mac == session.mac:
                self.end(6, "rejected at re-authentication")
            log("rejected", port=self.name, mac=session.mac.hex(":"))

    async def _without_server(self, session):
        """What the switch does by itself: `serverDown` of its configuration, as `cordon render --server-down` prints it."""
        wanted = self.switch.server_down
        if wanted is None:
            self.quiet_until = time.monotonic() + RETRY_WHEN_SERVER_IS_DEAD
            return
        stays = self.session and self.session.mac == session.mac and (self.session.is_critical or wanted["keepAuthorized"])
        if not stays:
            critical = Session(self, self.switch, session.mac, session.method)
            critical.is_critical, critical.is_accounted = True, False
            await self.authorize(critical, Authorization.critical(wanted["critical"]))
        log("no server: " + ("stays as it is" if stays else "critical segment"), port=self.name, mac=session.mac.hex(":"))
        self.timers.append(asyncio.get_running_loop().call_later(RETRY_WHEN_SERVER_IS_DEAD, self.reauthenticate))

    # -- authorization

    async def authorize(self, session, authorization):
        is_new = self.session is not session
        if authorization.vlan not in self.switch.vlans:
            raise ValueError("VLAN %s does not exist on this switch" % authorization.vlan)
        if authorization.acl and len(authorization.acl[0]) > self.switch.acl_entries:
            raise OverflowError("the ACL has more than %d entries" % self.switch.acl_entries)
        # The same device in another VLAN, be it by CoA or by a new session: it has to notice.
        moves = self.placed is not None and self.placed[0] == session.mac and self.placed[1] != authorization.vlan
        started = time.monotonic()
        if is_new or moves:
            self.switch.dataplane.close(self.ofport)
            self.switch.dataplane.set_vlan(self.name, authorization.vlan)
        self.switch.dataplane.open(self.ofport, authorization.acl)
        took = round((time.monotonic() - started) * 1000)
        session.authorization = authorization
        self.session = session
        self._set_timers()
        acl_lines = authorization.acl[2] if authorization.acl else None
        log("authorized", port=self.name, mac=session.mac.hex(":"), vlan=authorization.vlan, acl=acl_lines, ms=took)
        self.placed = (session.mac, authorization.vlan)
        if is_new:
            self.account(accounting.START)
        if moves:
            session.addresses.clear()
            asyncio.ensure_future(self.flap())

    def _set_timers(self):
        loop, granted = asyncio.get_running_loop(), self.session.authorization
        for timer in self.timers:
            timer.cancel()
        self.timers = []
        if granted.session_timeout:
            act = self.reauthenticate if granted.reauthenticates else lambda: self.end(5, "session timeout")
            self.timers.append(loop.call_later(granted.session_timeout, act))
        if granted.interim:
            self.timers.append(loop.call_later(granted.interim, self._interim))

    def _interim(self):
        self.account(accounting.INTERIM)
        self.timers.append(asyncio.get_running_loop().call_later(self.session.authorization.interim, self._interim))

    def reauthenticate(self):
        if self.session and not self.attempt:
            # One that the switch let in alone begins anew: for the servers there was none before.
            anew = self.session.is_critical
            again = self._authenticate(self.session.mac) if anew else self._mac_authentication(self.session)
            self.attempt = asyncio.ensure_future(again)
            self.attempt.add_done_callback(self._attempt_ended)

    async def flap(self):
        """The device must notice that it is in another network: link down and up, as switches do on a VLAN change."""
        self.flapping = True
        await run("ip", "link", "set", self.name, "down")
        await asyncio.sleep(FLAP_SECONDS)
        await run("ip", "link", "set", self.name, "up")
        self.flapping = False

    def end(self, cause, why):
        """Ends the session, if there is one, and closes the port."""
        if self.attempt:
            self.attempt.cancel()
        for timer in self.timers:
            timer.cancel()
        session, self.session = self.session, None
        self.switch.dataplane.close(self.ofport)
        self.switch.dataplane.set_vlan(self.name, PARKING_VLAN)
        if session:
            log("session ended", port=self.name, why=why)
        if session and session.is_accounted:
            stop = (radius.ACCT_TERMINATE_CAUSE, radius.integer(cause))
            self.switch.accounting.tell(accounting.STOP, [*session.accounting(), stop])

    def account(self, status):
        if self.session and self.session.is_accounted:
            self.switch.accounting.tell(status, self.session.accounting())

    def state(self):
        session, granted = self.session, self.session and self.session.authorization
        return {
            "authorized": granted is not None,
            "mac": session and session.mac.hex(":"),
            "method": session and session.method,
            "vlan": granted and granted.vlan,
            "critical": session is not None and session.is_critical,
            "acl": granted.acl[2] if granted and granted.acl else None,
            "acctSessionId": session and session.acct_session_id,
            "addresses": [str(a) for a in session.addresses] if session else [],
            "changes": self.changes,
        }
