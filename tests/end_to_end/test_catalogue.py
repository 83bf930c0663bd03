"""Domains, types and tags through boto3. Law: texts and rules are those of SWF.md §1.3, §2.1, §7.1, §7.2."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.service import Service
from tests.end_to_end.swf import ACTIVITY, EVER, WORKFLOW, Swf, client, complete, refused

#: The two kinds of types: their operations are each other's mirror images.
KINDS = {"workflow": WORKFLOW, "activity": ACTIVITY}


class Kind:
    """The six operations on one kind of types in a fresh domain."""

    def __init__(self, swf: Swf, kind: str) -> None:
        self.swf = swf
        self.kind = kind
        self.member = f"{kind}Type"
        self.known = KINDS[kind]
        self.rendered = f"{kind.title()}Type=[name={self.known['name']}, version={self.known['version']}]"

    def call(self, verb: str, type_: dict[str, str] | None = None) -> Any:
        operation: Callable[..., Any] = getattr(self.swf.client, f"{verb}_{self.kind}_type")
        return operation(domain=self.swf.domain, **{self.member: type_ or self.known})

    def register(self, name: str, version: str = "1", **more: Any) -> None:
        operation = getattr(self.swf.client, f"register_{self.kind}_type")
        operation(domain=self.swf.domain, name=name, version=version, **more)

    def listed(self, status: str, **more: Any) -> Any:
        operation = getattr(self.swf.client, f"list_{self.kind}_types")
        return operation(domain=self.swf.domain, registrationStatus=status, **more)

    def names(self, status: str, **more: Any) -> list[tuple[str, str]]:
        infos = self.listed(status, **more)["typeInfos"]
        return [(info[self.member]["name"], info[self.member]["version"]) for info in infos]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, swf: Swf) -> Kind:
    return Kind(swf, request.param)


# ---- domains


def test_a_domain_is_described_as_it_was_registered(url: str) -> None:
    """What RegisterDomain was given, DescribeDomain and ListTagsForResource give back, with an ARN of the region."""
    swf, name = client(url), f"d-{uuid.uuid4().hex}"
    answer = swf.register_domain(
        name=name,
        description="All orders",
        workflowExecutionRetentionPeriodInDays="30",
        tags=[{"key": "team", "value": "shop"}],
    )
    assert set(answer) == {"ResponseMetadata"}
    described = swf.describe_domain(name=name)
    arn = f"arn:aws:swf:us-east-1:000000000000:/domain/{name}"
    assert described["domainInfo"] == {
        "name": name,
        "status": "REGISTERED",
        "description": "All orders",
        "arn": arn,
    }
    assert described["configuration"] == {"workflowExecutionRetentionPeriodInDays": "30"}
    assert swf.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "shop"}]


def test_a_domain_is_registered_once(swf: Swf) -> None:
    """DomainAlreadyExists, also of a deprecated domain, says the bare name."""
    for _ in range(2):
        with refused("DomainAlreadyExistsFault", swf.domain):
            swf.client.register_domain(name=swf.domain, workflowExecutionRetentionPeriodInDays="1")
        if swf.client.describe_domain(name=swf.domain)["domainInfo"]["status"] == "REGISTERED":
            swf.client.deprecate_domain(name=swf.domain)


_NO_RUN = {"workflowId": "w", "runId": "r"}
_LIST: dict[str, Any] = {"taskList": {"name": "l"}}
_ON_TYPES: dict[str, dict[str, Any]] = {
    f"{verb}_{kind}_type": {f"{kind}Type": type_}
    for verb in ("describe", "deprecate", "undeprecate", "delete")
    for kind, type_ in KINDS.items()
}
#: Every operation that names a domain, with arguments that are good but for it.
_BY_DOMAIN: dict[str, Any] = {
    "register_workflow_type": {"name": "t", "version": "1"},
    "register_activity_type": {"name": "t", "version": "1"},
    "list_workflow_types": {"registrationStatus": "REGISTERED"},
    "list_activity_types": {"registrationStatus": "REGISTERED"},
    "start_workflow_execution": {"workflowId": "w", "workflowType": WORKFLOW},
    "signal_workflow_execution": {"workflowId": "w", "signalName": "s"},
    "request_cancel_workflow_execution": {"workflowId": "w"},
    "terminate_workflow_execution": {"workflowId": "w"},
    "describe_workflow_execution": {"execution": _NO_RUN},
    "get_workflow_execution_history": {"execution": _NO_RUN},
    "list_open_workflow_executions": {"startTimeFilter": EVER},
    "list_closed_workflow_executions": {"startTimeFilter": EVER},
    "count_open_workflow_executions": {"startTimeFilter": EVER},
    "count_closed_workflow_executions": {"closeTimeFilter": EVER},
    "count_pending_activity_tasks": _LIST,
    "count_pending_decision_tasks": _LIST,
    "poll_for_activity_task": _LIST,
    "poll_for_decision_task": _LIST,
} | _ON_TYPES


@pytest.mark.parametrize("operation", _BY_DOMAIN)
def test_an_unknown_domain_is_unknown_to_every_operation(url: str, operation: str) -> None:
    """ "Check order: VE, UR domain, ..." (SWF.md §2): it is refused before anything else is looked for."""
    name = f"no-{uuid.uuid4().hex}"
    with refused("UnknownResourceFault", f"Unknown domain: {name}"):
        getattr(client(url), operation)(domain=name, **_BY_DOMAIN[operation])


@pytest.mark.parametrize("operation", ["describe_domain", "deprecate_domain", "undeprecate_domain"])
def test_an_unknown_domain_is_unknown_to_the_operations_on_domains(url: str, operation: str) -> None:
    """Likewise, where the domain is the subject."""
    name = f"no-{uuid.uuid4().hex}"
    with refused("UnknownResourceFault", f"Unknown domain: {name}"):
        getattr(client(url), operation)(name=name)


def test_domains_are_listed_by_name_in_byte_order(private: Callable[..., Service]) -> None:
    """Ascending by name, upper case first; reverseOrder flips the whole list before it is cut into pages."""
    swf = client(private().url)
    wanted = ["A", "B", "Z", "a", "b", "é"]
    for name in ["b", "Z", "é", "A", "a", "B"]:
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="NONE")
    swf.register_domain(name="gone", workflowExecutionRetentionPeriodInDays="0")
    swf.deprecate_domain(name="gone")

    def names(**more: Any) -> list[list[str]]:
        pages = swf.get_paginator("list_domains").paginate(registrationStatus="REGISTERED", **more)
        return [[info["name"] for info in page["domainInfos"]] for page in pages]

    assert names() == [wanted]
    assert names(reverseOrder=True) == [wanted[::-1]]
    # "nextPageToken absent on the last page even if that is exactly full"
    assert names(maximumPageSize=3) == [wanted[:3], wanted[3:]]
    assert names(maximumPageSize=2, reverseOrder=True) == [["é", "b"], ["a", "Z"], ["B", "A"]]
    deprecated = swf.list_domains(registrationStatus="DEPRECATED")["domainInfos"]
    assert [(info["name"], info["status"]) for info in deprecated] == [("gone", "DEPRECATED")]


def test_a_deprecated_domain_lets_its_open_executions_finish(swf: Swf) -> None:
    """Deprecation takes the types along and stops new executions and types; open runs and visibility go on."""
    run = swf.start("running")
    swf.client.deprecate_domain(name=swf.domain)
    assert swf.client.describe_domain(name=swf.domain)["domainInfo"]["status"] == "DEPRECATED"
    with refused("DomainDeprecatedFault", swf.domain):
        swf.client.deprecate_domain(name=swf.domain)
    with refused("DomainDeprecatedFault", swf.domain):
        swf.start("another")
    for kind in ("workflow", "activity"):
        with refused("DomainDeprecatedFault", swf.domain):
            Kind(swf, kind).register("new")
        assert Kind(swf, kind).names("DEPRECATED") == [(KINDS[kind]["name"], "1")]
    swf.signal("s", "running")
    swf.decide(complete(result="done"))
    assert swf.describe(run, "running")["executionInfo"]["closeStatus"] == "COMPLETED"
    # "Types after UndeprecateDomain stay deprecated" (§12.6)
    swf.client.undeprecate_domain(name=swf.domain)
    with refused("DomainAlreadyExistsFault", swf.domain):
        swf.client.undeprecate_domain(name=swf.domain)
    with refused("TypeDeprecatedFault", "WorkflowType=[name=order, version=1]"):
        swf.start("another")


def test_tags_are_put_overwritten_and_taken_away(swf: Swf) -> None:
    """The same key overwrites, absent keys are ignored, and a domain holds fifty."""
    arn = swf.client.describe_domain(name=swf.domain)["domainInfo"]["arn"]

    def tags() -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in swf.client.list_tags_for_resource(resourceArn=arn)["tags"]}

    assert tags() == {}
    swf.client.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    swf.client.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "3"}])
    assert tags() == {"a": "3", "b": "2"}
    swf.client.untag_resource(resourceArn=arn, tagKeys=["a", "never"])
    assert tags() == {"b": "2"}
    swf.client.tag_resource(resourceArn=arn, tags=[{"key": f"k{n}", "value": ""} for n in range(49)])
    with refused("TooManyTagsFault"):
        swf.client.tag_resource(resourceArn=arn, tags=[{"key": "one-more", "value": ""}])
    assert len(tags()) == 50
    unknown = arn.replace(swf.domain, "nowhere-at-all")
    for call, members in (
        (swf.client.list_tags_for_resource, {}),
        (swf.client.tag_resource, {"tags": [{"key": "a", "value": "1"}]}),
        (swf.client.untag_resource, {"tagKeys": ["a"]}),
    ):
        with refused("UnknownResourceFault"):
            call(resourceArn=unknown, **members)


def test_a_domain_is_not_registered_with_too_many_tags(url: str) -> None:
    """RegisterDomain refuses fifty-one tags, and registers nothing."""
    swf, name = client(url), f"d-{uuid.uuid4().hex}"
    with refused("TooManyTagsFault"):
        swf.register_domain(
            name=name,
            workflowExecutionRetentionPeriodInDays="1",
            tags=[{"key": f"k{n}", "value": "v"} for n in range(51)],
        )
    with refused("UnknownResourceFault", f"Unknown domain: {name}"):
        swf.describe_domain(name=name)


@pytest.mark.parametrize("retention", ["91", "-1", "soon", "none"])
def test_retention_is_0_to_90_days_or_none(url: str, retention: str) -> None:
    """Any other retention is a ValidationException."""
    with refused("ValidationException"):
        client(url).register_domain(name="never", workflowExecutionRetentionPeriodInDays=retention)


@pytest.mark.parametrize("name", ["a:b", "a/b", "a|b", " a", "a ", "arn", "a\u0001b", "a\u0085b"])
def test_names_have_no_forbidden_characters(swf: Swf, name: str) -> None:
    """No colon, slash, bar, control character or outer blank, and not `arn`, in names of domains, types and lists."""
    with refused("ValidationException"):
        swf.client.register_domain(name=name, workflowExecutionRetentionPeriodInDays="1")
    with refused("ValidationException"):
        swf.client.register_workflow_type(domain=swf.domain, name=name, version="1")
    with refused("ValidationException"):
        swf.client.register_activity_type(domain=swf.domain, name="fine", version=name)
    with refused("ValidationException"):
        swf.client.poll_for_decision_task(domain=swf.domain, taskList={"name": name})


# ---- types


def test_a_type_goes_through_its_whole_life(kind: Kind) -> None:
    """Registered, deprecated, revived, deprecated, deleted, registered anew; each wrong step has its fault."""
    swf = kind.swf
    with refused("TypeAlreadyExistsFault", kind.rendered):
        kind.register(**kind.known)
    with refused("TypeAlreadyExistsFault", kind.rendered):
        kind.call("undeprecate")
    with refused(
        "TypeNotDeprecatedFault", "The type is currently registered and cannot be deleted in its current state"
    ):
        kind.call("delete")
    assert "deprecationDate" not in kind.call("describe")["typeInfo"]

    kind.call("deprecate")
    info = kind.call("describe")["typeInfo"]
    assert info["status"] == "DEPRECATED"
    assert info["deprecationDate"] >= info["creationDate"]
    with refused("TypeDeprecatedFault", kind.rendered):
        kind.call("deprecate")
    with refused("TypeAlreadyExistsFault", kind.rendered):
        kind.register(**kind.known)
    assert kind.names("REGISTERED") == []
    assert kind.names("DEPRECATED") == [(kind.known["name"], "1")]

    kind.call("undeprecate")
    assert kind.call("describe")["typeInfo"]["status"] == "REGISTERED"
    kind.call("deprecate")
    kind.call("delete")
    for verb in ("describe", "deprecate", "undeprecate", "delete"):
        with refused("UnknownResourceFault", f"Unknown type: {kind.rendered}"):
            kind.call(verb)
    assert kind.names("DEPRECATED") == []
    kind.register(**kind.known)
    assert kind.call("describe")["typeInfo"]["status"] == "REGISTERED"
    assert swf.domain


def test_a_workflow_type_is_described_with_the_defaults_that_were_set(swf: Swf) -> None:
    """Configuration holds what was given and nothing else."""
    given = {
        "defaultTaskStartToCloseTimeout": "NONE",
        "defaultExecutionStartToCloseTimeout": "31536000",
        "defaultTaskList": {"name": "main"},
        "defaultTaskPriority": "-5",
        "defaultChildPolicy": "ABANDON",
        "defaultLambdaRole": "arn:aws:iam::1:role/r",
    }
    swf.client.register_workflow_type(domain=swf.domain, name="full", version="2", description="d", **given)
    swf.client.register_workflow_type(domain=swf.domain, name="bare", version="2")

    def describe(name: str) -> Any:
        type_ = {"name": name, "version": "2"}
        return swf.client.describe_workflow_type(domain=swf.domain, workflowType=type_)

    assert describe("full")["configuration"] == given
    info = describe("full")["typeInfo"]
    assert (info["description"], info["status"]) == ("d", "REGISTERED")
    assert describe("bare")["configuration"] == {}
    assert "description" not in describe("bare")["typeInfo"]


def test_an_activity_type_is_described_with_the_defaults_that_were_set(swf: Swf) -> None:
    """Configuration holds what was given and nothing else."""
    given = {
        "defaultTaskStartToCloseTimeout": "1",
        "defaultTaskHeartbeatTimeout": "0",
        "defaultTaskScheduleToStartTimeout": "NONE",
        "defaultTaskScheduleToCloseTimeout": "4",
        "defaultTaskList": {"name": "main"},
        "defaultTaskPriority": "2147483647",
    }
    swf.client.register_activity_type(domain=swf.domain, name="full", version="2", **given)
    type_ = {"name": "full", "version": "2"}
    described = swf.client.describe_activity_type(domain=swf.domain, activityType=type_)
    assert described["configuration"] == given
    assert described["typeInfo"]["activityType"] == type_


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("defaultExecutionStartToCloseTimeout", "NONE"),
        ("defaultExecutionStartToCloseTimeout", "31536001"),
        ("defaultTaskStartToCloseTimeout", "-1"),
        ("defaultTaskStartToCloseTimeout", "1.5"),
        ("defaultTaskPriority", "high"),
        ("defaultTaskPriority", "2147483648"),
        ("defaultChildPolicy", "ADOPT"),
    ],
)
def test_a_workflow_type_is_refused_for_a_bad_setting(swf: Swf, member: str, value: str) -> None:
    """An execution timeout of NONE or over a year, a duration or priority that is no number: ValidationException."""
    with refused("ValidationException"):
        swf.client.register_workflow_type(domain=swf.domain, name="t", version="1", **{member: value})


def test_types_are_listed_by_name(kind: Kind) -> None:
    """Ascending by name; a name filters; pages do not overlap; reverseOrder comes before paging."""
    for name, version in (("b", "1"), ("a", "2"), ("c", "1"), ("a", "1")):
        kind.register(name, version)
    own = (kind.known["name"], "1")
    ordered = kind.names("REGISTERED")
    assert [name for name, _ in ordered] == sorted(["a", "a", "b", "c", own[0]])
    assert kind.names("REGISTERED", reverseOrder=True) == ordered[::-1]
    assert sorted(kind.names("REGISTERED", name="a")) == [("a", "1"), ("a", "2")]
    first = kind.listed("REGISTERED", maximumPageSize=3)
    rest = kind.listed("REGISTERED", maximumPageSize=3, nextPageToken=first["nextPageToken"])
    assert "nextPageToken" not in rest
    found = [info[kind.member] for info in first["typeInfos"] + rest["typeInfos"]]
    assert [(type_["name"], type_["version"]) for type_ in found] == ordered
    with refused("ValidationException", "Invalid token"):
        kind.listed("REGISTERED", maximumPageSize=2, nextPageToken=first["nextPageToken"])
    for size in (1001, -1):
        with refused("ValidationException", matching="maximumPageSize"):
            kind.listed("REGISTERED", maximumPageSize=size)


def test_a_page_size_of_1001_is_refused_in_the_words_of_aws(swf: Swf) -> None:
    """Rejected, not clamped, with the text that AWS uses."""
    with refused(
        "ValidationException",
        "1 validation error detected: Value '1001' at 'maximumPageSize' failed to satisfy constraint: "
        "Member must have value less than or equal to 1000",
    ):
        swf.client.list_domains(registrationStatus="REGISTERED", maximumPageSize=1001)


def test_a_missing_type_says_which(swf: Swf) -> None:
    """Unknown type: the kind, the name and the version."""
    no = {"name": "no", "version": "7"}
    with refused("UnknownResourceFault", "Unknown type: WorkflowType=[name=no, version=7]"):
        swf.client.describe_workflow_type(domain=swf.domain, workflowType=no)
    with refused("UnknownResourceFault", "Unknown type: ActivityType=[name=no, version=7]"):
        swf.client.describe_activity_type(domain=swf.domain, activityType=no)
    with refused("UnknownResourceFault", "Unknown type: WorkflowType=[name=no, version=7]"):
        swf.start(workflowType=no)


# ---- regions


def test_two_regions_are_two_worlds(url: str, swf: Swf) -> None:
    """The same names in two regions are independent; tokens and runIds do not cross."""
    west = client(url, "us-west-2")
    run = swf.start()
    with refused("UnknownResourceFault", f"Unknown domain: {swf.domain}"):
        west.describe_domain(name=swf.domain)
    west.register_domain(name=swf.domain, workflowExecutionRetentionPeriodInDays="1")
    arn = west.describe_domain(name=swf.domain)["domainInfo"]["arn"]
    assert arn == f"arn:aws:swf:us-west-2:000000000000:/domain/{swf.domain}"
    with refused("UnknownResourceFault", f"Unknown execution: WorkflowExecution=[workflowId=w, runId={run}]"):
        west.describe_workflow_execution(domain=swf.domain, execution={"workflowId": "w", "runId": run})
    assert west.count_pending_decision_tasks(domain=swf.domain, taskList={"name": "deciders"})["count"] == 0
    task = swf.poll()
    with refused("ValidationException", "Invalid token"):
        west.respond_decision_task_completed(taskToken=task["taskToken"], decisions=[])
    swf.respond(task, complete())
