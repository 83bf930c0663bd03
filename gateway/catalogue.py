"""Reads of the catalogue: domains, types, tags.

Law: straight from the store, in byte order of names; "deprecated domains stay visible".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gateway import resources, wire
from gateway.caller import Caller, Handler
from gateway.domains import Domains
from gateway.pages import page_size, paged
from gateway.tokens import PageTokens
from workflowsvc import names
from workflowsvc.ports import Store
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault
from workflowsvc.swf.shapes import RegistrationStatus

_BEFORE_ALL: Final = ("", "")


class Catalogue:
    def __init__(self, store: Store, domains: Domains, pages: PageTokens, account: str) -> None:
        self._store = store
        self._domains = domains
        self._pages = pages
        self._account = account

    def handlers(self) -> Iterable[tuple[type[shapes.Shape], Handler]]:
        return (
            (shapes.DescribeDomainInput, self._describe_domain),
            (shapes.ListDomainsInput, self._list_domains),
            (shapes.DescribeActivityTypeInput, self._describe_activity_type),
            (shapes.DescribeWorkflowTypeInput, self._describe_workflow_type),
            (shapes.ListActivityTypesInput, self._list_activity_types),
            (shapes.ListWorkflowTypesInput, self._list_workflow_types),
            (shapes.ListTagsForResourceInput, self._list_tags),
        )

    # ---- domains

    async def _describe_domain(self, caller: Caller, arguments: shapes.DescribeDomainInput) -> bytes:
        record = await self._domains.record(caller.region, arguments.name)
        configuration = shapes.DomainConfiguration(workflow_execution_retention_period_in_days=record.retention)
        return wire.encode(shapes.DomainDetail(configuration=configuration, domain_info=self._domain_info(record)))

    async def _list_domains(self, caller: Caller, arguments: shapes.ListDomainsInput) -> bytes:
        limit = page_size(arguments)
        records = await self._store.domains(
            caller.region,
            deprecated=arguments.registration_status is RegistrationStatus.DEPRECATED,
            after=self._pages.open(caller.region, arguments, str) or "",
            limit=limit + 1,
            reverse=bool(arguments.reverse_order),
        )
        page, last = paged(records, limit)
        token = None if last is None else self._pages.seal(caller.region, arguments, last.domain)
        infos = [self._domain_info(record) for record in page]
        return wire.encode(shapes.DomainInfos(domain_infos=infos, next_page_token=token))

    def _domain_info(self, record: DomainRecord) -> shapes.DomainInfo:
        return shapes.DomainInfo(
            arn=names.domain_arn(record.domain, self._account),
            description=record.description,
            name=names.bare(record.domain),
            status=_status(deprecated=record.deprecated),
        )

    async def _list_tags(self, caller: Caller, arguments: shapes.ListTagsForResourceInput) -> bytes:
        name = resources.domain_named(caller.region, arguments.resource_arn)
        record = await self._domains.record(caller.region, name)
        tags = [shapes.ResourceTag(key=key, value=value) for key, value in record.tags.items()]
        return wire.encode(shapes.ListTagsForResourceOutput(tags=tags))

    # ---- types

    async def _describe_activity_type(self, caller: Caller, arguments: shapes.DescribeActivityTypeInput) -> bytes:
        asked = arguments.activity_type
        record = await self._type(caller, arguments.domain, TypeKind.ACTIVITY, asked.name, asked.version)
        assert isinstance(record.configuration, shapes.ActivityTypeConfiguration)  # noqa: S101  the key's kind
        info = _activity_type_info(record)
        return wire.encode(shapes.ActivityTypeDetail(configuration=record.configuration, type_info=info))

    async def _describe_workflow_type(self, caller: Caller, arguments: shapes.DescribeWorkflowTypeInput) -> bytes:
        asked = arguments.workflow_type
        record = await self._type(caller, arguments.domain, TypeKind.WORKFLOW, asked.name, asked.version)
        assert isinstance(record.configuration, shapes.WorkflowTypeConfiguration)  # noqa: S101  the key's kind
        info = _workflow_type_info(record)
        return wire.encode(shapes.WorkflowTypeDetail(configuration=record.configuration, type_info=info))

    async def _list_activity_types(self, caller: Caller, arguments: shapes.ListActivityTypesInput) -> bytes:
        records, token = await self._types(caller, arguments, TypeKind.ACTIVITY)
        infos = list(map(_activity_type_info, records))
        return wire.encode(shapes.ActivityTypeInfos(next_page_token=token, type_infos=infos))

    async def _list_workflow_types(self, caller: Caller, arguments: shapes.ListWorkflowTypesInput) -> bytes:
        records, token = await self._types(caller, arguments, TypeKind.WORKFLOW)
        infos = list(map(_workflow_type_info, records))
        return wire.encode(shapes.WorkflowTypeInfos(next_page_token=token, type_infos=infos))

    async def _type(self, caller: Caller, domain: str, kind: TypeKind, name: str, version: str) -> TypeRecord:
        key = TypeKey(await self._domains.key(caller.region, domain), kind, name, version)
        found = (await self._store.types([key])).get(key)
        if found is None:
            raise UnknownResourceFault(
                f"Unknown type: {_SHAPE_OF[kind].__name__}=[name={name}, version={version}]"  # SWF.md §1.3
            )
        return found

    async def _types(self, caller: Caller, arguments: Any, kind: TypeKind) -> tuple[list[TypeRecord], str | None]:
        after = self._pages.open(caller.region, arguments, tuple[str, str])
        limit = page_size(arguments)
        records = await self._store.list_types(
            await self._domains.key(caller.region, arguments.domain),
            kind,
            deprecated=arguments.registration_status is RegistrationStatus.DEPRECATED,
            name=arguments.name,
            after=after or _BEFORE_ALL,
            limit=limit + 1,
            reverse=bool(arguments.reverse_order),
        )
        page, last = paged(records, limit)
        position = last and (last.key.name, last.key.version)
        return page, None if last is None else self._pages.seal(caller.region, arguments, position)


_SHAPE_OF: Final[dict[TypeKind, type[shapes.Shape]]] = {
    TypeKind.ACTIVITY: shapes.ActivityType,
    TypeKind.WORKFLOW: shapes.WorkflowType,
}


def _status(*, deprecated: bool) -> RegistrationStatus:
    return RegistrationStatus.DEPRECATED if deprecated else RegistrationStatus.REGISTERED


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _activity_type_info(record: TypeRecord) -> shapes.ActivityTypeInfo:
    return shapes.ActivityTypeInfo(
        activity_type=shapes.ActivityType(name=record.key.name, version=record.key.version),
        creation_date=record.created_at / 1000,
        deprecation_date=_seconds(record.deprecated_at),
        description=record.description,
        status=_status(deprecated=record.deprecated_at is not None),
    )


def _workflow_type_info(record: TypeRecord) -> shapes.WorkflowTypeInfo:
    return shapes.WorkflowTypeInfo(
        creation_date=record.created_at / 1000,
        deprecation_date=_seconds(record.deprecated_at),
        description=record.description,
        status=_status(deprecated=record.deprecated_at is not None),
        workflow_type=shapes.WorkflowType(name=record.key.name, version=record.key.version),
    )
