"""Who asks: credentials, and where they come from.

Law: nothing of this blocks an event loop. Finding and renewing takes files, processes and HTTP requests, so it is done
in a thread of its own; between two renewals the credentials are in memory. botocore is imported here, when it is
needed, and nowhere else.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from workers_sdk.client.errors import CredentialsUnavailable

#: botocore renews ten minutes before they expire at the latest, if it is asked; it is asked so often, in seconds.
_RENEWAL: Final = 60.0
#: what botocore calls its provider that asks the machine which role it has
_MACHINE: Final = "iam-role"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key. Its secret parts are not shown."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class Chain:
    """botocore's chain of configuration and credentials: environment, profile, SSO, container, machine.

    Every method blocks, and raises CredentialsUnavailable. Without botocore it finds nothing.
    """

    def __init__(self, *, machine: bool) -> None:
        """*machine*: whether an EC2 instance's metadata are asked too, which takes seconds where there are none."""
        self._machine = machine
        self._session: Any = None
        self._found: Any = None

    def region(self) -> str | None:
        region: str | None = self._ask(lambda session: session.get_config_variable("region"))
        return region

    def credentials(self) -> Credentials | None:
        self._found = self._found or self._ask(lambda session: session.get_credentials())
        if self._found is None:
            return None
        frozen = self._ask(lambda _: self._found.get_frozen_credentials())
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        try:
            self._session = self._session or self._begin()
            return question(self._session) if self._session else None
        except Exception as error:
            raise CredentialsUnavailable(f"AWS's configuration or credentials cannot be read: {error}") from error

    def _begin(self) -> Any:
        try:
            session = importlib.import_module("botocore.session").Session()
        except ImportError:
            return None
        if not self._machine:
            session.get_component("credential_provider").remove(_MACHINE)
        return session


class Keeper:
    """Keeps credentials at hand. The source is asked again from time to time, in a thread."""

    def __init__(self, source: Callable[[], Credentials | None]) -> None:
        """*source* may block."""
        self._source = source
        self._held: Credentials | None = None
        self._until = float("-inf")
        self._renewing = asyncio.Lock()

    async def current(self, thread: ThreadPoolExecutor) -> Credentials | None:
        """Raises CredentialsUnavailable. While one call renews what is held, the others go on with it."""
        if time.monotonic() >= self._until and not (self._held and self._renewing.locked()):
            async with self._renewing:
                await self._renew(thread)
        return self._held

    async def _renew(self, thread: ThreadPoolExecutor) -> None:
        if time.monotonic() < self._until:  # done by the call that had the lock before
            return
        self._held = await asyncio.get_running_loop().run_in_executor(thread, self._source)
        self._until = time.monotonic() + (_RENEWAL if self._held else float("inf"))
