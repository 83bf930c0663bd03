"""Types made known to SWF at the start of a worker.

Law: it may be done by many workers at once, and again and again. What is registered already and differs stops the
worker before it polls: a default that is not the one in the code is worse than no worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from workers_sdk.client import Client
from workers_sdk.deciders import Decider
from workers_sdk.definitions.activities import Activity
from workers_sdk.worker.errors import DomainMissing, RegistrationMismatch
from workers_sdk.worker.types import Deciding
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import (
    DomainAlreadyExistsFault,
    DomainDeprecatedFault,
    TypeAlreadyExistsFault,
    UnknownResourceFault,
)

log = logging.getLogger(__name__)

#: Registrations at a time: AWS gives a whole account few of them a second, and the client waits where it throttles.
_AT_ONCE: Final = 5

Configuration: TypeAlias = shapes.ActivityTypeConfiguration | shapes.WorkflowTypeConfiguration
Wanted: TypeAlias = shapes.RegisterActivityTypeInput | shapes.RegisterWorkflowTypeInput
Detail: TypeAlias = shapes.ActivityTypeDetail | shapes.WorkflowTypeDetail


class Registration(NamedTuple):
    """One type. *wanted* is the request; *unsaid*: members that the code leaves to others."""

    what: str
    wanted: Wanted
    unsaid: frozenset[str]


class Found(NamedTuple):
    """What was there already and does not do."""

    deprecated: str | None = None
    mismatch: str | None = None


async def register(
    client: Client,
    task_list: str,
    deciding: Iterable[Deciding],
    activities: Iterable[Activity[..., Any]],
    *,
    domain_days: int | None = None,
) -> None:
    """Raises DomainMissing, RegistrationMismatch; Fault and ClientError."""
    if domain_days is not None:
        await _register_domain(client, domain_days)
    registrations = [
        *(_of_deciding(one, client.domain, task_list) for one in deciding),
        *(_of_activity(one, client.domain, task_list) for one in activities),
    ]
    turns = asyncio.Semaphore(_AT_ONCE)
    try:
        found = await asyncio.gather(*(_register(client, one, turns) for one in registrations))
    except DomainDeprecatedFault:
        # Types cannot be compared: they were deprecated with it. Executions that are open still need their worker.
        log.warning("the domain %r is deprecated: what is open goes on, nothing new can be begun", client.domain)
        return
    if deprecated := [one.deprecated for one in found if one.deprecated]:
        # To deprecate a type is SWF's way to let it run out: its open executions need their worker until then.
        log.warning("deprecated: %s. What is open goes on, nothing new of them can be begun", ", ".join(deprecated))
    if mismatches := [one.mismatch for one in found if one.mismatch]:
        raise RegistrationMismatch(mismatches)


async def _register_domain(client: Client, days: int) -> None:
    with suppress(DomainAlreadyExistsFault):
        await client.register_domain(name=client.domain, workflow_execution_retention_period_in_days=str(days))


def _of_deciding(one: Deciding, domain: str, task_list: str) -> Registration:
    options = one.defaults if isinstance(one, Decider) else one.options
    return Registration(
        f"workflow {one.name} {one.version}",
        options.registration(domain, one.name, one.version, one.description, task_list),
        _unsaid(options.task_list),
    )


def _of_activity(one: Activity[..., Any], domain: str, task_list: str) -> Registration:
    return Registration(
        f"activity {one.name} {one.version}",
        one.options.registration(domain, one.name, one.version, one.description, task_list),
        _unsaid(one.options.task_list),
    )


def _unsaid(task_list: str | None) -> frozenset[str]:
    """A type may be served by workers of several lists; the first one's is its default then."""
    return frozenset({"default_task_list"} if task_list is None else ())


async def _register(client: Client, one: Registration, turns: asyncio.Semaphore) -> Found:
    operation = type(one.wanted).__name__.removesuffix("Input")
    async with turns:
        try:
            await client.call(operation, one.wanted)
        except TypeAlreadyExistsFault:
            return await _compare(client, one)
        except UnknownResourceFault as error:
            how = "let the worker do so by register_domain=7 (--register-domain 7), the days of its retention"
            raise DomainMissing(f"no domain {client.domain!r}: register it, or {how}") from error
    log.info("registered the %s", one.what)
    return Found()


async def _describe(client: Client, wanted: Wanted) -> Detail:
    if isinstance(wanted, shapes.RegisterActivityTypeInput):
        activity_type = shapes.ActivityType(name=wanted.name, version=wanted.version)
        return await client.describe_activity_type(activity_type=activity_type)
    workflow_type = shapes.WorkflowType(name=wanted.name, version=wanted.version)
    return await client.describe_workflow_type(workflow_type=workflow_type)


async def _compare(client: Client, one: Registration) -> Found:
    detail = await _describe(client, one.wanted)
    if detail.type_info.status is shapes.RegistrationStatus.DEPRECATED:
        return Found(deprecated=one.what)
    lines = differences(detail.configuration, one.wanted, one.unsaid)
    return Found(mismatch="\n".join((f"  {one.what}", *lines)) if lines else None)


def differences(registered: Configuration, wanted: msgspec.Struct, unsaid: frozenset[str]) -> Sequence[str]:
    """A line for each member that differs."""
    rows = [
        (field.encode_name, _shown(getattr(registered, field.name)), _shown(getattr(wanted, field.name)))
        for field in msgspec.structs.fields(registered)
        if field.name not in unsaid
    ]
    return [
        f"    {member}: registered {old or 'nothing'}, the code says {new or 'nothing'}"
        for member, old, new in rows
        if (old or _ABSENT.get(member)) != (new or _ABSENT.get(member))
    ]


def _shown(value: object) -> str | None:
    if isinstance(value, shapes.TaskList):
        return value.name
    return None if value is None else str(value)


#: "If not set... 0": what an absent member means, for services that fill it in.
_ABSENT: Final = {"defaultTaskPriority": "0"}
