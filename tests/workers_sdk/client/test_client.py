"""How a call goes: repeated, given up, cancelled; paged; on connections of whose."""

from __future__ import annotations

import asyncio
import os
import socket

import aiohttp
import pytest

from tests.workers_sdk.client.conftest import Pauses
from tests.workers_sdk.client.stub import JSON_1_0, Stub, answer, drop, refusal
from workers_sdk.client import (
    Client,
    ClientClosed,
    ClientError,
    Misconfigured,
    Retries,
    ServiceFault,
    ServiceUnreachable,
    Trail,
    UnreadableAnswer,
    trail_of,
)
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import InternalFailure, ServiceUnavailableException, ThrottlingException
from workflowsvc.swf.faults import (
    LimitExceededFault,
    UnknownResourceFault,
    WorkflowExecutionAlreadyStartedFault,
)

TYPE = shapes.WorkflowType(name="n", version="v")
LIST = shapes.TaskList(name="l")
DOMAINS = {"domainInfos": [{"name": "a", "status": "REGISTERED"}, {"name": "b", "status": "REGISTERED"}]}
REGISTERED = shapes.RegistrationStatus.REGISTERED


def client_of(stub: Stub, pauses: Pauses, **retries: float) -> Client:
    policy = Retries(**retries)  # type: ignore[arg-type]
    return Client(stub.url, domain="d", credentials="none", retries=policy, sleep=pauses)


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{once.getsockname()[1]}"


async def test_a_request_is_aws_json(stub: Stub, pauses: Pauses) -> None:
    """ "POST /; X-Amz-Target: SimpleWorkflowService.<Action>, Content-Type: application/x-amz-json-1.0"."""
    stub.replies = [answer({"runId": "r"})]
    async with client_of(stub, pauses) as client:
        run = await client.start_workflow_execution(workflow_id="w", workflow_type=TYPE, tag_list=("a", "b"), input="")
    assert run == shapes.Run(run_id="r")
    (asked,) = stub.asked
    assert (asked.operation, asked.path, asked.headers["Content-Type"]) == ("StartWorkflowExecution", "/", JSON_1_0)
    assert asked.body == {
        "domain": "d",
        "workflowId": "w",
        "workflowType": {"name": "n", "version": "v"},
        "tagList": ["a", "b"],
        "input": "",
    }


@pytest.mark.parametrize(
    "failure",
    [drop, refusal("InternalFailure", status=500), answer(b"<html>", status=502), refusal("x#ThrottlingException")],
)
async def test_what_is_of_the_moment_is_repeated(stub: Stub, pauses: Pauses, failure: object) -> None:
    """A lost connection, a 5xx of SWF and of a proxy, throttling: the third attempt succeeds, after two pauses."""
    stub.replies = [failure, failure, answer({"count": 3})]  # type: ignore[list-item]
    async with client_of(stub, pauses) as client:
        pending = await client.count_pending_activity_tasks(task_list=LIST)
    assert pending.count == 3
    assert len(stub.asked) == 3
    assert len({asked.raw for asked in stub.asked}) == 1
    assert len(pauses) == 2


async def test_a_refusal_is_not_repeated(stub: Stub, pauses: Pauses) -> None:
    stub.replies = [refusal("com.amazonaws.swf.base.model#UnknownResourceFault", "Unknown domain: d")]
    async with client_of(stub, pauses) as client:
        with pytest.raises(UnknownResourceFault, match="Unknown domain: d") as caught:
            await client.count_pending_activity_tasks(task_list=LIST)
    assert len(stub.asked) == 1
    assert trail_of(caught.value) == Trail(attempts=1, in_doubt=False)


async def test_a_fault_after_a_lost_connection_is_in_doubt(stub: Stub, pauses: Pauses) -> None:
    """The start may be its own predecessor; the cause is what was lost."""
    stub.replies = [drop, refusal("x#WorkflowExecutionAlreadyStartedFault")]
    async with client_of(stub, pauses) as client:
        with pytest.raises(WorkflowExecutionAlreadyStartedFault) as caught:
            await client.start_workflow_execution(workflow_id="w", workflow_type=TYPE)
    assert trail_of(caught.value) == Trail(attempts=2, in_doubt=True)
    assert isinstance(caught.value.__cause__, ServiceUnreachable)
    assert isinstance(caught.value.__cause__.__cause__, aiohttp.ClientError)
    assert "asked 2 times; one of them may have taken effect" in caught.value.__notes__


async def test_a_fault_after_throttling_is_not_in_doubt(stub: Stub, pauses: Pauses) -> None:
    stub.replies = [refusal("x#ThrottlingException"), refusal("x#WorkflowExecutionAlreadyStartedFault")]
    async with client_of(stub, pauses) as client:
        with pytest.raises(WorkflowExecutionAlreadyStartedFault) as caught:
            await client.start_workflow_execution(workflow_id="w", workflow_type=TYPE)
    assert trail_of(caught.value) == Trail(attempts=2, in_doubt=False)
    assert isinstance(caught.value.__cause__, ThrottlingException)


@pytest.mark.parametrize(
    ("failure", "kind", "in_doubt"),
    [
        (drop, ServiceUnreachable, True),
        (refusal("x#ServiceUnavailableException", status=503), ServiceUnavailableException, True),
        (refusal("x#InternalFailure", status=500), InternalFailure, True),
        (answer(b"", status=504), ServiceFault, True),
        (refusal("x#ThrottlingException", "Rate exceeded"), ThrottlingException, False),
    ],
)
async def test_in_vain_is_in_vain(
    stub: Stub, pauses: Pauses, failure: object, kind: type[Exception], in_doubt: bool
) -> None:
    """After the last attempt the latest failure is raised."""
    stub.replies = [failure]  # type: ignore[list-item]
    async with client_of(stub, pauses, attempts=4) as client:
        with pytest.raises(kind) as caught:
            await client.count_pending_activity_tasks(task_list=LIST)
    assert trail_of(caught.value) == Trail(attempts=4, in_doubt=in_doubt)
    assert (len(stub.asked), len(pauses)) == (4, 3)


async def test_nobody_at_the_address(pauses: Pauses) -> None:
    """Unreachable, repeated, and certain: nothing was sent. It is a ConnectionError too."""
    url = nobody()
    async with Client(url, credentials="none", sleep=pauses, retries=Retries(attempts=3)) as client:
        with pytest.raises(ConnectionError, match=url) as caught:
            await client.describe_domain(name="d")
    assert isinstance(caught.value, ServiceUnreachable)
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)
    assert trail_of(caught.value) == Trail(attempts=3, in_doubt=False)


async def test_the_service_may_say_when(stub: Stub, pauses: Pauses) -> None:
    """Retry-After in seconds; a date is not read."""
    stub.replies = [
        answer(b"", status=503, **{"Retry-After": "7"}),
        answer(b"", status=503, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        answer(),
    ]
    async with client_of(stub, pauses, first=0.1) as client:
        await client.signal_workflow_execution(workflow_id="w", signal_name="s")
    first, second = pauses
    assert first == 7
    assert second <= 0.2


async def test_one_attempt_means_one(stub: Stub, pauses: Pauses) -> None:
    stub.replies = [drop]
    async with client_of(stub, pauses, attempts=1) as client:
        with pytest.raises(ServiceUnreachable):
            await client.signal_workflow_execution(workflow_id="w", signal_name="s")
    assert len(stub.asked) == 1


async def test_silence_is_a_lost_connection(stub: Stub, pauses: Pauses) -> None:
    """The time of an attempt is over: the connection is closed, and it counts as in doubt."""
    stub.replies = [stub.hold]
    async with client_of(stub, pauses, attempts=1) as client:
        request = shapes.DescribeDomainInput(name="d")
        with pytest.raises(ServiceUnreachable, match=r"no answer within 0\.05 seconds") as caught:
            await client.call("DescribeDomain", request, timeout=0.05)
        await stub.gone.wait()
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert trail_of(caught.value).in_doubt


async def test_a_success_that_cannot_be_read_is_not_repeated(stub: Stub, pauses: Pauses) -> None:
    """It has taken place, whatever it was."""
    stub.replies = [answer(b"<html>welcome to the hotel</html>")]
    async with client_of(stub, pauses) as client:
        with pytest.raises(UnreadableAnswer, match="DescribeDomain"):
            await client.describe_domain(name="d")
    assert len(stub.asked) == 1


async def test_an_elsewhere_is_not_followed(stub: Stub, pauses: Pauses) -> None:
    stub.replies = [answer(b"", status=307, Location="http://127.0.0.1:1/")]
    async with client_of(stub, pauses) as client:
        with pytest.raises(ServiceFault) as caught:
            await client.describe_domain(name="d")
    assert caught.value.status == 307


async def test_a_fault_says_the_request_id(stub: Stub, pauses: Pauses) -> None:
    """What AWS's support asks for."""
    stub.replies = [refusal("x#UnknownResourceFault", status=400, **{"x-amzn-RequestId": "4b977c76"})]
    async with client_of(stub, pauses) as client:
        with pytest.raises(UnknownResourceFault) as caught:
            await client.describe_domain(name="d")
    assert caught.value.__notes__ == ["request id 4b977c76"]


# ---- polls ---------------------------------------------------------------------------------------------------------


async def test_too_many_polls_is_throttling(stub: Stub, pauses: Pauses) -> None:
    """ "Limit on maximum concurrent poll requests per task list reached": with pauses, not in a storm."""
    stub.replies = [refusal("x#LimitExceededFault", "Limit on maximum concurrent poll requests per task list reached")]
    async with client_of(stub, pauses, attempts=3) as client:
        with pytest.raises(LimitExceededFault):
            await client.poll_for_activity_task(task_list=LIST)
    assert len(stub.asked) == 3


async def test_a_poll_that_is_cancelled_hangs_up(stub: Stub, pauses: Pauses) -> None:
    """So that no task is given to somebody who has gone."""
    stub.replies = [stub.hold]
    async with client_of(stub, pauses) as client:
        poll = asyncio.create_task(client.poll_for_decision_task(task_list=LIST))
        await stub.holding.wait()
        assert not stub.gone.is_set()
        poll.cancel()
        await stub.gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await poll
    assert len(stub.asked) == 1


async def test_polls_leave_the_connections_to_others(stub: Stub, pauses: Pauses) -> None:
    """With one connection for calls and three polls on the wire, a call is answered."""
    stub.replies = [stub.hold, stub.hold, stub.hold, answer({"cancelRequested": False})]
    client = Client(stub.url, domain="d", credentials="none", connections=1, sleep=pauses)
    async with client, asyncio.TaskGroup() as group:
        polls = []
        for _ in range(3):
            stub.holding.clear()
            polls.append(group.create_task(client.poll_for_activity_task(task_list=LIST)))
            await stub.holding.wait()
        status = await client.record_activity_task_heartbeat(task_token="t")  # noqa: S106  no password
        assert not status.cancel_requested
        for poll in polls:
            poll.cancel()


async def test_polls_wait_longer_than_calls() -> None:
    """ "Deciders should set their client side socket timeout to at least 70 seconds"."""
    asked: list[tuple[bool, float]] = []
    client = Client("http://127.0.0.1:1", domain="d", credentials="none", retries=Retries(attempts=1))

    async def note(exchange: object, body: bytes, seconds: float) -> None:
        asked.append((bool(getattr(exchange, "poll", None)), seconds))
        raise ClientClosed

    client._ask = note  # type: ignore[method-assign, assignment]
    for call in (client.poll_for_decision_task, client.poll_for_activity_task, client.count_pending_activity_tasks):
        with pytest.raises(ClientClosed):
            await call(task_list=LIST)
    assert asked == [(True, 70.0), (True, 70.0), (False, 30.0)]


async def test_identity_is_host_and_process(stub: Stub, pauses: Pauses) -> None:
    """A poll says its own, else the client's, else HOST:PID, of which 256 characters are allowed."""
    stub.replies = [answer({"startedEventId": 0})]
    async with client_of(stub, pauses) as client:
        await client.poll_for_activity_task(task_list=LIST)
        await client.poll_for_activity_task(task_list=LIST, identity="me")
    assert [asked.body["identity"] for asked in stub.asked] == [f"{socket.gethostname()}:{os.getpid()}", "me"]
    assert Client("http://h", identity="worker").identity == "worker"


# ---- pages ---------------------------------------------------------------------------------------------------------


async def test_pages_are_asked_for_when_they_are_needed(stub: Stub, pauses: Pauses) -> None:
    """The second page when the first is used up; an empty page is not the end, and after the last there is none."""
    stub.replies = [
        answer({**DOMAINS, "nextPageToken": "2"}),
        answer({"domainInfos": [], "nextPageToken": "3"}),
        answer({"domainInfos": [{"name": "c", "status": "REGISTERED"}]}),
    ]
    async with client_of(stub, pauses) as client:
        domains = client.each_domain(registration_status=REGISTERED, maximum_page_size=2)
        assert stub.asked == []
        names = [(await anext(domains)).name, (await anext(domains)).name]
        assert (names, len(stub.asked)) == (["a", "b"], 1)
        names += [domain.name async for domain in domains]
    assert names == ["a", "b", "c"]
    first = {"registrationStatus": "REGISTERED", "maximumPageSize": 2}
    assert [asked.body for asked in stub.asked] == [
        first,
        {**first, "nextPageToken": "2"},
        {**first, "nextPageToken": "3"},
    ]


async def test_a_history_is_paged_by_its_execution(stub: Stub, pauses: Pauses) -> None:
    events = [{"eventId": n, "eventTimestamp": 1.5, "eventType": "TimerFired"} for n in (1, 2)]
    stub.replies = [answer({"events": events[:1], "nextPageToken": "2"}), answer({"events": events[1:]})]
    async with client_of(stub, pauses) as client:
        assert [event.event_id async for event in client.history("w", "r", reverse_order=True)] == [1, 2]
    asked = {"domain": "d", "execution": {"workflowId": "w", "runId": "r"}, "reverseOrder": True}
    assert [one.body for one in stub.asked] == [asked, {**asked, "nextPageToken": "2"}]


# ---- the client itself ---------------------------------------------------------------------------------------------


async def test_a_domain_is_needed_by_who_names_none(stub: Stub) -> None:
    """The call's wins over the client's."""
    stub.replies = [answer({"count": 0})]
    async with Client(stub.url, credentials="none") as client:
        with pytest.raises(Misconfigured, match=r"Client\(domain=\.\.\.\)"):
            await client.count_pending_activity_tasks(task_list=LIST)
        assert stub.asked == []
        await client.count_pending_activity_tasks(task_list=LIST, domain="mine")
    async with Client(stub.url, domain="ours", credentials="none") as client:
        assert client.domain == "ours"
        await client.count_pending_activity_tasks(task_list=LIST)
        await client.count_pending_activity_tasks(task_list=LIST, domain="mine")
    assert [asked.body["domain"] for asked in stub.asked] == ["mine", "ours", "mine"]


async def test_outside_its_block_a_client_is_closed(stub: Stub, pauses: Pauses) -> None:
    """Before and after; it may be opened again."""
    client = client_of(stub, pauses)
    for _ in range(2):
        with pytest.raises(ClientClosed):
            await client.deprecate_domain(name="d")
        async with client:
            await client.deprecate_domain(name="d")
    with pytest.raises(ClientError):
        await client.deprecate_domain(name="d")
    assert len(stub.asked) == 2


async def test_a_call_does_not_outlive_the_block(stub: Stub, pauses: Pauses) -> None:
    """What is still on its way when the client is closed is told so, and not repeated."""
    stub.replies = [stub.hold]
    async with client_of(stub, pauses) as client:
        call = asyncio.create_task(client.poll_for_activity_task(task_list=LIST))
        await stub.holding.wait()
    with pytest.raises(ClientClosed):
        await call
    assert len(stub.asked) == 1


def test_an_endpoint_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(Misconfigured, match="not an endpoint"):
        Client("127.0.0.1:8080")


def test_a_client_can_be_made_without_an_event_loop() -> None:
    """So that it can be a module's constant."""
    assert Client("http://127.0.0.1:8080", domain="d").domain == "d"
