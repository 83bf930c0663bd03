"""The blocking client: the same calls, from threads without an event loop."""

from __future__ import annotations

import asyncio
import inspect
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, get_type_hints

import pytest

from tests.workers_sdk.client.stub import Stub, answer, refusal, serving
from workers_sdk.client import BlockingClient, Client, ClientClosed, Misconfigured, Operations
from workers_sdk.client.blocking_operations import BlockingOperations
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault

LIST = shapes.TaskList(name="l")


@pytest.fixture
def elsewhere() -> Iterator[Stub]:
    """The stub, on an event loop in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    stack = AsyncExitStack()
    try:
        yield asyncio.run_coroutine_threadsafe(stack.enter_async_context(serving()), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_call_blocks_until_its_answer(elsewhere: Stub) -> None:
    elsewhere.replies = [answer({"count": 3})]
    with BlockingClient(elsewhere.url, domain="d", credentials="none") as client:
        assert client.count_pending_activity_tasks(task_list=LIST) == shapes.PendingTaskCount(count=3)
        assert client.endpoint == elsewhere.url
    assert elsewhere.asked[0].body == {"domain": "d", "taskList": {"name": "l"}}


def test_a_fault_is_raised_where_the_call_is_made(elsewhere: Stub) -> None:
    elsewhere.replies = [refusal("x#UnknownResourceFault", "Unknown domain: d")]
    with (
        BlockingClient(elsewhere.url, domain="d", credentials="none") as client,
        pytest.raises(UnknownResourceFault, match="Unknown domain: d"),
    ):
        client.describe_domain(name="d")


def test_iterators_page_lazily(elsewhere: Stub) -> None:
    elsewhere.replies = [
        answer({"domainInfos": [{"name": "a", "status": "REGISTERED"}], "nextPageToken": "2"}),
        answer({"domainInfos": [{"name": "b", "status": "REGISTERED"}]}),
    ]
    with BlockingClient(elsewhere.url, credentials="none") as client:
        domains = client.each_domain(registration_status=shapes.RegistrationStatus.REGISTERED)
        assert next(domains).name == "a"
        assert len(elsewhere.asked) == 1
        assert [domain.name for domain in domains] == ["b"]


def test_threads_share_a_client(elsewhere: Stub) -> None:
    elsewhere.replies = [answer({"count": 1})]
    with BlockingClient(elsewhere.url, domain="d", credentials="none") as client, ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: client.count_pending_activity_tasks(task_list=LIST).count, range(40)))
    assert counts == [1] * 40


def test_a_call_of_another_thread_ends_with_the_client(elsewhere: Stub) -> None:
    """It does not hang for as long as a poll may last."""
    elsewhere.replies = [elsewhere.hold]
    with ThreadPoolExecutor(1) as threads:
        with BlockingClient(elsewhere.url, domain="d", credentials="none") as client:
            poll = threads.submit(client.poll_for_activity_task, task_list=LIST)
            asyncio.run_coroutine_threadsafe(elsewhere.holding.wait(), elsewhere.loop).result()
        assert isinstance(poll.exception(), ClientClosed)


def test_an_interrupted_call_hangs_up(elsewhere: Stub) -> None:
    """Ctrl-C in the middle of a poll: the service sees that nobody waits any more."""
    elsewhere.replies = [elsewhere.hold]

    async def press() -> None:
        await elsewhere.holding.wait()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with BlockingClient(elsewhere.url, domain="d", credentials="none") as client:
        pressed = asyncio.run_coroutine_threadsafe(press(), elsewhere.loop)
        with pytest.raises(KeyboardInterrupt):
            client.poll_for_decision_task(task_list=LIST)
        pressed.result()
        asyncio.run_coroutine_threadsafe(elsewhere.gone.wait(), elsewhere.loop).result(10)


def test_a_call_that_is_interrupted_before_it_is_waited_for_hangs_up(
    elsewhere: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's thread may be faster than the caller's."""
    elsewhere.replies = [elsewhere.hold]
    submit = asyncio.run_coroutine_threadsafe

    def interrupted(*arguments: Any) -> Any:
        submit(*arguments)
        submit(elsewhere.holding.wait(), elsewhere.loop).result(10)
        raise KeyboardInterrupt

    with BlockingClient(elsewhere.url, domain="d", credentials="none") as client:
        monkeypatch.setattr("workers_sdk.client.blocking.asyncio.run_coroutine_threadsafe", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.poll_for_decision_task(task_list=LIST)
        monkeypatch.undo()
        submit(elsewhere.gone.wait(), elsewhere.loop).result(10)


def test_closed_is_closed(elsewhere: Stub) -> None:
    """Before and after; no thread is left. It may be opened again."""
    client = BlockingClient(elsewhere.url, credentials="none")
    for _ in range(2):
        with pytest.raises(ClientClosed):
            client.deprecate_domain(name="d")
        with client:
            client.deprecate_domain(name="d")
            assert "workers_sdk.client" in {thread.name for thread in threading.enumerate()}
        assert "workers_sdk.client" not in {thread.name for thread in threading.enumerate()}


def test_what_cannot_be_opened_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(Misconfigured, match="no endpoint and no region"), BlockingClient(credentials="none"):
        pass


def _signature(method: object) -> str:
    return str(inspect.signature(method))  # type: ignore[arg-type]


def test_the_twin_has_the_same_methods_of_the_same_types() -> None:
    """But for what an iterator is called."""
    ours = {name: one for name, one in vars(Operations).items() if inspect.isfunction(one)}
    twin = {name: one for name, one in vars(BlockingOperations).items() if inspect.isfunction(one)}
    assert len(ours) == 39 + 6 + 1
    assert {name: re.sub("Async", "", _signature(one)) for name, one in ours.items()} == {
        name: _signature(one) for name, one in twin.items()
    }
    assert all(get_type_hints(one) for one in (*ours.values(), *twin.values()))


def test_both_are_made_with_the_same_options() -> None:
    """But for the sleep, which is the event loop's, and the payloads, which are for handles and workers."""
    of_client = dict(inspect.signature(Client).parameters)
    del of_client["sleep"], of_client["payloads"]
    assert of_client == dict(inspect.signature(BlockingClient).parameters)
