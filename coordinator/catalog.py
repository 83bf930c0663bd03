"""Domains, types and tags: registered, deprecated, revived, deleted, tagged.

Law: one function per request, in one table; each reads, refuses with a fault of SWF, writes. All requests of a
domain share a lane, so nothing comes between the reading and the writing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from coordinator.execution.limits import check_execution_timeout
from workflowsvc import names
from workflowsvc.messages import Action
from workflowsvc.ports import Store
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import faults, shapes
from workflowsvc.swf.errors import Fault

#: "Each resource can have up to 50 tags" (TooManyTagsFault)
TAG_LIMIT = 50

Handler = Callable[[Store, Action, Any, int], Awaitable[None]]


async def change_catalog(store: Store, action: Action, at: int, *, again: bool = False) -> None:
    """Raises a Fault, having changed nothing.

    An action that comes *again* and finds done what it asks for did it itself, as nobody knows better.
    """
    try:
        await _REQUESTS[type(action.request)](store, action, action.request, at)
    except Fault as fault:
        if not again or type(fault) is not _ALREADY.get(type(action.request)):
            raise


def is_catalog(action: Action) -> bool:
    return type(action.request) in _REQUESTS


async def _domain(store: Store, action: Action) -> DomainRecord:
    record = await store.domain(action.domain)
    if record is None:
        raise faults.UnknownResourceFault(f"Unknown domain: {names.bare(action.domain)}")
    return record


# ---- domains ---------------------------------------------------------------------------------------------------


async def _register_domain(store: Store, action: Action, request: shapes.RegisterDomainInput, at: int) -> None:
    tags = _tags(request.tags or [])
    _check_number(tags)
    if await store.domain(action.domain) is not None:
        raise faults.DomainAlreadyExistsFault(request.name)
    await store.add_domain(
        DomainRecord(
            domain=action.domain,
            created_at=at,
            retention=request.workflow_execution_retention_period_in_days,
            description=request.description,
            tags=tags,
        )
    )


async def _deprecate_domain(store: Store, action: Action, request: shapes.DeprecateDomainInput, at: int) -> None:
    record = await _domain(store, action)
    if record.deprecated:
        raise faults.DomainDeprecatedFault(request.name)
    # "all its types become deprecated too" (DeprecateDomain: "effectively deprecates all activity and workflow types")
    await store.replace_domain(msgspec.structs.replace(record, deprecated=True), deprecate_types_at=at)


async def _undeprecate_domain(store: Store, action: Action, request: shapes.UndeprecateDomainInput, _: int) -> None:
    record = await _domain(store, action)
    if not record.deprecated:
        raise faults.DomainAlreadyExistsFault(request.name)
    await store.replace_domain(msgspec.structs.replace(record, deprecated=False))


async def _tag(store: Store, action: Action, request: shapes.TagResourceInput, _: int) -> None:
    record = await _domain(store, action)
    tags = {**record.tags, **_tags(request.tags)}
    _check_number(tags)
    await store.replace_domain(msgspec.structs.replace(record, tags=tags))


async def _untag(store: Store, action: Action, request: shapes.UntagResourceInput, _: int) -> None:
    record = await _domain(store, action)
    tags = {key: value for key, value in record.tags.items() if key not in request.tag_keys}
    await store.replace_domain(msgspec.structs.replace(record, tags=tags))


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


async def _type(store: Store, action: Action, key: TypeKey) -> TypeRecord:
    await _domain(store, action)
    record = (await store.types([key])).get(key)
    if record is None:
        raise faults.UnknownResourceFault(f"Unknown type: {_words(key)}")
    return record


def _register(kind: TypeKind, configuration: type[shapes.Shape]) -> Handler:
    settings = configuration.__struct_fields__

    async def register(store: Store, action: Action, request: Any, at: int) -> None:
        if kind is TypeKind.WORKFLOW:
            check_execution_timeout(request, "default_execution_start_to_close_timeout")
        domain = await _domain(store, action)
        if domain.deprecated:
            raise faults.DomainDeprecatedFault(names.bare(action.domain))
        key = TypeKey(action.domain, kind, request.name, request.version)
        if await store.types([key]):
            raise faults.TypeAlreadyExistsFault(_words(key))
        defaults: Any = configuration(**{setting: getattr(request, setting) for setting in settings})
        await store.add_type(
            TypeRecord(key=key, created_at=at, configuration=defaults, description=request.description)
        )

    return register


def _deprecate(kind: TypeKind) -> Handler:
    async def deprecate(store: Store, action: Action, request: Any, at: int) -> None:
        record = await _type(store, action, _named(action, kind, request))
        if record.deprecated_at is not None:
            raise faults.TypeDeprecatedFault(_words(record.key))
        await store.replace_type(msgspec.structs.replace(record, deprecated_at=at))

    return deprecate


def _undeprecate(kind: TypeKind) -> Handler:
    async def undeprecate(store: Store, action: Action, request: Any, _: int) -> None:
        record = await _type(store, action, _named(action, kind, request))
        if record.deprecated_at is None:
            raise faults.TypeAlreadyExistsFault(_words(record.key))
        await store.replace_type(msgspec.structs.replace(record, deprecated_at=None))

    return undeprecate


def _delete(kind: TypeKind) -> Handler:
    async def delete(store: Store, action: Action, request: Any, _: int) -> None:
        record = await _type(store, action, _named(action, kind, request))
        if record.deprecated_at is None:
            raise faults.TypeNotDeprecatedFault(_NOT_DEPRECATED)
        await store.delete_type(record.key)

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
