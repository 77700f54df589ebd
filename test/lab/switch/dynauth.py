"""Dynamic authorization server (RFC 5176): CoA-Request and Disconnect-Request, as strict as the standard allows."""

import asyncio
import time

import radius

MISSING_ATTRIBUTE, NAS_MISMATCH, INVALID_REQUEST, INVALID_VALUE = 402, 403, 404, 407
UNSUPPORTED_ATTRIBUTE, SESSION_NOT_FOUND, RESOURCES_UNAVAILABLE = 401, 503, 506
TIMESTAMP_WINDOW = 300
REPLY_LIFETIME = 30

IDENTIFIES_NAS = {radius.NAS_IP_ADDRESS, radius.NAS_IDENTIFIER}
IDENTIFIES_SESSION = {radius.USER_NAME, radius.NAS_PORT, radius.CALLING_STATION_ID, radius.ACCT_SESSION_ID, radius.NAS_PORT_ID}
AUTHORIZES = {
    radius.TUNNEL_TYPE, radius.TUNNEL_MEDIUM_TYPE, radius.TUNNEL_PRIVATE_GROUP_ID, radius.NAS_FILTER_RULE, radius.FILTER_ID,
    radius.SESSION_TIMEOUT, radius.TERMINATION_ACTION, radius.CLASS, radius.ACCT_INTERIM_INTERVAL,
}  # fmt: skip
KNOWN = IDENTIFIES_NAS | IDENTIFIES_SESSION | AUTHORIZES | {
    radius.VENDOR_SPECIFIC, radius.EVENT_TIMESTAMP, radius.MESSAGE_AUTHENTICATOR, radius.PROXY_STATE, radius.SERVICE_TYPE,
    radius.FRAMED_IP_ADDRESS, radius.FRAMED_IPV6_ADDRESS, radius.CALLED_STATION_ID, radius.STATE, radius.NAS_PORT_TYPE,
}  # fmt: skip


class Refused(Exception):
    def __init__(self, cause, why):
        super().__init__(why)
        self.cause = cause


class DynamicAuthorization(asyncio.DatagramProtocol):
    """Decides whether a request is genuine and fresh and which session it means; `switch` carries it out."""

    def __init__(self, switch, secret, client, log):
        self.switch = switch
        self.secret = secret
        self.client = client
        self.log = log
        self.replies = {}  # (source, authenticator) → (deadline, reply or None while in progress)
        self.counts = {"coa": 0, "disconnect": 0, "duplicate": 0, "dropped": 0, "nak": 0}

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        problem = self._problem(data, source)
        if problem:
            self.counts["dropped"] += 1
            self.log("dynamic authorization: dropped", source=source[0], why=problem)
            return
        now = time.monotonic()
        self.replies = {key: entry for key, entry in self.replies.items() if entry[0] > now}
        key = (source, data[1], data[4:20])
        if key in self.replies:
            self.counts["duplicate"] += 1
            if self.replies[key][1]:
                self.transport.sendto(self.replies[key][1], source)
            return
        self.replies[key] = (now + REPLY_LIFETIME, None)
        asyncio.ensure_future(self._answer(data, source, key))

    def _problem(self, data, source):
        if source[0] != self.client:
            return "not from the RADIUS server"
        try:
            request = radius.decode(data)
        except ValueError as error:
            return str(error)
        if request.code not in (radius.COA_REQUEST, radius.DISCONNECT_REQUEST):
            return "code %d" % request.code
        if not radius.is_authentic_dynamic_request(data, self.secret):
            return "authenticator or Message-Authenticator is missing or wrong"
        stamp = request.number(radius.EVENT_TIMESTAMP)
        if stamp is None or abs(time.time() - stamp) > TIMESTAMP_WINDOW:
            return "Event-Timestamp is missing or not current"
        return None

    async def _answer(self, data, source, key):
        request = radius.decode(data)
        is_coa = request.code == radius.COA_REQUEST
        self.counts["coa" if is_coa else "disconnect"] += 1
        started = time.monotonic()
        try:
            port = self._session_port(request)
            if port.fault == "silent":
                self.log("dynamic authorization: kept silent on purpose", port=port.name)
                return
            if is_coa and port.fault == "nak":
                raise Refused(UNSUPPORTED_ATTRIBUTE, "refused on purpose")
            await (self.switch.change(port, request) if is_coa else self.switch.disconnect(port))
            code, attributes, why = request.code + 1, [], "done"
        except Refused as refused:
            self.counts["nak"] += 1
            code, attributes, why = request.code + 2, [(radius.ERROR_CAUSE, radius.integer(refused.cause))], str(refused)
        reply = radius.dynamic_reply(request, code, attributes, self.secret)
        self.replies[key] = (time.monotonic() + REPLY_LIFETIME, reply)
        self.transport.sendto(reply, source)
        took = round((time.monotonic() - started) * 1000)
        self.log("CoA" if is_coa else "Disconnect", answer="ACK" if code == request.code + 1 else "NAK", why=why, ms=took)

    def _session_port(self, request):
        unknown = [kind for kind, _ in request.attributes if kind not in KNOWN]
        if unknown:
            raise Refused(UNSUPPORTED_ATTRIBUTE, "attribute %d is not supported" % unknown[0])
        self.switch.check_nas(request)
        given = {kind: value for kind, value in request.attributes if kind in IDENTIFIES_SESSION}
        audit = [p.split("=", 1)[1] for p in request.cisco_avpairs() if p.startswith("audit-session-id=")]
        if not given and not audit:
            raise Refused(MISSING_ATTRIBUTE, "nothing identifies a session")
        for port in self.switch.ports.values():
            session = port.session
            if session is None:
                continue
            actual = session.identity()
            if all(_same(kind, value, actual[kind]) for kind, value in given.items()):
                if all(a == session.audit_session_id for a in audit):
                    return port
        raise Refused(SESSION_NOT_FOUND, "no such session")


def _same(kind, given, actual):
    if kind in (radius.CALLING_STATION_ID, radius.USER_NAME):
        plain = lambda value: value.lower().translate(None, b"-:.")  # noqa: E731
        return plain(given) == plain(actual)
    return given == actual
