"""Workflow code against histories of executions that it, or an earlier version of it, has decided.

Law: nothing but the history and the code goes in, and nothing comes out but whether they fit: no service is asked, no
activity runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import Any, Final

import msgspec

from workers_sdk.definitions.workflows import Workflow
from workers_sdk.errors import NonDeterminismError
from workers_sdk.payloads import Payloads
from workers_sdk.replay.history import OUTCOMES, attributes_of, is_news
from workers_sdk.replay.replay import Replay
from workers_sdk.testing.errors import UnknownWorkflow, UnusableHistory
from workers_sdk.testing.histories import KeptHistory, read_history
from workflowsvc.swf.shapes import EventType, HistoryEvent, WorkflowExecution, WorkflowType

#: What stands for ids that nobody told.
_UNKNOWN: Final = "unknown"
_RUN_ID_NOTE: Final = (
    "The history does not tell its run id, and none was given. It matters to workflows that use random() or uuid4(), "
    "and to children without a workflow_id of their own, which are named by it."
)


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A history that the code fits. `decisions` is how many of them were compared, made in `decision_tasks` tasks."""

    name: str
    version: str
    workflow_id: str
    run_id: str
    events: int
    decision_tasks: int
    decisions: int


class Replayer:
    """Replays histories of *workflows*; *payloads* are those of their workers.

    Replayer([order]).replay_file("histories/order.json")
    """

    def __init__(self, workflows: Iterable[Workflow[..., Any]], payloads: Payloads | None = None) -> None:
        """Raises ValueError for two workflows of one name and version."""
        self._workflows: dict[tuple[str, str], Workflow[..., Any]] = {}
        for workflow in workflows:
            if self._workflows.setdefault((workflow.name, workflow.version), workflow) is not workflow:
                raise ValueError(f"two of the workflow {workflow.name} {workflow.version}")
        self._payloads = payloads or Payloads()

    def replay(self, history: object, *, run_id: str | None = None, workflow_id: str | None = None) -> Replayed:
        """*history*: `export_history`'s, or what `aws swf get-workflow-execution-history` prints or boto3 gives, as
        text or decoded, also as a list of pages; or the events of `Handle.history()`. Of one that is still open, all
        that was decided so far is replayed.

        *run_id* and *workflow_id* are for histories that do not tell them. Raises NonDeterminismError and the other
        kinds of DecisionFailed if the code does not fit, UnusableHistory, UnknownWorkflow, PayloadError. May be called
        anywhere, in a running event loop too, which it blocks.
        """
        kept = read_history(history)
        execution = WorkflowExecution(
            workflow_id=workflow_id or (kept.execution.workflow_id if kept.execution else _UNKNOWN),
            run_id=run_id or (kept.execution.run_id if kept.execution else _UNKNOWN),
        )
        workflow = self._workflow_of(kept.events[0])
        # A thread of its own, as in a worker: there is no event loop in it.
        with ThreadPoolExecutor(1, "workers_sdk.replayer") as thread:
            return thread.submit(self._replay, workflow, execution, kept).result()

    def replay_file(
        self, path: str | PathLike[str], *, run_id: str | None = None, workflow_id: str | None = None
    ) -> Replayed:
        """As `replay`, of a file. Raises OSError."""
        return self.replay(Path(path).read_bytes(), run_id=run_id, workflow_id=workflow_id)

    def _workflow_of(self, first: HistoryEvent) -> Workflow[..., Any]:
        started = first.workflow_execution_started_event_attributes
        if started is None:
            raise UnusableHistory(f"event 1 is not WorkflowExecutionStarted but {first.event_type.value}")
        type_: WorkflowType = started.workflow_type
        workflow = self._workflows.get((type_.name, type_.version))
        if workflow is None:
            known = ", ".join(f"{name} {version}" for name, version in self._workflows) or "none at all"
            raise UnknownWorkflow(f"the history is of {type_.name} {type_.version}; the workflows here are: {known}")
        return workflow

    def _replay(self, workflow: Workflow[..., Any], execution: WorkflowExecution, kept: KeptHistory) -> Replayed:
        events = asyncio.run(self._decoded(kept.events))
        replay = Replay(workflow, execution, kept.domain or _UNKNOWN, self._payloads.converter)
        try:
            replay.catch_up(events)
        except NonDeterminismError as error:
            if execution.run_id == _UNKNOWN:
                error.add_note(_RUN_ID_NOTE)
            raise
        finally:
            replay.close()
        return Replayed(
            name=workflow.name,
            version=workflow.version,
            workflow_id=execution.workflow_id,
            run_id=execution.run_id,
            events=len(events),
            decision_tasks=sum(event.event_type is EventType.DECISION_TASK_COMPLETED for event in events),
            decisions=sum(map(_is_decided, events)),
        )

    async def _decoded(self, events: Sequence[HistoryEvent]) -> Sequence[HistoryEvent]:
        return await self._payloads.decode_events(events)


def _is_decided(event: HistoryEvent) -> bool:
    return event.event_type in OUTCOMES and not is_news(event, attributes_of(event))
