"""Messages on their way through JSON and back. Law: values are made by walking the types, so that none is forgotten."""

from __future__ import annotations

import json
import re
from types import UnionType
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from workflowsvc import messages
from workflowsvc.brokers.rabbitmq import codec
from workflowsvc.messages import Action, GivenDecisionTask, Refusal, Reply, Task, TaskKind, TaskList, TaskRef, Wake
from workflowsvc.swf import shapes

#: There are sixty types to try it on.
_BROAD = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
#: Patterns of SWF are of two kinds: numbers, and names that some signs are kept out of.
NUMBERS = ("0", "30", "90")
NAMES = st.text('aZ9 é€"\\,[]{}', min_size=1, max_size=10)


def values(info: inspect.Type) -> st.SearchStrategy[Any]:
    """Any value that the wire allows."""
    if isinstance(info, inspect.UnionType):
        return st.one_of(*map(values, info.types))
    if isinstance(info, inspect.StructType):
        required = {f.name: values(f.type) for f in info.fields if f.required}
        optional = {f.name: values(f.type) for f in info.fields if not f.required}
        return st.fixed_dictionaries(required, optional=optional).map(lambda members: info.cls(**members))
    if isinstance(info, inspect.ListType):
        return st.lists(values(info.item_type), max_size=3)
    return _scalars(info)


def _scalars(info: inspect.Type) -> st.SearchStrategy[Any]:
    if isinstance(info, inspect.StrType):
        pattern = info.pattern
        if pattern is None:
            return st.text(st.characters(codec="utf-8"), min_size=info.min_length or 0, max_size=20)
        if re.search(pattern, "name"):
            return NAMES.filter(lambda text: bool(re.search(pattern, text)))
        return st.sampled_from([number for number in NUMBERS if re.search(pattern, number)])
    if isinstance(info, inspect.EnumType):
        return st.sampled_from(list(info.cls))
    if isinstance(info, inspect.IntType):
        low = -(2**53) if info.ge is None else info.ge
        return st.integers(low, 2**53 if info.le is None else info.le)
    plain: dict[type, st.SearchStrategy[Any]] = {
        inspect.FloatType: st.floats(0, 2e9),
        inspect.BoolType: st.booleans(),
        inspect.NoneType: st.none(),
        inspect.BytesType: st.binary(max_size=8),
    }
    return plain[type(info)]


def of(kind: type) -> st.SearchStrategy[Any]:
    return values(inspect.type_info(kind))


def kinds(union: UnionType) -> list[type]:
    return [kind for kind in get_args(union) if kind is not type(None)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)
EVENTS = st.lists(st.dictionaries(TEXT, JSON).map(lambda event: json.dumps(event).encode()), max_size=4)


@st.composite
def actions(draw: st.DrawFn, kind: type) -> Action:
    return Action(
        draw(TEXT),
        draw(st.integers(0, 2**32 - 1)),
        draw(TEXT),
        draw(TEXT),
        draw(TEXT),
        draw(of(kind)),
        draw(of(TaskRef)),
        draw(TEXT),
        draw(st.booleans()),
    )


# ---- there and back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds(messages.Request))
@_BROAD
@given(data=st.data())
def test_every_request_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    sent = data.draw(st.lists(st.tuples(actions(kind), st.integers(0, 2**45)), max_size=3))
    body = codec.frame(codec.encode_action(action, action.reply_to, due) for action, due in sent)
    assert codec.decode_actions(body) == sent


@pytest.mark.parametrize("kind", [kind for kind in kinds(messages.Result) if kind is not GivenDecisionTask])
@_BROAD
@given(data=st.data())
def test_every_result_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    sent = data.draw(st.lists(st.builds(Reply, TEXT, TEXT, of(kind)), max_size=3))
    assert codec.decode_replies(codec.frame(map(codec.encode_reply, sent))) == sent


@_BROAD
@given(of(GivenDecisionTask), st.none() | EVENTS)
def test_events_come_back_byte_for_byte(given_task: GivenDecisionTask, events: list[bytes] | None) -> None:
    """None of them and no list of them are two things."""
    sent = Reply("to", "id", msgspec.structs.replace(given_task, history=events))
    [back] = codec.decode_replies(codec.frame([codec.encode_reply(sent)]))
    assert back == sent


@given(TEXT, TEXT, st.none() | TEXT)
def test_refusals_and_empty_answers_come_back_as_they_were(to: str, code: str, message: str | None) -> None:
    sent = [Reply(to, "id", refusal=Refusal(code, message)), Reply(to, "id")]
    assert codec.decode_replies(codec.frame(map(codec.encode_reply, sent))) == sent


@given(of(Task))
def test_every_task_comes_back_as_it_was(task: Task) -> None:
    assert codec.decode_task(codec.encode_task(task)) == task


def test_the_queue_of_the_day_stands_in_for_the_reply_address() -> None:
    action = Action("a", 0, "eu/orders", "w", "r", Wake(), reply_to="mine")
    [sent] = codec.decode_actions(codec.frame([codec.encode_action(action, "replies.mine.1")]))
    assert sent.action == msgspec.structs.replace(action, reply_to="replies.mine.1")


def test_a_request_is_known_by_its_class_alone() -> None:
    names = [kind.__name__.removesuffix("Input") for kind in (*kinds(messages.Request), *kinds(messages.Result))]
    assert len(set(names)) == len(names)
    assert codec.name_of(Wake()) in names


# ---- for the eyes --------------------------------------------------------------------------------------------


def test_a_person_can_read_an_action() -> None:
    request = shapes.SignalWorkflowExecutionInput(
        domain="orders", workflow_id="order-1", signal_name="paid", input="€ 3"
    )
    action = Action("0123", 5, "eu/orders", "order-1", "", request)
    [shown] = json.loads(codec.frame([codec.encode_action(action, "replies.g")]))
    assert shown["action"] == "SignalWorkflowExecution"
    assert shown["workflowId"] == "order-1"
    assert shown["request"]["signalName"] == "paid"
    assert shown["request"]["input"] == "€ 3"
    assert shown["replyTo"] == "replies.g"


def test_the_history_of_a_task_is_json_in_json() -> None:
    given_task = GivenDecisionTask(
        shapes.WorkflowExecution(workflow_id="w", run_id="r"),
        shapes.WorkflowType(name="order", version="1"),
        TaskRef(2, 3),
        0,
        [b'{"eventId":1}', b'{"eventId":2}'],
    )
    [shown] = json.loads(codec.frame([codec.encode_reply(Reply("to", "id", given_task))]))
    assert [event["eventId"] for event in shown["result"]["history"]] == [1, 2]


def test_headers_say_what_and_whose_and_none_is_the_brokers() -> None:
    """The prefix x- is the broker's own."""
    action = Action("a", 0, "eu/orders", "order-1", "run", Wake())
    task = Task(TaskList("eu/orders", TaskKind.ACTIVITY, "main"), 0, "eu/orders", "order-1", "run", 5)
    where = {"domain": "eu/orders", "workflowId": "order-1", "runId": "run"}
    assert codec.action_headers(action) == {"action": "Wake", **where}
    assert codec.task_headers(task) == {"task": "activity", **where, "scheduledEventId": 5}
    assert codec.reply_headers(Reply("to", "a", messages.Stale())) == {"answer": "Stale"}
    assert codec.reply_headers(Reply("to", "a", refusal=Refusal("UnknownResourceFault"))) == {
        "answer": "UnknownResourceFault"
    }


# ---- what no codec of ours made ------------------------------------------------------------------------------

_WHERE = b'"id":"a","lane":0,"domain":"d","workflowId":"w","runId":"r"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[1]",
        b"[{" + _WHERE + b"}]",
        b'[{"action":"Dance","request":{},' + _WHERE + b"}]",
        b'[{"action":"StartTask","request":{"kind":"nonsense"},' + _WHERE + b"}]",
        b'[{"action":"Wake","request":{},' + _WHERE + b"}",
    ],
)
def test_nonsense_is_undecodable(body: bytes) -> None:
    with pytest.raises(codec.Undecodable):
        codec.decode_actions(body)
    with pytest.raises(codec.Undecodable):
        codec.decode_task(body)
    with pytest.raises(codec.Undecodable):
        codec.decode_replies(body)


@given(st.binary(max_size=60))
def test_bytes_are_decodable_or_undecodable(body: bytes) -> None:
    for decode in (codec.decode_actions, codec.decode_replies, codec.decode_task):
        try:
            decode(body)
        except codec.Undecodable:
            continue
