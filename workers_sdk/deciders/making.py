"""How a decision is made of its attributes, and what its builders accept where the wire has structures.

Law: which type and which member belong to the attributes is read from the generated table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol, TypeAlias

import msgspec

from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS


class Versioned(Protocol):
    """An activity type or a workflow type: the wire's own, or a function that was decorated as one."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...


#: (name, version), or anything that has both.
Type: TypeAlias = tuple[str, str] | Versioned

_PLACES: Final = {shape.attributes: (kind, shape.member) for kind, shape in DECISIONS.items()}


def decision(attributes: shapes.Shape) -> shapes.Decision:
    """Raises ValueError, which names the member, if the attributes break a constraint of the service model."""
    kind, member = _PLACES[attributes.__class__]
    try:
        msgspec.convert(msgspec.to_builtins(attributes), attributes.__class__)
    except msgspec.ValidationError as error:
        raise ValueError(f"{kind}: {error}") from None
    members: dict[str, Any] = {member: attributes}
    return shapes.Decision(decision_type=kind, **members)


def activity_type_of(type: Type) -> shapes.ActivityType:
    return shapes.ActivityType(**_pair(type))


def workflow_type_of(type: Type) -> shapes.WorkflowType:
    return shapes.WorkflowType(**_pair(type))


def tags_of(tags: Iterable[str] | None) -> list[str | None] | None:
    return None if tags is None else list(tags)


def child_policy_of(policy: str | None) -> shapes.ChildPolicy | None:
    return None if policy is None else shapes.ChildPolicy(policy)


def _pair(type: Type) -> dict[str, str]:
    name, version = type if isinstance(type, tuple) else (type.name, type.version)
    return {"name": name, "version": version}
