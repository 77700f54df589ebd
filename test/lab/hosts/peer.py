#!/usr/bin/python3
"""A host's applications, as far as the lab needs them. Stdlib only.

peer.py serve '{"tcp": [443], "udp": [123]}'    echo servers on every address; one JSON line per TCP connection or UDP datagram
peer.py probe SECONDS < PROBES.json             [{"protocol", "to", "port", "from"?}] → ["open" | "refused" | "blocked"]
peer.py stream ADDRESS PORT                     one TCP connection, an echo each 20 ms; a line with the time of each answer
peer.py knock ADDRESS PORT                      a UDP datagram each 10 ms, on and on; a line with the time of each answer
"""

import asyncio
import json
import socket
import sys
import time

STREAM_PERIOD = 0.02
KNOCK_PERIOD = 0.01


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def say(**fields):
    print(json.dumps({"at": round(time.time(), 3), **fields}), flush=True)


# -- serve


async def echo(reader, writer):
    say(protocol="tcp", peer=writer.get_extra_info("peername")[0], port=writer.get_extra_info("sockname")[1])
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


def serve_udp(family, port):
    """Answers from the address that was asked: the host has many."""
    link = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        link.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    link.bind(("", port))
    link.setblocking(False)

    def answer():
        data, ancillary, _flags, source = link.recvmsg(2048, 256)
        say(protocol="udp", peer=source[0], port=port)
        if family == socket.AF_INET:
            ancillary = [(level, kind, bytes(4) + info[4:8] + bytes(4)) for level, kind, info in ancillary]
        link.sendmsg([data], ancillary, 0, source)

    asyncio.get_running_loop().add_reader(link, answer)


async def serve(ports):
    for port in ports.get("tcp", []):
        await asyncio.start_server(echo, ["0.0.0.0", "::"], port)
    for port in ports.get("udp", []):
        serve_udp(socket.AF_INET, port)
        serve_udp(socket.AF_INET6, port)
    say(message="ready")
    await asyncio.get_running_loop().create_future()


# -- probe


async def probe(wanted, seconds):
    attempt = {"tcp": probe_tcp, "udp": probe_udp, "icmp": probe_icmp}[wanted["protocol"]]
    try:
        return await asyncio.wait_for(attempt(wanted, seconds), seconds)
    except (asyncio.TimeoutError, TimeoutError):
        return "blocked"
    except ConnectionError:
        return "refused"
    except OSError as error:
        return "blocked" if error.errno in (101, 113) else "error: %s" % error  # network or host unreachable


async def probe_tcp(wanted, _seconds):
    source = (wanted["from"], 0) if wanted.get("from") else None
    reader, writer = await asyncio.open_connection(wanted["to"], wanted["port"], local_addr=source)
    writer.write(b"cordon")
    answer = await reader.readexactly(6)
    writer.close()
    return "open" if answer == b"cordon" else "error: no echo"


async def probe_udp(wanted, seconds):
    loop = asyncio.get_running_loop()
    with socket.socket(family_of(wanted["to"]), socket.SOCK_DGRAM) as link:
        link.setblocking(False)
        if wanted.get("from"):
            link.bind((wanted["from"], 0))
        link.connect((wanted["to"], wanted["port"]))
        for _ in range(3):
            await loop.sock_sendall(link, b"cordon")
            try:
                await asyncio.wait_for(loop.sock_recv(link, 100), seconds / 4)
                return "open"
            except asyncio.TimeoutError:
                pass
    return "blocked"


async def probe_icmp(wanted, seconds):
    source = ["-I", wanted["from"]] if wanted.get("from") else []
    command = ["ping", "-n", "-q", "-c", "1", "-W", str(seconds), *source, wanted["to"]]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    return "open" if await process.wait() == 0 else "blocked"


async def probe_all(seconds):
    wanted = json.load(sys.stdin)
    print(json.dumps(await asyncio.gather(*[probe(w, seconds) for w in wanted])))


# -- stream


def stream(address, port):
    link = socket.create_connection((address, port), timeout=10)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.settimeout(120)
    print("connected", time.time(), flush=True)
    try:
        while True:
            link.sendall(b"x")
            if not link.recv(1):
                break
            print("echo", time.time(), flush=True)
            time.sleep(STREAM_PERIOD)
    except OSError as error:
        print("error", time.time(), error, flush=True)
    print("end", time.time(), flush=True)


# -- knock


def knock(address, port):
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as link:
        link.connect((address, port))
        link.settimeout(KNOCK_PERIOD)
        print("connected", time.time(), flush=True)
        while True:
            began = time.monotonic()
            try:
                link.send(b"cordon")
                link.recv(100)
                print("echo", time.time(), flush=True)
            except OSError:
                pass  # nothing came, or the way there is gone for a while
            time.sleep(max(0, KNOCK_PERIOD - (time.monotonic() - began)))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(json.loads(sys.argv[2])))
    elif sys.argv[1] == "probe":
        asyncio.run(probe_all(float(sys.argv[2])))
    elif sys.argv[1] == "knock":
        knock(sys.argv[2], int(sys.argv[3]))
    else:
        stream(sys.argv[2], int(sys.argv[3]))
