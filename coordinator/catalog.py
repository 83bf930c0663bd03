"""Domains, types and tags: registered, deprecated, revived, deleted, tagged.

Law: one function per request, in one table; each reads, refuses with a fault of SWF, writes. All requests of a
domain share a lane, so nothing comes between the reading and the writing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from coordinator.execution.limits import check_execution_timeout
from workflowsvc import names
from workflowsvc.messages import Action
from workflowsvc.ports import Store
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import faults, shapes
from workflowsvc.swf.errors import Fault

#: "Each resource can have up to 50 tags" (TooManyTagsFault)
TAG_LIMIT = 50


class Change(Struct, frozen=True):
    """What comes with a request: where it is done, its action, the time in milliseconds, and how much there may be."""

    store: Store
    action: Action
    at: int
    #: domains of a region, and types of a domain and kind; 0 for any number
    most_domains: int = 0
    most_types: int = 0


Handler = Callable[[Change, Any], Awaitable[None]]


async def change_catalog(change: Change, *, again: bool = False) -> None:
    """Raises a Fault, having changed nothing.

    An action that comes *again* and finds done what it asks for did it itself, as nobody knows better.
    """
    action = change.action
    try:
        await _REQUESTS[type(action.request)](change, action.request)
    except Fault as fault:
        if not again or type(fault) is not _ALREADY.get(type(action.request)):
            raise


def is_catalog(action: Action) -> bool:
    return type(action.request) in _REQUESTS


def _check_room(there: int, most: int) -> None:
    if there >= most:
        raise faults.LimitExceededFault(f"There can be {most} at most")


async def _domain(change: Change) -> DomainRecord:
    record = await change.store.domain(change.action.domain)
    if record is None:
        raise faults.UnknownResourceFault(f"Unknown domain: {names.bare(change.action.domain)}")
    return record


# ---- domains ---------------------------------------------------------------------------------------------------


async def _register_domain(change: Change, request: shapes.RegisterDomainInput) -> None:
    tags = _tags(request.tags or [])
    _check_number(tags)
    if await change.store.domain(change.action.domain) is not None:
        raise faults.DomainAlreadyExistsFault(request.name)
    if change.most_domains:
        _check_room(await change.store.count_domains(names.region_of(change.action.domain)), change.most_domains)
    await change.store.add_domain(
        DomainRecord(
            domain=change.action.domain,
            created_at=change.at,
            retention=request.workflow_execution_retention_period_in_days,
            description=request.description,
            tags=tags,
        )
    )


async def _deprecate_domain(change: Change, request: shapes.DeprecateDomainInput) -> None:
    record = await _domain(change)
    if record.deprecated:
        raise faults.DomainDeprecatedFault(request.name)
    # "all its types become deprecated too" (DeprecateDomain: "effectively deprecates all activity and workflow types")
    await change.store.replace_domain(msgspec.structs.replace(record, deprecated=True), deprecate_types_at=change.at)


async def _undeprecate_domain(change: Change, request: shapes.UndeprecateDomainInput) -> None:
    record = await _domain(change)
    if not record.deprecated:
        raise faults.DomainAlreadyExistsFault(request.name)
    await change.store.replace_domain(msgspec.structs.replace(record, deprecated=False))


async def _tag(change: Change, request: shapes.TagResourceInput) -> None:
    record = await _domain(change)
    tags = {**record.tags, **_tags(request.tags)}
    _check_number(tags)
    await change.store.replace_domain(msgspec.structs.replace(record, tags=tags))


async def _untag(change: Change, request: shapes.UntagResourceInput) -> None:
    record = await _domain(change)
    tags = {key: value for key, value in record.tags.items() if key not in request.tag_keys}
    await change.store.replace_domain(msgspec.structs.replace(record, tags=tags))


def _tags(tags: list[shapes.ResourceTag]) -> dict[str, str]:
    return {tag.key: tag.value or "" for tag in tags}


def _check_number(tags: dict[str, str]) -> None:
    if len(tags) > TAG_LIMIT:
        raise faults.TooManyTagsFault(f"A resource can have up to {TAG_LIMIT} tags")


# ---- types -----------------------------------------------------------------------------------------------------

_NOT_DEPRECATED = "The type is currently registered and cannot be deleted in its current state"


def _words(key: TypeKey) -> str:
    return f"{key.kind.capitalize()}Type=[name={key.name}, version={key.version}]"


def _named(action: Action, kind: TypeKind, request: Any) -> TypeKey:
    named = request.workflow_type if kind is TypeKind.WORKFLOW else request.activity_type
    return TypeKey(action.domain, kind, named.name, named.version)


async def _type(change: Change, key: TypeKey) -> TypeRecord:
    await _domain(change)
    record = (await change.store.types([key])).get(key)
    if record is None:
        raise faults.UnknownResourceFault(f"Unknown type: {_words(key)}")
    return record


def _register(kind: TypeKind, configuration: type[shapes.Shape]) -> Handler:
    settings = configuration.__struct_fields__

    async def register(change: Change, request: Any) -> None:
        if kind is TypeKind.WORKFLOW:
            check_execution_timeout(request, "default_execution_start_to_close_timeout")
        domain = await _domain(change)
        if domain.deprecated:
            raise faults.DomainDeprecatedFault(names.bare(change.action.domain))
        key = TypeKey(change.action.domain, kind, request.name, request.version)
        if await change.store.types([key]):
            raise faults.TypeAlreadyExistsFault(_words(key))
        if change.most_types:
            _check_room(await change.store.count_types(key.domain, kind), change.most_types)
        defaults: Any = configuration(**{setting: getattr(request, setting) for setting in settings})
        await change.store.add_type(
            TypeRecord(key=key, created_at=change.at, configuration=defaults, description=request.description)
        )

    return register


def _deprecate(kind: TypeKind) -> Handler:
    async def deprecate(change: Change, request: Any) -> None:
        record = await _type(change, _named(change.action, kind, request))
        if record.deprecated_at is not None:
            raise faults.TypeDeprecatedFault(_words(record.key))
        await change.store.replace_type(msgspec.structs.replace(record, deprecated_at=change.at))

    return deprecate


def _undeprecate(kind: TypeKind) -> Handler:
    async def undeprecate(change: Change, request: Any) -> None:
        record = await _type(change, _named(change.action, kind, request))
        if record.deprecated_at is None:
            raise faults.TypeAlreadyExistsFault(_words(record.key))
        await change.store.replace_type(msgspec.structs.replace(record, deprecated_at=None))

    return undeprecate


def _delete(kind: TypeKind) -> Handler:
    async def delete(change: Change, request: Any) -> None:
        record = await _type(change, _named(change.action, kind, request))
        if record.deprecated_at is None:
            raise faults.TypeNotDeprecatedFault(_NOT_DEPRECATED)
        await change.store.delete_type(record.key)

    return delete


_REQUESTS: dict[type[msgspec.Struct], Handler] = {
    shapes.RegisterDomainInput: _register_domain,
    shapes.DeprecateDomainInput: _deprecate_domain,
    shapes.UndeprecateDomainInput: _undeprecate_domain,
    shapes.TagResourceInput: _tag,
    shapes.UntagResourceInput: _untag,
    shapes.RegisterWorkflowTypeInput: _register(TypeKind.WORKFLOW, shapes.WorkflowTypeConfiguration),
    shapes.DeprecateWorkflowTypeInput: _deprecate(TypeKind.WORKFLOW),
    shapes.UndeprecateWorkflowTypeInput: _undeprecate(TypeKind.WORKFLOW),
    shapes.DeleteWorkflowTypeInput: _delete(TypeKind.WORKFLOW),
    shapes.RegisterActivityTypeInput: _register(TypeKind.ACTIVITY, shapes.ActivityTypeConfiguration),
    shapes.DeprecateActivityTypeInput: _deprecate(TypeKind.ACTIVITY),
    shapes.UndeprecateActivityTypeInput: _undeprecate(TypeKind.ACTIVITY),
    shapes.DeleteActivityTypeInput: _delete(TypeKind.ACTIVITY),
}

#: The fault that says: it is so already.
_ALREADY: dict[type[msgspec.Struct], type[Fault]] = {
    shapes.RegisterDomainInput: faults.DomainAlreadyExistsFault,
    shapes.DeprecateDomainInput: faults.DomainDeprecatedFault,
    shapes.UndeprecateDomainInput: faults.DomainAlreadyExistsFault,
    shapes.RegisterWorkflowTypeInput: faults.TypeAlreadyExistsFault,
    shapes.DeprecateWorkflowTypeInput: faults.TypeDeprecatedFault,
    shapes.UndeprecateWorkflowTypeInput: faults.TypeAlreadyExistsFault,
    shapes.DeleteWorkflowTypeInput: faults.UnknownResourceFault,
    shapes.RegisterActivityTypeInput: faults.TypeAlreadyExistsFault,
    shapes.DeprecateActivityTypeInput: faults.TypeDeprecatedFault,
    shapes.UndeprecateActivityTypeInput: faults.TypeAlreadyExistsFault,
    shapes.DeleteActivityTypeInput: faults.UnknownResourceFault,
}
