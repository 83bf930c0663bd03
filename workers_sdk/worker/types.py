"""What a worker can do: its types, by name and version.

Law: pure. Two of the same name and version are refused; several versions of one name are the rule.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from workers_sdk.deciders import Decider
from workers_sdk.definitions.activities import Activity
from workers_sdk.definitions.workflows import Workflow

Key: TypeAlias = tuple[str, str]
#: What decides: a workflow, which is replayed, or a decider, which reads the history.
Deciding: TypeAlias = Workflow[..., Any] | Decider


class Typed(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...


T = TypeVar("T", bound=Typed)


def key_of(type_: Typed) -> Key:
    return (type_.name, type_.version)


def elsewhere(types: Iterable[Deciding | Activity[..., Any]], task_list: str) -> Iterator[str]:
    """A word for each whose tasks go to another list, unless the call says otherwise."""
    for one in types:
        own = (one.defaults if isinstance(one, Decider) else one.options).task_list
        if own is not None and own != task_list:
            yield f"{one!r} has the default task list {own}, which this worker of {task_list} does not poll"


def workflows_of(given: Iterable[object]) -> Mapping[Key, Deciding]:
    """Raises TypeError for what is no workflow or decider, ValueError for two of one name and version."""
    found: list[Deciding] = []
    for one in given:
        if not isinstance(one, Workflow | Decider):
            raise TypeError(f"not a workflow: {one!r}; make it one by @workflow or @decider")
        found.append(cast(Deciding, one))
    return _by_key(found, "workflow")


def activities_of(given: Iterable[object]) -> Mapping[Key, Activity[..., Any]]:
    """Of activities, and of instances whose methods are activities. Raises TypeError and ValueError as above."""
    return _by_key([activity for one in given for activity in _activities_in(one)], "activity")


def _activities_in(one: object) -> list[Activity[..., Any]]:
    if isinstance(one, Activity):
        return [cast("Activity[..., Any]", one)]
    found = list(_methods_of(one))
    if not found:
        raise TypeError(f"not an activity: {one!r}, nor an instance whose class has any; make it one by @activity")
    return found


def _methods_of(instance: object) -> Iterator[Activity[..., Any]]:
    if isinstance(instance, type):
        return  # its methods need an instance
    for name, member in inspect.getmembers_static(type(instance)):
        if isinstance(member, Activity):
            yield getattr(instance, name)


def _by_key(types: Iterable[T], what: str) -> Mapping[Key, T]:
    found: dict[Key, T] = {}
    for one in types:
        key = key_of(one)
        if found.setdefault(key, one) is not one:
            raise ValueError(f"two of the {what} {one.name} {one.version}: {found[key]!r}, {one!r}")
    return found
