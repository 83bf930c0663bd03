"""Activity tasks: run what they ask for, and answer.

Law: a task that was taken is answered, or said in the log to be lost. What an activity does harms no other one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from workers_sdk.client import Client, trail_of
from workers_sdk.definitions.activities import Activity
from workers_sdk.definitions.options import Duration, whole_seconds
from workers_sdk.payloads import Payloads
from workers_sdk.worker.answers import Answer, Failed, Sender, answer_to, stopped, unwritable
from workers_sdk.worker.attempts import Attempt, Ended, Kind, ended_by
from workers_sdk.worker.cancellation import Cancellation, Why
from workers_sdk.worker.context import ActivityInfo
from workers_sdk.worker.executors import Executor
from workers_sdk.worker.heartbeats import Beat, Heartbeats
from workers_sdk.worker.persistence import persist
from workers_sdk.worker.slots import Reservation
from workers_sdk.worker.types import Key, key_of
from workflowsvc.swf import shapes
from workflowsvc.swf.faults import UnknownResourceFault

log = logging.getLogger(__name__)


class ActivityTasks:
    def __init__(
        self,
        client: Client,
        payloads: Payloads,
        activities: Mapping[Key, Activity[..., Any]],
        executors: Mapping[Kind, Executor],
        heartbeats: Heartbeats,
        *,
        auto_heartbeat: bool,
    ) -> None:
        self._domain = client.domain
        self._payloads = payloads
        self._activities = activities
        self._executors = executors
        self._heartbeats = heartbeats
        self._auto_heartbeat = auto_heartbeat
        self._sender = Sender(client, payloads)
        self._running: set[Cancellation] = set()

    async def handle(self, task: shapes.ActivityTask, reservation: Reservation[Kind]) -> None:
        info = ActivityInfo.of(task, self._domain)
        activity = self._activities.get(key_of(task.activity_type))
        if activity is None:
            # Another version of this worker may know it: to fail it would be the end of a workflow in a rolling
            # deployment. It times out, and is tried again.
            log.error("%s: this worker does not know its type; the task is left to time out", info)
            return
        kind = self.kind_of(activity)
        reservation.keep(kind)
        cancellation = Cancellation()
        self._running.add(cancellation)
        try:
            with self._heartbeats.of(str(info), info.task_token, self._interval(activity), cancellation) as beat:
                await self._work(activity, kind, task, info, beat)
        finally:
            self._running.discard(cancellation)

    def kind_of(self, activity: Activity[..., Any]) -> Kind:
        if activity.is_async:
            return Kind.ASYNC
        return Kind.PROCESS if Kind.PROCESS in self._executors else Kind.THREAD

    def cancel_all(self) -> None:
        """Tell everything that runs to end, for the worker does."""
        for cancellation in list(self._running):
            cancellation.request(Why.STOPPED)

    def _interval(self, activity: Activity[..., Any]) -> float | None:
        return _third(activity.options.heartbeat) if self._auto_heartbeat else None

    async def _work(
        self, activity: Activity[..., Any], kind: Kind, task: shapes.ActivityTask, info: ActivityInfo, beat: Beat
    ) -> None:
        try:
            ended = await self._run(activity, kind, task, info, beat)
            answer = answer_to(ended, beat.cancellation.why)
        except asyncio.CancelledError:
            # The worker's last moment: the activity goes on in its thread, as long as the process does.
            await self._answer(info, stopped())
            raise
        if isinstance(answer, Failed):
            log.warning("%s failed: %s", info, answer.failure.text)
        await self._answer(info, answer)

    async def _run(
        self, activity: Activity[..., Any], kind: Kind, task: shapes.ActivityTask, info: ActivityInfo, beat: Beat
    ) -> Ended:
        try:
            text = await persist(lambda: self._payloads.decode(task.input, what="the input"), str(info))
            signature = activity.signature
            args, kwargs = self._payloads.converter.text_to_arguments(
                text, signature.signature, signature.hints, function=activity.name
            )
        except Exception as error:
            return ended_by(error)
        if beat.cancellation.why is Why.GONE:
            return Ended()  # the store was away for longer than the task had
        beats = partial(self._heartbeats.note, beat)
        attempt = Attempt(activity, args, kwargs, info, beats, beat.cancellation)
        return await self._executors[kind].run(attempt)

    async def _answer(self, info: ActivityInfo, answer: Answer | None) -> None:
        if answer is None:
            log.warning("%s: %s; what it did is not told", info, Why.GONE.value)
            return
        try:
            await persist(lambda: self._sender.send(info.task_token, answer), f"answering {info}")
        except UnknownResourceFault as error:
            if not trail_of(error).in_doubt:  # else it is the echo of an answer that was taken
                log.warning("%s: %s; what it did is not told", info, Why.GONE.value)
        except asyncio.CancelledError:
            log.error("%s: the worker ended before its answer was taken", info)
            raise
        except Exception as error:  # converters and codecs, too, are the user's, and may raise anything
            if isinstance(answer, Failed):
                log.error("%s: its failure cannot be told: %s", info, error)
            else:
                log.error("%s succeeded, but its result cannot be told: %s", info, error)
                await self._answer(info, unwritable(error))


def _third(timeout: Duration | None) -> float | None:
    """Seconds between two automatic heartbeats: one or two may be lost."""
    return None if timeout is None or isinstance(timeout, str) else whole_seconds(timeout) / 3
