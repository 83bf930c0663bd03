"""A coordinator with all that is around it: the real broker, the real store, a clock that is moved by hand.

Law: a test says what clients and workers do, never how long that takes. It waits for an answer, for a task, or until
all is handled; no wait is a matter of seconds.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec

from coordinator.service import Coordinator
from tests.brokers.inbox import never
from workflowsvc import names
from workflowsvc.brokers.inprocess import InProcessBroker
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import NO_TASK, Action, Reply, Stale, Task, TaskKind, TaskList, TaskRef
from workflowsvc.messages import StartTask as TakeTask
from workflowsvc.ports import Delivery
from workflowsvc.settings import Settings
from workflowsvc.stores.sqlite import SqliteStore
from workflowsvc.swf import shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.shapes import DecisionType

DOMAIN = "us-east-1/orders"
START = 1_700_000_000_000
SECOND = 1000
DAY = 86_400_000
#: Seconds after which something that should have happened never will.
PATIENCE = 5
#: Turns of the event loop in which anything that is ready to happen has begun.
BREATH = 20

TYPE = shapes.WorkflowType(name="Order", version="1")
ACTIVITY = shapes.ActivityType(name="Pack", version="1")
MAIN = shapes.TaskList(name="main")


class Refused(Exception):
    """The reply was a fault."""

    def __init__(self, code: str, message: str | None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class CountingClock(ManualClock):
    """It knows what is on its way or being handled: the broker holds the clock for each."""

    def __init__(self, start: int = START) -> None:
        super().__init__(start)
        self._held: set[Hashable] = set()

    def hold(self, what: Hashable) -> None:
        self._held.add(what)

    def release(self, what: Hashable) -> None:
        self._held.discard(what)

    @property
    def quiet(self) -> bool:
        return not self._held


async def until(condition: Callable[[], bool]) -> None:
    """As the event loop turns; for what has no event of its own to wait for."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for is the coordinator's own, and has no event
            await asyncio.sleep(0)


class Gate:
    """A call that waits at the gate has not been made yet. It goes on, or fails, when the test says so."""

    def __init__(self) -> None:
        self._arrived = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def pass_through(self) -> None:
        self._arrived.set()
        await self._opened

    async def reached(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._arrived.wait()

    def open(self) -> None:
        self._opened.set_result(None)

    def fail(self, error: Exception) -> None:
        self._opened.set_exception(error)


class Interrupted:
    """A port whose next calls of some methods fail or wait. All others go to the adapter behind it."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._plans: dict[str, deque[Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]]] = defaultdict(deque)
        #: the arguments of every call of the methods that were ever watched or planned for
        self.calls: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._watched: set[str] = set()

    def watch(self, *methods: str) -> None:
        self._watched.update(methods)

    def fail(self, method: str, *errors: Exception) -> None:
        """The next calls do nothing and raise these, one each."""
        for error in errors:
            self._plan(method, self._raising(error))

    def fail_after(self, method: str, error: Exception) -> None:
        """The next call does its work, and then nobody learns of it."""

        async def plan(call: Callable[[], Awaitable[Any]]) -> Any:
            await call()
            raise error

        self._plan(method, plan)

    def stop(self, method: str) -> Gate:
        """The next call waits."""
        gate = Gate()

        async def plan(call: Callable[[], Awaitable[Any]]) -> Any:
            await gate.pass_through()
            return await call()

        self._plan(method, plan)
        return gate

    def stop_after(self, method: str) -> Gate:
        """The next call does its work at once, and its result waits."""
        gate = Gate()

        async def plan(call: Callable[[], Awaitable[Any]]) -> Any:
            result = await call()
            await gate.pass_through()
            return result

        self._plan(method, plan)
        return gate

    def drop(self, method: str, times: int = 1) -> None:
        """The next calls do nothing and return as if they had."""

        async def plan(_: Callable[[], Awaitable[Any]]) -> None:
            return None

        for _ in range(times):
            self._plan(method, plan)

    def pass_on(self, method: str) -> None:
        """The next call goes through as it is."""

        async def plan(call: Callable[[], Awaitable[Any]]) -> Any:
            return await call()

        self._plan(method, plan)

    def _plan(self, method: str, plan: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]) -> None:
        self._watched.add(method)
        self._plans[method].append(plan)

    @staticmethod
    def _raising(error: Exception) -> Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]:
        async def plan(_: Callable[[], Awaitable[Any]]) -> Any:
            raise error

        return plan

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._adapter, name)
        if name not in self._watched:
            return method

        async def watched(*args: Any, **kwargs: Any) -> Any:
            self.calls[name].append(args)
            plans = self._plans[name]
            if plans:
                return await plans.popleft()(lambda: method(*args, **kwargs))
            return await method(*args, **kwargs)

        return watched


class Handed:
    """A delivery that the test makes itself, and that is to be acknowledged."""

    def __init__(self, message: Action, *, redelivered: bool = False) -> None:
        self.message = message
        self.redelivered = redelivered
        self.acknowledged = False

    async def ack(self) -> None:
        self.acknowledged = True

    async def requeue(self) -> None:
        raise AssertionError(f"{self.message} came back")

    async def reject(self, reason: str) -> None:
        raise AssertionError(reason)


class World:
    """Clients and workers before one coordinator."""

    def __init__(
        self, store: SqliteStore, capacity: int = 1000, broker: type[InProcessBroker] = InProcessBroker
    ) -> None:
        self._broker_kind = broker
        self.sqlite = store
        self.store = Interrupted(store)
        self.clock = CountingClock()
        self.settings = Settings(partitions=4, cached_executions=capacity, retention_seconds=3600.0)
        self._requests = 0
        #: every reply that came, those to an action that came again included
        self.replies: list[Reply] = []
        self._replies: dict[str, asyncio.Future[Reply]] = {}
        self._publishing: set[asyncio.Task[None]] = set()
        self.coordinator: Coordinator
        self.broker: Interrupted
        self.inprocess: InProcessBroker
        self._address = ""

    @asynccontextmanager
    async def running(self, **broker_plans: int) -> AsyncIterator[World]:
        """A broker that knows nothing and a coordinator that just started. `drop=2` forgets the first two calls."""
        async with AsyncExitStack() as stack:
            self.inprocess = await stack.enter_async_context(self._broker_kind(self.clock, self.settings.partitions))
            self.broker = Interrupted(self.inprocess)
            self.broker.watch("delay", "undelay", "offer", "publish")
            for method, times in broker_plans.items():
                self.broker.drop(method, times)
            self._address = await stack.enter_async_context(self.inprocess.replies(self._replied, never))
            self.coordinator = Coordinator(self.settings, self.clock, self.broker, self.store)  # type: ignore[arg-type]
            await stack.enter_async_context(self.coordinator)
            yield self
        await asyncio.gather(*self._publishing, return_exceptions=True)

    def _replied(self, reply: Reply) -> None:
        self.replies.append(reply)
        if (waiting := self._replies.pop(reply.action_id, None)) is not None:
            waiting.set_result(reply)

    # ---- sending

    def action(
        self, request: Any, workflow_id: str = "", run_id: str = "", task: TaskRef = NO_TASK, reply: bool = True
    ) -> Action:
        self._requests += 1
        action_id = names.action_id(self.clock.now(), self._requests.to_bytes(10, "big"))
        lane = names.lane_of(DOMAIN, workflow_id)
        return Action(action_id, lane, DOMAIN, workflow_id, run_id, request, task, self._address if reply else "")

    def send(self, action: Action) -> asyncio.Future[Reply]:
        """Publish now, in the order of the calls; the future is the reply."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if action.reply_to:
            self._replies[action.id] = future
        publishing = asyncio.ensure_future(self.inprocess.publish([action]))
        self._publishing.add(publishing)
        return future

    async def redeliver(self, action: Action) -> list[Reply]:
        """Deliver once more what was handled, as a broker does that was not told; all its replies so far."""
        before = sum(reply.action_id == action.id for reply in self.replies)
        self.coordinator._receive(Handed(action, redelivered=True))
        await until(lambda: sum(reply.action_id == action.id for reply in self.replies) > before)
        await self.settled()
        return [reply for reply in self.replies if reply.action_id == action.id]

    async def answer(self, action: Action) -> Any:
        """The result; raises Refused."""
        return await self.result(self.send(action))

    @staticmethod
    async def result(future: asyncio.Future[Reply]) -> Any:
        async with asyncio.timeout(PATIENCE):
            reply = await future
        if reply.refusal is not None:
            raise Refused(reply.refusal.code, reply.refusal.message)
        return reply.result

    async def ask(self, request: Any, workflow_id: str = "", run_id: str = "", task: TaskRef = NO_TASK) -> Any:
        return await self.answer(self.action(request, workflow_id, run_id, task))

    async def settled(self) -> None:
        """All that was sent has been handled, and all that followed from it."""
        turns = 0
        async with asyncio.timeout(PATIENCE):
            while turns < BREATH:
                await asyncio.sleep(0)
                turns = turns + 1 if self.clock.quiet else 0

    async def pass_time(self, milliseconds: int) -> None:
        """Time moves, and all that was due is handled."""
        self.clock.advance(milliseconds)
        await self.settled()

    # ---- clients

    async def register(self, retention: str = "7", **workflow_defaults: Any) -> None:
        await self.settled()  # what comes now is not for the coordinator that began a moment ago to resume
        await self.ask(shapes.RegisterDomainInput(name="orders", workflow_execution_retention_period_in_days=retention))
        await self.ask(
            shapes.RegisterWorkflowTypeInput(
                domain="orders",
                name=TYPE.name,
                version=TYPE.version,
                **{
                    "default_child_policy": shapes.ChildPolicy.TERMINATE,
                    "default_execution_start_to_close_timeout": "86400",
                    "default_task_list": MAIN,
                    "default_task_start_to_close_timeout": "NONE",
                    **workflow_defaults,
                },
            )
        )
        await self.ask(
            shapes.RegisterActivityTypeInput(
                domain="orders",
                name=ACTIVITY.name,
                version=ACTIVITY.version,
                default_task_heartbeat_timeout="NONE",
                default_task_list=MAIN,
                default_task_schedule_to_close_timeout="NONE",
                default_task_schedule_to_start_timeout="NONE",
                default_task_start_to_close_timeout="NONE",
            )
        )

    async def start(self, workflow_id: str, **given: Any) -> str:
        run: shapes.Run = await self.ask(start_of(workflow_id, **given), workflow_id)
        assert run.run_id
        return run.run_id

    async def signal(self, workflow_id: str, name: str = "s", run_id: str = "") -> None:
        await self.ask(signal_of(workflow_id, name), workflow_id, run_id)

    async def terminate(self, workflow_id: str, run_id: str = "", policy: shapes.ChildPolicy | None = None) -> None:
        request = shapes.TerminateWorkflowExecutionInput(domain="orders", workflow_id=workflow_id, child_policy=policy)
        await self.ask(request, workflow_id, run_id)

    async def describe(self, workflow_id: str, run_id: str) -> shapes.WorkflowExecutionDetail:
        execution = shapes.WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        request = shapes.DescribeWorkflowExecutionInput(domain="orders", execution=execution)
        detail: shapes.WorkflowExecutionDetail = await self.ask(request, workflow_id, run_id)
        return detail

    async def history(self, run_id: str) -> list[shapes.HistoryEvent]:
        """What the store has: an event is in it once it was committed."""
        events = await self.sqlite.history(run_id, 1, 30_000, 30_000)
        return [msgspec.json.decode(event, type=shapes.HistoryEvent) for event in events]

    async def types(self, run_id: str) -> list[str]:
        return [str(event.event_type) for event in await self.history(run_id)]

    # ---- workers

    @asynccontextmanager
    async def hints(self, kind: TaskKind, name: str = "main") -> AsyncIterator[asyncio.Queue[Delivery[Task]]]:
        """Every task of a list, as it comes."""
        arrived: asyncio.Queue[Delivery[Task]] = asyncio.Queue()
        async with self.inprocess.tasks(TaskList(DOMAIN, kind, name), arrived.put_nowait) as consumer:
            consumer.credit(1000)
            yield arrived

    async def poll(self, kind: TaskKind = TaskKind.DECISION, name: str = "main") -> Any:
        """The next task that can be had."""
        async with self.hints(kind, name) as arrived, asyncio.timeout(PATIENCE):
            while True:
                hint = await arrived.get()
                given = await self.take(hint.message)
                await hint.ack()
                if not isinstance(given, Stale):
                    return given

    async def waiting(self, kind: TaskKind = TaskKind.DECISION, name: str = "main") -> list[Task]:
        """The tasks that wait on a list; they stay there."""
        async with self.hints(kind, name) as arrived:
            for _ in range(BREATH):
                await asyncio.sleep(0)
            return [arrived.get_nowait().message for _ in range(arrived.qsize())]

    async def take(self, task: Task) -> Any:
        request = TakeTask(task.task_list.kind, "worker")
        return await self.ask(request, task.workflow_id, task.run_id, TaskRef(task.scheduled_event_id))

    async def decide(self, *decisions: shapes.Decision, task_list: str = "main") -> Any:
        """Take the next decision task and complete it."""
        given = await self.poll(TaskKind.DECISION, task_list)
        await self.complete(given, *decisions)
        return given

    def completion(self, given: Any, *decisions: shapes.Decision) -> Action:
        request = shapes.RespondDecisionTaskCompletedInput(task_token="token", decisions=list(decisions))  # noqa: S106
        return self.action(request, given.workflow_execution.workflow_id, given.workflow_execution.run_id, given.task)

    async def complete(self, given: Any, *decisions: shapes.Decision) -> None:
        await self.answer(self.completion(given, *decisions))

    async def of_activity(self, request: type[Any], given: Any, **details: Any) -> Any:
        """Heartbeat, complete, fail or cancel an activity task that was taken."""
        execution = given.workflow_execution
        made = request(task_token="token", **details)  # noqa: S106
        return await self.ask(made, execution.workflow_id, execution.run_id, given.task)


def start_of(workflow_id: str, **given: Any) -> shapes.StartWorkflowExecutionInput:
    return shapes.StartWorkflowExecutionInput(domain="orders", workflow_id=workflow_id, workflow_type=TYPE, **given)


def signal_of(workflow_id: str, name: str = "s") -> shapes.SignalWorkflowExecutionInput:
    return shapes.SignalWorkflowExecutionInput(domain="orders", workflow_id=workflow_id, signal_name=name)


def decision(kind: DecisionType, **given: Any) -> shapes.Decision:
    shape = DECISIONS[kind]
    members: dict[str, Any] = {shape.member: shape.attributes(**given)}
    return shapes.Decision(decision_type=kind, **members)


def activity(activity_id: str = "a", **given: Any) -> shapes.Decision:
    return decision(DecisionType.SCHEDULE_ACTIVITY_TASK, activity_id=activity_id, activity_type=ACTIVITY, **given)


def timer(seconds: int, timer_id: str = "t") -> shapes.Decision:
    return decision(DecisionType.START_TIMER, timer_id=timer_id, start_to_fire_timeout=str(seconds))


def child(workflow_id: str = "child", **given: Any) -> shapes.Decision:
    return decision(DecisionType.START_CHILD_WORKFLOW_EXECUTION, workflow_id=workflow_id, workflow_type=TYPE, **given)


def complete(result: str | None = None) -> shapes.Decision:
    return decision(DecisionType.COMPLETE_WORKFLOW_EXECUTION, result=result)


def continue_as_new() -> shapes.Decision:
    return decision(DecisionType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION)


def external_signal(workflow_id: str, **given: Any) -> shapes.Decision:
    return decision(
        DecisionType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION, workflow_id=workflow_id, signal_name="from outside", **given
    )


def external_cancel(workflow_id: str, **given: Any) -> shapes.Decision:
    return decision(DecisionType.REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION, workflow_id=workflow_id, **given)
