"""Does it answer? One question in each protocol, put with nothing but sockets.

Law: a server answers when it has spoken its own protocol; an open port says too little.
"""

from __future__ import annotations

import base64
import socket
import struct
import urllib.error
import urllib.request

SECONDS = 2.0
OP_MSG = 2013


def amqp(port: int) -> bool:
    """The client sends the protocol's header, the server a method frame (type 1): Connection.Start."""
    return _ask(port, b"AMQP\x00\x00\x09\x01", 1) == b"\x01"


def mongodb(port: int) -> bool:
    """`{hello: 1, $db: "admin"}`, and an OP_MSG in answer."""
    document = b"\x10hello\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00\x00"
    section = b"\x00" + struct.pack("<i", len(document) + 4) + document
    flags = struct.pack("<I", 0)
    header = struct.pack("<iiii", 16 + len(flags) + len(section), 1, 0, OP_MSG)
    answer = _ask(port, header + flags + section, 16)
    return len(answer) == 16 and struct.unpack("<iiii", answer)[3] == OP_MSG


def management(port: int, user: str, password: str) -> bool:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/overview", headers={"Authorization": f"Basic {credentials}"}
    )
    # A proxy in the environment has no business between a machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _ask(port: int, question: bytes, length: int) -> bytes:
    """The first bytes of the answer; fewer where there is none."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
            connection.sendall(question)
            while len(answer) < length and (more := connection.recv(length - len(answer))):
                answer += more
    except OSError:
        return b""
    return answer
