"""TLS before a server that does without: a certificate, and a front that takes it off.

Law: loopback only; what is made is thrown away.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers import missing


def make_certificate(directory: Path) -> Path:
    """Its own authority, for 127.0.0.1, with its key in the same file."""
    if shutil.which("openssl") is None:
        missing("openssl")
    file = directory / "loopback.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=loopback"]
    alternative = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", *made, *alternative, "-keyout", file, "-out", directory / "certificate"],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + (directory / "certificate").read_text())
    return file


@asynccontextmanager
async def front(url: str, certificate: Path) -> AsyncIterator[int]:
    """A port that speaks TLS, and hands on what it hears to the server of *url*."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    behind = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(behind.hostname, behind.port)
        await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
