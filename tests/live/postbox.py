"""A mail server for the tests: STARTTLS and a login, or nothing; what it does with a letter stands in a file.

Arguments: host, port, folder, certificate, key. It prints `ready`, then serves until its input ends.

The folder's file `mode` says what it does: `take`, `busy` (421 to each recipient), `cut` (the connection breaks after the
letter and before the answer), or `refuse ADDRESS` (550 to this one, the others are taken). A letter that is taken is written
to N.json; one that is cut off, to cut-N.json.
"""

import base64
import email
import email.policy
import itertools
import json
import os
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

host, port, folder, certificate, key = sys.argv[1:6]
folder = pathlib.Path(folder)
numbers = itertools.count(1)


def mode():
    return (folder / "mode").read_text().split()


def login(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ringtag", b"let me post")
    # Without `handled` the server would leave the refusal to us.
    return AuthResult(success=right, handled=False)


def part_of(part):
    body = part.get_payload(decode=True)
    kind = part.get_content_type()
    return {
        "type": kind,
        "charset": part.get_content_charset(),
        "disposition": part.get_content_disposition(),
        "file": part.get_filename(),
        "cid": part["Content-ID"],
        "hex": body[:8].hex(),
        "bytes": len(body),
        "text": body.decode("utf-8") if kind.startswith("text/") else None,
        "base64": base64.b64encode(body).decode() if kind.startswith("image/") else None,
    }


def told(envelope, session):
    raw = envelope.original_content
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return {
        "from": envelope.mail_from,
        "to": envelope.rcpt_tos,
        "tls": session.ssl is not None,
        "login": session.authenticated,
        "ascii": raw.isascii(),
        "headers": [[name, str(value)] for name, value in message.items()],
        "subject": str(message["Subject"]),
        "message_id": str(message["Message-ID"]),
        "tree": [part.get_content_type() for part in message.walk()],
        "parts": [part_of(part) for part in message.walk() if not part.is_multipart()],
    }


def write(name, what):
    path = folder / f"{name}.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(what))
    os.replace(new, path)


class Postbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode()[0] == "busy":
            return "421 4.3.2 come back later"
        if mode() == ["refuse", address]:
            return f"550 5.1.1 <{address}> nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = told(envelope, session)
        if mode()[0] == "cut":
            write(f"cut-{next(numbers)}", letter)
            server.transport.abort()
            return "250 never said"
        write(str(next(numbers)), letter)
        return "250 OK"


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
controller = Controller(
    Postbox(),
    hostname=host,
    port=int(port),
    tls_context=context,
    require_starttls=True,
    auth_required=True,
    authenticator=login,
    data_size_limit=20_000_000,
)
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
