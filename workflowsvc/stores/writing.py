"""The writer's end of the connection with the store, in a thread or as a process: `-m workflowsvc.stores.writing`.

Law: it reads a question, has the Writer do it, and answers; it ends with the connection. Whoever was killed at the
other end has nothing more to say: then what is in the journal stays there for the next. A process of its own never
holds Python's lock while a store's loop wants it.
"""

from __future__ import annotations

import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from workflowsvc.ports import StoreUnavailable
from workflowsvc.stores.works import (
    FINE,
    Answer,
    Aside,
    Close,
    Frames,
    Group,
    Outcome,
    Ready,
    encode,
    failed,
    framed,
    question_of,
)
from workflowsvc.stores.writer import Writer

_RECEIVED: Final = 1 << 18
#: Its two threads hand the interpreter to each other far sooner than Python's 5 ms.
_SWITCH_SECONDS: Final = 0.0001


class _Writing:
    def __init__(self, connection: socket.socket, path: Path, *, durable: bool) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._path = path
        self._durable = durable
        self._writer: Writer | None = None
        #: that were answered
        self._groups = 0

    def run(self) -> None:
        try:
            self._need()
        except Exception as error:
            self._send(Ready(str(error) or repr(error)))
            return
        self._send(Ready())
        try:
            for frame in self._frames():
                question = question_of(frame)
                if isinstance(question, Close):
                    self._finish()
                    return
                self._answer(question)
        finally:
            self._drop()

    def _answer(self, question: Group | Aside) -> None:
        try:
            if isinstance(question, Group):
                writer = self._need()
                outcomes = writer.record(question.works)
                self._groups += 1
                self._send(Answer(False, outcomes, writer.shown))
                self._follow(writer)
            else:
                self._need().do_aside(question)
        except StoreUnavailable as error:
            self._drop()
            if isinstance(question, Group):
                self._groups += 1
                self._send(Answer(False, [failed(error)] * len(question.works), 0))
            else:
                self._send(Answer(True, [failed(error)], 0))

    def _frames(self) -> Iterator[bytes]:
        frames = Frames()
        arrivals = select.poll()
        arrivals.register(self._connection, select.POLLIN)
        while True:
            seconds = self._writer.wait() if self._writer else None
            if not arrivals.poll(None if seconds is None else seconds * 1000):
                self._tend()
            elif data := self._received():
                yield from frames.feed(data)
            else:
                return

    def _received(self) -> bytes:
        try:
            return self._connection.recv(_RECEIVED)
        except ConnectionError:  # it was killed before it had read our last answer
            return b""

    def _tend(self) -> None:
        if self._writer is not None:
            self._follow(self._writer)

    def _follow(self, writer: Writer) -> None:
        try:
            writer.follow()
        except StoreUnavailable:  # whoever wants something next is told
            self._drop()

    def _finish(self) -> None:
        try:
            self._need().finish()
            outcome = FINE
        except StoreUnavailable as error:  # what is in the journal is safe; the next to open it tells what is wrong
            outcome = failed(error)
        self._drop()
        self._tell(outcome, self._groups)

    def _need(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(self._path, durable=self._durable, answered=self._tell, groups=self._groups)
        return self._writer

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def _tell(self, outcome: Outcome, shown: int) -> None:
        self._send(Answer(True, [outcome], shown))

    def _send(self, message: object) -> None:
        with self._sending, suppress(OSError):  # nobody listens any more, as the next question will show
            self._connection.sendall(framed(encode(message)))


def write(connection: socket.socket, path: Path, *, durable: bool) -> None:
    """Do what is asked on *connection*, to its end."""
    with connection:
        _Writing(connection, path, durable=durable).run()


def main() -> None:
    # Whoever stops the service stops its process, which stops this one.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH_SECONDS)
    descriptor, path = sys.argv[1:]
    write(socket.socket(fileno=int(descriptor)), Path(path), durable=True)


if __name__ == "__main__":
    main()
