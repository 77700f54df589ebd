"""Accounting client (RFC 2866): what happened is told in order and retransmitted until it is answered."""

import asyncio
import itertools
import time

import radius

START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
NAMES = {START: "Start", STOP: "Stop", INTERIM: "Interim-Update", ON: "Accounting-On", OFF: "Accounting-Off"}


class Accounting(asyncio.DatagramProtocol):
    def __init__(self, secret, log):
        self.secret = secret
        self.log = log
        self.queue = asyncio.Queue()
        self.identifiers = itertools.cycle(range(256))
        self.waiting = None  # (request, future)
        self.retransmissions = 0
        self.answered = 0

    def connection_made(self, transport):
        self.transport = transport

    def tell(self, status, attributes):
        stamp = (radius.EVENT_TIMESTAMP, radius.integer(int(time.time())))
        self.queue.put_nowait((status, [(radius.ACCT_STATUS_TYPE, radius.integer(status)), *attributes, stamp]))

    def datagram_received(self, data, _source):
        if self.waiting is None:
            return
        request, future = self.waiting
        if data[:1] == bytes([radius.ACCOUNTING_RESPONSE]) and radius.is_reply_to(request, data, self.secret, False):
            if not future.done():
                future.set_result(None)
        else:
            self.log("accounting: an answer that is not authentic was dropped")

    def error_received(self, _error):
        """Nobody listens there: the retransmission timer deals with it."""

    async def run(self):
        while True:
            status, attributes = await self.queue.get()
            request = radius.accounting_request(next(self.identifiers), attributes, self.secret)
            self.waiting = (request, asyncio.get_running_loop().create_future())
            started, wait = time.monotonic(), 0.5
            while True:
                self.transport.sendto(request)
                done, _ = await asyncio.wait({self.waiting[1]}, timeout=wait)
                if done:
                    break
                self.retransmissions += 1
                wait = min(wait * 2, 2)
            self.waiting = None
            self.answered += 1
            self.log("accounting %s answered" % NAMES[status], ms=round((time.monotonic() - started) * 1000))
