"""Places of a process pool: how the activity in one is told to end, and how it beats.

Law: no lock is shared. A process may be killed at any instruction, and whoever waited for what it held would wait for
ever: so there are pipes, each with one who writes, and a pool that has lost a process gets new ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from typing import NamedTuple


class Seat(NamedTuple):
    """The activity's end of a place, in its process. Implements context.Flag."""

    cancelled: Connection
    beats: Connection

    def is_set(self) -> bool:
        return self.cancelled.poll(0)

    def wait(self, timeout: float | None = None, /) -> bool:
        return self.cancelled.poll(timeout)


class Place:
    """The worker's end. Safe from any thread."""

    def __init__(self, context: SpawnContext) -> None:
        listening, self._cancel = context.Pipe(duplex=False)
        self.beats, speaking = context.Pipe(duplex=False)
        self.seat = Seat(listening, speaking)
        self._lock = threading.Lock()
        self._attempt: int | None = 0

    def take(self) -> int | None:
        """A new attempt begins here: its number; None: the place is closed."""
        with self._lock:
            if self._attempt is None:
                return None
            self._attempt += 1
            while self.seat.is_set():
                self.seat.cancelled.recv_bytes()
            return self._attempt

    def cancel(self, attempt: int | None) -> None:
        """That attempt is to end, if it is still here."""
        with self._lock:
            if attempt is not None and attempt == self._attempt and not self.seat.is_set():
                self._cancel.send_bytes(b"!")

    def close(self) -> None:
        with self._lock:
            self._attempt = None
            for connection in (self._cancel, self.beats, *self.seat):
                connection.close()


class Places:
    """So many; *heard* is told, in a thread, of each beat: the number of its place, and what came."""

    def __init__(self, context: SpawnContext, count: int, heard: Callable[[int, bytes], None]) -> None:
        self.all = [Place(context) for _ in range(count)]
        self._end, self._ending = context.Pipe(duplex=False)
        self._heard = heard
        threading.Thread(target=self._listen, name="activity-processes", daemon=True).start()

    @property
    def seats(self) -> list[Seat]:
        return [place.seat for place in self.all]

    def close(self) -> None:
        with suppress(OSError):  # it is closed
            self._ending.send_bytes(b"!")

    def _listen(self) -> None:
        """Closes all at the end: nobody may close what another thread looks at."""
        try:
            while self._end not in (ready := wait([self._end, *(place.beats for place in self.all)])):
                for number, place in enumerate(self.all):
                    if place.beats in ready:
                        self._heard(number, place.beats.recv_bytes())
        finally:
            for place in self.all:
                place.close()
            self._end.close()
            self._ending.close()
