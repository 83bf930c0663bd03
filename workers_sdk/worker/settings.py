"""What can be set of a worker. Data only.

Law: every value is checked here, and explained here only.
"""

from __future__ import annotations

from typing import Final, TypedDict

import msgspec


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Durations are seconds. Raises ValueError for what cannot be.

    `max_decisions`: decision tasks in work at a time. `max_async`: `async def` activities; `max_threads`: `def`
    activities; `max_processes`: if not 0, `def` activities run in so many processes, and in no thread. No task is
    taken that could not be begun at once: if one kind has no free place, none of any kind is taken.

    `max_pollers`: polls at a time, at most, of each task list. The number follows the load.

    `sticky`: keep workflows in memory, and be sent only their new events, by a task list of the worker's own.
    `sticky_timeout`: how long a decision waits there for this worker before it goes back to the common list.
    `cached_workflows`: how many to keep.

    `auto_heartbeat`: heartbeats for activities with a heartbeat timeout, at a third of it.

    `grace`: how long running work may go on when the worker is asked to end; `cancel_grace`: how long after that,
    while activities have been told to end.

    `register`: register the types at start. `register_domain`: and the domain, with so many days of retention.

    `guarded`: refuse what workflow code must not do (sleep, read the clock, ...).
    """

    max_decisions: int = 100
    max_async: int = 100
    max_threads: int = 20
    max_processes: int = 0
    max_pollers: int = 10
    sticky: bool = True
    sticky_timeout: int = 5
    cached_workflows: int = 1000
    auto_heartbeat: bool = True
    grace: float = 30.0
    cancel_grace: float = 5.0
    register: bool = True
    register_domain: int | None = None
    guarded: bool = True

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"a worker's {name} is {least} or more, not {value}")


#: Two decisions, so that the polls of the common list and those of the worker's own do not wait for one another.
_LEAST: Final = {
    "max_decisions": 2,
    "max_async": 1,
    "max_threads": 1,
    "max_processes": 0,
    "max_pollers": 1,
    "sticky_timeout": 1,
    "cached_workflows": 0,
    "grace": 0,
    "cancel_grace": 0,
    "register_domain": 0,
}


class SettingsMembers(TypedDict, total=False):
    """The members of WorkerSettings, for type checkers."""

    max_decisions: int
    max_async: int
    max_threads: int
    max_processes: int
    max_pollers: int
    sticky: bool
    sticky_timeout: int
    cached_workflows: int
    auto_heartbeat: bool
    grace: float
    cancel_grace: float
    register: bool
    register_domain: int | None
    guarded: bool
