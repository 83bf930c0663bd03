"""Reads of domains, types and tags."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.http import Client
from tests.gateway.runs import SHOP, START
from workflowsvc import names
from workflowsvc.records import DomainRecord, TypeKey, TypeKind, TypeRecord
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes

ARN = "arn:aws:swf:us-east-1:123456789012:/domain/shop"


async def add_domains(store: SqliteStore, *written: str, region: str = "us-east-1", deprecated: bool = False) -> None:
    for name in written:
        await store.add_domain(
            DomainRecord(domain=names.scoped(region, name), created_at=START, retention="1", deprecated=deprecated)
        )


async def add_type(
    store: SqliteStore, kind: TypeKind, name: str, version: str = "1", deprecated_at: int | None = None
) -> None:
    configuration: Any = {
        TypeKind.ACTIVITY: shapes.ActivityTypeConfiguration(default_task_heartbeat_timeout="NONE"),
        TypeKind.WORKFLOW: shapes.WorkflowTypeConfiguration(default_child_policy=shapes.ChildPolicy.ABANDON),
    }[kind]
    await store.add_type(
        TypeRecord(
            key=TypeKey(SHOP, kind, name, version),
            created_at=START + 474,
            configuration=configuration,
            deprecated_at=deprecated_at,
        )
    )


async def all_pages(client: Client, operation: str, items: str, **arguments: Any) -> list[list[Any]]:
    found = []
    token = None
    while True:
        answer = await client.call(operation, {**arguments, "nextPageToken": token})
        assert answer.status == 200, answer.body
        found.append(answer.json[items])
        token = answer.json.get("nextPageToken")
        if token is None:
            return found


# ---- domains ---------------------------------------------------------------------------------------------------


async def test_describe_domain(client: Client, domain: str) -> None:
    answer = await client.call("DescribeDomain", {"name": "shop"})
    assert answer.json == {
        "configuration": {"workflowExecutionRetentionPeriodInDays": "30"},
        "domainInfo": {"arn": ARN, "description": "All orders", "name": "shop", "status": "REGISTERED"},
    }


async def test_a_deprecated_domain_stays_visible(client: Client, store: SqliteStore, domain: str) -> None:
    await add_domains(store, "old", deprecated=True)
    answer = await client.call("DescribeDomain", {"name": "old"})
    assert answer.json["domainInfo"]["status"] == "DEPRECATED"
    listed = await client.call("ListDomains", {"registrationStatus": "DEPRECATED"})
    assert [info["name"] for info in listed.json["domainInfos"]] == ["old"]


@pytest.mark.parametrize(
    ("reverse", "expected"),
    [(False, [["B", "a"], ["b", "c"]]), (True, [["c", "b"], ["a", "B"]])],
)
async def test_domains_are_listed_in_byte_order_page_by_page(
    client: Client, store: SqliteStore, reverse: bool, expected: list[list[str]]
) -> None:
    await add_domains(store, "c", "a", "B", "b")
    await add_domains(store, "elsewhere", region="eu-west-1")
    found = await all_pages(
        client,
        "ListDomains",
        "domainInfos",
        registrationStatus="REGISTERED",
        maximumPageSize=2,
        reverseOrder=reverse,
    )
    assert [[info["name"] for info in page] for page in found] == expected


async def test_no_domains_are_an_empty_list(client: Client) -> None:
    answer = await client.call("ListDomains", {"registrationStatus": "REGISTERED", "maximumPageSize": 0})
    assert answer.body == b'{"domainInfos":[]}'


async def test_a_page_token_of_another_listing_is_invalid(client: Client, store: SqliteStore) -> None:
    await add_domains(store, "a", "b")
    asked = {"registrationStatus": "REGISTERED", "maximumPageSize": 1}
    token = (await client.call("ListDomains", asked)).json["nextPageToken"]
    for changed in ({"reverseOrder": True}, {"maximumPageSize": 2}, {"nextPageToken": "garbage"}):
        answer = await client.call("ListDomains", {**asked, "nextPageToken": token, **changed})
        assert (answer.code, answer.message) == ("ValidationException", "Invalid token")


# ---- types -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Activity", "Workflow"])
async def test_describe_a_type(client: Client, store: SqliteStore, domain: str, kind: str) -> None:
    await add_type(store, TypeKind(kind.lower()), "pay", "2")
    await add_type(store, TypeKind(kind.lower()), "old", "1", deprecated_at=START + 1)
    member = f"{kind.lower()}Type"
    answer = await client.call(f"Describe{kind}Type", {"domain": "shop", member: {"name": "pay", "version": "2"}})
    assert answer.json["typeInfo"] == {
        member: {"name": "pay", "version": "2"},
        "creationDate": 1_700_000_000.474,
        "status": "REGISTERED",
    }
    expected = {"Activity": {"defaultTaskHeartbeatTimeout": "NONE"}, "Workflow": {"defaultChildPolicy": "ABANDON"}}
    assert answer.json["configuration"] == expected[kind]
    answer = await client.call(f"Describe{kind}Type", {"domain": "shop", member: {"name": "old", "version": "1"}})
    assert answer.json["typeInfo"]["status"] == "DEPRECATED"
    assert answer.json["typeInfo"]["deprecationDate"] == 1_700_000_000.001


@pytest.mark.parametrize("kind", ["Activity", "Workflow"])
async def test_an_unknown_type(client: Client, domain: str, kind: str) -> None:
    asked = {"domain": "shop", f"{kind.lower()}Type": {"name": "pay", "version": "2"}}
    answer = await client.call(f"Describe{kind}Type", asked)
    assert answer.code == "UnknownResourceFault"
    assert answer.message == f"Unknown type: {kind}Type=[name=pay, version=2]"
    answer = await client.call(f"Describe{kind}Type", {**asked, "domain": "none"})
    assert (answer.code, answer.message) == ("UnknownResourceFault", "Unknown domain: none")


@pytest.mark.parametrize("kind", ["Activity", "Workflow"])
async def test_list_types(client: Client, store: SqliteStore, domain: str, kind: str) -> None:
    for name, version in (("b", "1"), ("a", "2"), ("a", "1")):
        await add_type(store, TypeKind(kind.lower()), name, version)
    await add_type(store, TypeKind(kind.lower()), "old", deprecated_at=START)
    asked = {"domain": "shop", "registrationStatus": "REGISTERED", "maximumPageSize": 2}

    async def listed(**arguments: Any) -> list[list[str]]:
        found = await all_pages(client, f"List{kind}Types", "typeInfos", **{**asked, **arguments})
        of = f"{kind.lower()}Type"
        return [["".join(info[of].values()) for info in page] for page in found]

    assert await listed() == [["a1", "a2"], ["b1"]]
    assert await listed(reverseOrder=True) == [["b1", "a2"], ["a1"]]
    assert await listed(name="a") == [["a1", "a2"]]
    assert await listed(registrationStatus="DEPRECATED") == [["old1"]]
    assert await listed(name="none") == [[]]
    answer = await client.call(f"List{kind}Types", {**asked, "domain": "none"})
    assert (answer.code, answer.message) == ("UnknownResourceFault", "Unknown domain: none")


# ---- tags ------------------------------------------------------------------------------------------------------


async def test_list_tags(client: Client, store: SqliteStore, domain: str) -> None:
    answer = await client.call("ListTagsForResource", {"resourceArn": ARN})
    assert answer.body == b'{"tags":[]}'
    await store.replace_domain(DomainRecord(domain=SHOP, created_at=START, retention="1", tags={"team": "a", "b": ""}))
    answer = await client.call("ListTagsForResource", {"resourceArn": ARN})
    assert answer.json == {"tags": [{"key": "team", "value": "a"}, {"key": "b", "value": ""}]}
    unknown = await client.call("ListTagsForResource", {"resourceArn": ARN.replace("shop", "none")})
    assert (unknown.code, unknown.message) == ("UnknownResourceFault", "Unknown domain: none")
