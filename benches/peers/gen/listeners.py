#!/usr/bin/env python3
"""Those who look on: LISTENERS server-sent event streams, and REQUESTS a second, for SECS seconds, on one address.

listeners.py HOST:PORT LISTENERS REQUESTS SECS READY COOKIE

Of the requests one in forty says something of a call, which every listener is then told; the others are the pages' own: the
list, rows of it, the board, a search, by the session that COOKIE is of. READY is a file that is made once everybody listens.
Prints what was served.
Talks to loopback only.
"""

import asyncio
import ipaddress
import json
import pathlib
import sys
import time

SAID_EVERY = 40
OWN_MAX = 32  # listeners of one name
CONNECTIONS = 20
PATHS = [
    "/api/v1/calls?limit=50",
    "/ui/board",
    "/api/v1/calls?limit=50&status=missed",
    "/ui/rows?ids={id}",
    "/",
    "/api/v1/calls?q=7900",
    "/api/v1/calls/{id}",
    "/healthz",
]


async def answer(reader):
    """Reads one answer: its status and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length, chunked = 0, False
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = int(value)
        if name.lower() == "transfer-encoding":
            chunked = "chunked" in value.lower()
    body = b""
    if chunked:
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
    else:
        body = await reader.readexactly(length)
    return int(head.split(" ", 2)[1]), body


class House:
    def __init__(self, host, port, cookie):
        self.host, self.port, self.cookie = host, port, cookie
        self.tokens, self.calls = [], []
        self.events = self.bytes = self.refused = 0
        self.took = []

    def request(self, method, path, token=None, body=None, cookie=None):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if cookie:
            lines.append(f"Cookie: {cookie}")
        data = b""
        if body is not None:
            data = json.dumps(body).encode()
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data

    async def prepare(self, listeners):
        """A name for each few listeners, and calls to say something of."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        for number in range(-(-listeners // OWN_MAX) + 1):
            body = {"name": f"wall {time.time_ns()} {number}", "role": "admin"}
            writer.write(self.request("POST", "/api/v1/tokens", body=body))
            status, body = await answer(reader)
            if status != 201:
                sys.exit(f"no token: {status} {body.decode(errors='replace')[:200]}")
            made = json.loads(body)
            self.tokens.append((made["id"], made["secret"]))
        writer.write(self.request("GET", "/api/v1/calls?limit=100"))
        status, body = await answer(reader)
        self.calls = [call["id"] for call in json.loads(body)["calls"]] if status == 200 else []
        writer.close()
        if not self.calls:
            sys.exit("there is no call to say something of")

    async def clean_up(self):
        reader, writer = await asyncio.open_connection(self.host, self.port)
        for token, _ in self.tokens:
            writer.write(self.request("DELETE", f"/api/v1/tokens/{token}"))
            await answer(reader)
        writer.close()

    async def listen(self, number, ready):
        _, secret = self.tokens[number // OWN_MAX]
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
        writer.write(self.request("GET", "/api/v1/live", secret))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            self.refused += 1
        ready.release()
        while data := await reader.read(1 << 16):
            self.bytes += len(data)
            self.events += data.count(b"event: call")

    async def ask(self, start, every, shift, until):
        """Asks on one connection, at its times; who is late asks at once."""
        _, secret = self.tokens[-1]
        reader, writer = await asyncio.open_connection(self.host, self.port)
        number = 0
        while True:
            due = start + (number + shift) * every
            if due >= until:
                break
            await asyncio.sleep(max(0, due - time.monotonic()))
            count = number * CONNECTIONS + round(shift * CONNECTIONS)
            call = self.calls[count % len(self.calls)]
            if count % SAID_EVERY == 0:
                body = {"target": count % (2 * SAID_EVERY) == 0}
                asked = self.request("PATCH", f"/api/v1/calls/{call}", secret, body)
            else:
                path = PATHS[count % len(PATHS)].replace("{id}", call)
                asked = self.request("GET", path, cookie=self.cookie)
            writer.write(asked)
            status, _ = await answer(reader)
            self.took.append(time.monotonic() - due)
            self.refused += status >= 400
            number += 1
        writer.close()


async def main(address, listeners, requests, secs, ready_file, cookie):
    host, _, port = address.partition(":")
    if not ipaddress.ip_address(host).is_loopback:
        sys.exit("loopback only")
    house = House(host, int(port), cookie)
    await house.prepare(listeners)
    ready = asyncio.Semaphore(0)
    ears = []
    for number in range(listeners):
        ears.append(asyncio.create_task(house.listen(number, ready)))
        if number % 50 == 49:
            await asyncio.sleep(0.02)
    for _ in range(listeners):
        await asyncio.wait_for(ready.acquire(), 30)
    pathlib.Path(ready_file).touch()
    start = time.monotonic()
    every = CONNECTIONS / requests
    askers = [house.ask(start, every, n / CONNECTIONS, start + secs) for n in range(CONNECTIONS)]
    await asyncio.gather(*askers)
    spent = time.monotonic() - start
    for ear in ears:
        ear.cancel()
    await house.clean_up()
    took = sorted(house.took)
    at = lambda share: 1_000 * took[min(len(took) - 1, int(len(took) * share))]
    print(
        f"lookers listeners={listeners} requests_a_s={len(took) / spent:.0f} request_ms_p50={at(0.5):.1f} "
        f"request_ms_p99={at(0.99):.1f} refused={house.refused} events={house.events} "
        f"events_a_s={house.events / spent:.0f} mb={house.bytes / 1e6:.0f}"
    )


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), *sys.argv[5:]))
