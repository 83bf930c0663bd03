"""Lambda tasks: take them from their one list, invoke the function over HTTP, tell the coordinator what came of it.

Law: a task is invoked only after its Started event is committed, and at most once. An invocation that does not come
back in time is not reported: the coordinator's own LambdaFunctionTimedOut covers it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from gateway.calls import Calls
from gateway.longpolls import settle, start_task
from workflowsvc.jobs import end
from workflowsvc.messages import LAMBDA_TASKS, FinishLambda, GivenLambda, Task
from workflowsvc.ports import Broker, BrokerUnavailable, Delivery, TaskConsumer
from workflowsvc.swf.errors import Fault

_LOG: Final = logging.getLogger(__name__)

#: How many functions run at a time for one gateway.
CONCURRENCY: Final = 100
_ATTEMPTS_TO_REPORT: Final = 5

# FailureReason and Data of the service model, in characters; a character is at most four bytes.
_REASON_MAX: Final = 256
_DATA_MAX: Final = 32_768
_BODY_MAX: Final = 4 * _DATA_MAX

_FUNCTION_ERROR: Final = "X-Amz-Function-Error"
_ERROR_TYPE: Final = "x-amzn-errortype"


class Lambdas:
    def __init__(self, broker: Broker, calls: Calls, endpoint: str) -> None:
        self._broker = broker
        self._calls = calls
        self._endpoint = endpoint.rstrip("/")
        self._jobs: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()
        self._consumer: TaskConsumer
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Lambdas:
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        self._http = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        )
        self._consumer = await self._stack.enter_async_context(self._broker.tasks(LAMBDA_TASKS, self._delivered))
        self._consumer.credit(CONCURRENCY)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.credit(0)
        await end(self._jobs)
        await self._stack.aclose()

    def _delivered(self, delivery: Delivery[Task]) -> None:
        job = asyncio.get_running_loop().create_task(self._handle(delivery))
        self._jobs.add(job)
        job.add_done_callback(self._done)

    def _done(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled():
            self._consumer.credit(CONCURRENCY - len(self._jobs))

    async def _handle(self, delivery: Delivery[Task]) -> None:
        task = delivery.message
        try:
            given = await self._start(delivery)
            if given is not None and (finish := await self._invoke(given)) is not None:
                await self._report(task, given, finish)
        except BrokerUnavailable:
            _LOG.warning("a Lambda task of run %s was not settled: the broker is away", task.run_id)
        except Exception:
            _LOG.exception("the Lambda task of run %s failed", task.run_id)

    async def _start(self, delivery: Delivery[Task]) -> GivenLambda | None:
        refusal: Fault | None = None
        given = None
        try:
            given = await start_task(self._calls, delivery.message)
        except Fault as fault:
            refusal = fault
        await settle(delivery, refusal)
        return given if isinstance(given, GivenLambda) else None

    async def _report(self, task: Task, given: GivenLambda, finish: FinishLambda) -> None:
        for attempt in range(_ATTEMPTS_TO_REPORT):
            try:
                await self._calls.tell(
                    task.lane, task.domain, task.workflow_id, given.workflow_execution.run_id, finish, given.task
                )
            except BrokerUnavailable:
                await asyncio.sleep(2**attempt)
            else:
                return
        _LOG.warning("the result of Lambda function %s is lost: the broker is away", given.name)

    # ---- the invocation

    async def _invoke(self, given: GivenLambda) -> FinishLambda | None:
        # "POST /2015-03-31/functions/FunctionName/invocations" (Lambda API reference, Invoke)
        path = f"/2015-03-31/functions/{quote(given.name, safe='')}/invocations"
        # "No input reaches the function as {}" (SWF.md §7.11)
        body = "{}" if given.input is None else given.input
        try:
            async with (
                asyncio.timeout(given.timeout),
                self._http.post(
                    URL(self._endpoint + path, encoded=True),
                    data=body.encode(),
                    headers={"X-Amz-Invocation-Type": "RequestResponse", "Content-Type": "application/json"},
                ) as response,
            ):
                text = await _text(response)
                return _finished(response, text)
        except TimeoutError:
            return None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return FinishLambda(reason="ServiceException", details=str(error)[:_DATA_MAX])


async def _text(response: aiohttp.ClientResponse) -> str:
    """The body, or as much of it as tells that it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _BODY_MAX:
            break
    return body.decode(errors="replace")


def _finished(response: aiohttp.ClientResponse, text: str) -> FinishLambda:
    """ "Handler error: reason Handled/Unhandled"; else "reason = Lambda's error code" (SWF.md §7.11)."""
    if not 200 <= response.status < 300:
        return _refused(response, text)
    if reason := response.headers.get(_FUNCTION_ERROR):
        return FinishLambda(reason=reason[:_REASON_MAX], details=text[:_DATA_MAX])
    if len(text) > _DATA_MAX:
        return FinishLambda(reason="ResultTooLong", details=f"The result is longer than {_DATA_MAX} characters.")
    return FinishLambda(result=text)


def _refused(response: aiohttp.ClientResponse, text: str) -> FinishLambda:
    try:
        members = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError):
        members = {}
    code = response.headers.get(_ERROR_TYPE) or members.get("__type") or members.get("Type")
    # "ResourceNotFoundException:http://internal.amazon.com/..." and "prefix#Code"
    reason = str(code or f"HTTP {response.status}").partition(":")[0].rpartition("#")[2]
    details = members.get("message") or members.get("Message") or text
    return FinishLambda(reason=reason[:_REASON_MAX], details=str(details)[:_DATA_MAX])
