"""Ports that nobody listens on.

Law: none of the well-known ports of the servers, and none that the system hands to outgoing connections: a server that
was killed finds its ports free when it is started again.
"""

from __future__ import annotations

import random
import socket

#: Below what Linux and macOS take for outgoing connections (32768 and 49152 on).
RANGE = range(20_000, 32_000)
WELL_KNOWN = {25672, 27017, 27018, 27019}


def free(number: int) -> list[int]:
    found: list[int] = []
    while len(found) < number:
        port = random.SystemRandom().choice(RANGE)
        if port not in WELL_KNOWN and port not in found and is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
