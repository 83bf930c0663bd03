"""Messages as JSON that a person can read in the management UI, and back.

Law: pure. A body is a *frame*: a JSON array, as one message of the broker may carry many of ours. What a request or a
result is stands beside it by name; events, which are JSON already, are spliced in and cut out, never decoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Raw, Struct

from workflowsvc import messages
from workflowsvc.messages import Action, GivenDecisionTask, Refusal, Reply, Task, TaskRef
from workflowsvc.swf import shapes
from workflowsvc.swf.members import wire_name

_encode: Final = msgspec.json.Encoder().encode


class Undecodable(Exception):
    """Bytes that no codec of ours made."""


class Sent(NamedTuple):
    action: Action
    #: the action is not to be delivered before this time (milliseconds); 0: at once
    due: int = 0


class _Action(Struct, frozen=True, omit_defaults=True, rename="camel"):
    action: str
    id: str
    lane: int
    domain: str
    workflow_id: str
    run_id: str
    request: Raw
    task: TaskRef = messages.NO_TASK
    reply_to: str = ""
    repeated: bool = False
    due: int = 0


class _Reply(Struct, frozen=True, omit_defaults=True, rename="camel"):
    to: str
    action_id: str
    kind: str = ""
    result: Raw = Raw(b"null")
    refusal: Refusal | None = None


class _GivenDecisionTask(Struct, frozen=True, omit_defaults=True):
    """GivenDecisionTask with the events as the JSON that they are."""

    workflow_execution: shapes.WorkflowExecution
    workflow_type: shapes.WorkflowType
    task: TaskRef
    previous_started_event_id: int
    history: list[Raw] | None = None


def _by_name(union: UnionType) -> dict[str, type[Struct]]:
    return {kind.__name__.removesuffix("Input"): kind for kind in get_args(union) if kind is not type(None)}


_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(kind)
    for name, kind in {**_by_name(messages.Request), **_by_name(messages.Result)}.items()
    if kind is not GivenDecisionTask
}
_decision_task: Final = msgspec.json.Decoder(_GivenDecisionTask).decode
_actions: Final = msgspec.json.Decoder(list[_Action]).decode
_replies: Final = msgspec.json.Decoder(list[_Reply]).decode
_task: Final = msgspec.json.Decoder(Task).decode


def frame(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def name_of(value: object) -> str:
    """What a request or result is called in headers and bodies: its class, without SWF's "Input"."""
    return type(value).__name__.removesuffix("Input")


# ---- headers: for the eyes of whoever looks at a message ------------------------------------------------------

Headers = dict[str, str | int]

_WORKFLOW_ID: Final = wire_name(shapes.WorkflowExecution, "workflow_id")
_RUN_ID: Final = wire_name(shapes.WorkflowExecution, "run_id")
_SCHEDULED_EVENT_ID: Final = wire_name(shapes.ActivityTaskStartedEventAttributes, "scheduled_event_id")


def action_headers(action: Action) -> Headers:
    return {"action": name_of(action.request), **_where(action)}


def task_headers(task: Task) -> Headers:
    return {"task": str(task.task_list.kind), **_where(task), _SCHEDULED_EVENT_ID: task.scheduled_event_id}


def reply_headers(reply: Reply) -> Headers:
    return {"answer": reply.refusal.code if reply.refusal else name_of(reply.result)}


def _where(message: Action | Task) -> Headers:
    return {"domain": message.domain, _WORKFLOW_ID: message.workflow_id, _RUN_ID: message.run_id}


# ---- actions -------------------------------------------------------------------------------------------------


def encode_action(action: Action, reply_to: str, due: int = 0) -> bytes:
    """*reply_to* stands in for the action's own."""
    return _encode(_packed(action, reply_to, due))


def decode_actions(body: bytes) -> list[Sent]:
    """Raises Undecodable."""
    try:
        return [_unpacked(one) for one in _actions(body)]
    except (msgspec.MsgspecError, KeyError) as error:
        raise Undecodable(str(error)) from error


def _packed(action: Action, reply_to: str, due: int) -> _Action:
    return _Action(
        name_of(action.request),
        action.id,
        action.lane,
        action.domain,
        action.workflow_id,
        action.run_id,
        Raw(_encode(action.request)),
        action.task,
        reply_to,
        action.repeated,
        due,
    )


def _unpacked(one: _Action) -> Sent:
    request = _DECODERS[one.action].decode(one.request)
    action = Action(
        one.id, one.lane, one.domain, one.workflow_id, one.run_id, request, one.task, one.reply_to, one.repeated
    )
    return Sent(action, one.due)


# ---- replies -------------------------------------------------------------------------------------------------


def encode_reply(reply: Reply) -> bytes:
    return _encode(_packed_reply(reply))


def decode_replies(body: bytes) -> list[Reply]:
    """Raises Undecodable."""
    try:
        return [_unpacked_reply(one) for one in _replies(body)]
    except (msgspec.MsgspecError, KeyError) as error:
        raise Undecodable(str(error)) from error


def _packed_reply(reply: Reply) -> _Reply:
    result = reply.result
    if result is None:
        return _Reply(reply.to, reply.action_id, refusal=reply.refusal)
    whole: object = result
    if isinstance(result, GivenDecisionTask):
        events = None if result.history is None else list(map(Raw, result.history))
        whole = _GivenDecisionTask(
            result.workflow_execution, result.workflow_type, result.task, result.previous_started_event_id, events
        )
    return _Reply(reply.to, reply.action_id, name_of(result), Raw(_encode(whole)), reply.refusal)


def _unpacked_reply(one: _Reply) -> Reply:
    return Reply(one.to, one.action_id, _result(one) if one.kind else None, one.refusal)


def _result(one: _Reply) -> messages.Result:
    if one.kind != GivenDecisionTask.__name__:
        result: messages.Result = _DECODERS[one.kind].decode(one.result)
        return result
    given = _decision_task(one.result)
    events = None if given.history is None else [bytes(event) for event in given.history]
    return GivenDecisionTask(
        given.workflow_execution, given.workflow_type, given.task, given.previous_started_event_id, events
    )


# ---- tasks ---------------------------------------------------------------------------------------------------


def encode_task(task: Task) -> bytes:
    return _encode(task)


def decode_task(body: bytes) -> Task:
    """Raises Undecodable. Tasks travel one by one: each is for another taker."""
    try:
        return _task(body)
    except msgspec.MsgspecError as error:
        raise Undecodable(str(error)) from error
