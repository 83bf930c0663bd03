"""Codecs in SWF's structures: which members, and what is left as it is."""

from __future__ import annotations

import time
from typing import Any

import botocore.session
import pytest

from tests.workers_sdk.payloads.toys import MemoryStore, Xor
from workers_sdk.payloads import ClaimCheck, Compression, Encryption, PayloadError, Payloads, PayloadTooLarge
from workers_sdk.payloads.members import DECISION_PAYLOADS, EVENT_PAYLOADS, payload_members
from workflowsvc.swf import shapes
from workflowsvc.swf.shapes import Decision, DecisionType, EventType, HistoryEvent

SECRET = Payloads(codecs=[Encryption(Xor(b"k"), "1")])


def signaled(text: str | None, event_id: int = 7) -> HistoryEvent:
    return HistoryEvent(
        event_id=event_id,
        event_timestamp=0.0,
        event_type=EventType.WORKFLOW_EXECUTION_SIGNALED,
        workflow_execution_signaled_event_attributes=shapes.WorkflowExecutionSignaledEventAttributes(
            signal_name="s", input=text
        ),
    )


def scheduled(event_id: int = 8) -> HistoryEvent:
    return HistoryEvent(
        event_id=event_id,
        event_timestamp=0.0,
        event_type=EventType.DECISION_TASK_SCHEDULED,
        decision_task_scheduled_event_attributes=shapes.DecisionTaskScheduledEventAttributes(
            task_list=shapes.TaskList(name="l")
        ),
    )


def schedule(text: str | None, control: str | None = None) -> Decision:
    return Decision(
        decision_type=DecisionType.SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_decision_attributes=shapes.ScheduleActivityTaskDecisionAttributes(
            activity_id="1", activity_type=shapes.ActivityType(name="a", version="1"), input=text, control=control
        ),
    )


def function(text: str) -> Decision:
    return Decision(
        decision_type=DecisionType.SCHEDULE_LAMBDA_FUNCTION,
        schedule_lambda_function_decision_attributes=shapes.ScheduleLambdaFunctionDecisionAttributes(
            id="1", name="f", input=text
        ),
    )


TIMER = Decision(
    decision_type=DecisionType.START_TIMER,
    start_timer_decision_attributes=shapes.StartTimerDecisionAttributes(
        timer_id="t", start_to_fire_timeout="1", control="workers_sdk:text:"
    ),
)


def model_payloads(kind: str) -> dict[str, dict[str, int]]:
    """Of AWS's own model: members that are Data or LimitedData, and their lengths, by the name of the type."""
    model = botocore.session.get_session().get_service_model("swf")
    whole = model.shape_for(kind)
    found: dict[str, dict[str, int]] = {}
    for name, shape in whole.members.items():
        members: Any = getattr(shape, "members", {})
        lengths = {
            member: one.metadata["max"]
            for member, one in members.items()
            if one.name in ("Data", "LimitedData") and member != "control"
        }
        if lengths:
            found[name] = lengths
    return found


def test_the_tables_have_what_awss_model_has() -> None:
    def wired(places: Any) -> dict[str, dict[str, int]]:
        def camel(name: str) -> str:
            first, *rest = name.split("_")
            return first + "".join(map(str.title, rest))

        return {
            camel(place.attributes): {camel(member.name): member.limit for member in place.members if member.coded}
            for place in places.values()
        }

    decisions = wired(DECISION_PAYLOADS)
    assert decisions.pop("scheduleLambdaFunctionDecisionAttributes") == {}
    assert wired(EVENT_PAYLOADS) == model_payloads("HistoryEvent")
    assert decisions == model_payloads("Decision")


@pytest.mark.parametrize(
    ("shape", "members"),
    [
        (shapes.StartWorkflowExecutionInput, [("input", 32_768, True)]),
        (shapes.SignalWorkflowExecutionInput, [("input", 32_768, True)]),
        (shapes.TerminateWorkflowExecutionInput, [("details", 32_768, True)]),
        (shapes.RespondActivityTaskCompletedInput, [("result", 32_768, True)]),
        (shapes.RespondActivityTaskFailedInput, [("details", 32_768, True)]),
        (shapes.RespondActivityTaskCanceledInput, [("details", 32_768, True)]),
        (shapes.RecordActivityTaskHeartbeatInput, [("details", 2_048, True)]),
        (shapes.RespondDecisionTaskCompletedInput, [("execution_context", 32_768, True)]),
        (shapes.ActivityTask, [("input", 32_768, True)]),
        (shapes.WorkflowExecutionDetail, [("latest_execution_context", 32_768, True)]),
        (shapes.ScheduleLambdaFunctionDecisionAttributes, [("input", 32_768, False)]),
        (shapes.PollForDecisionTaskInput, []),
    ],
)
def test_the_payloads_of_a_structure_are(shape: type[shapes.Shape], members: list[tuple[str, int, bool]]) -> None:
    assert [tuple(member) for member in payload_members(shape)] == members


async def test_events_without_envelopes_are_the_same_objects() -> None:
    events = [signaled("plain"), scheduled(), signaled(None)]
    assert await SECRET.decode_events(events) is events


async def test_payloads_of_events_are_decoded_and_other_events_are_the_same_objects() -> None:
    plain, encoded = scheduled(), signaled(await SECRET.encode("secret"))
    events = await SECRET.decode_events([plain, encoded, plain])
    assert list(events) == [plain, signaled("secret"), plain]
    assert events[0] is plain


async def test_what_cannot_be_decoded_is_named_by_its_event() -> None:
    with pytest.raises(PayloadError, match=r"^input of event 7, WorkflowExecutionSignaled: made by a codec"):
        await Payloads().decode_events([scheduled(), signaled(await SECRET.encode("secret"))])


async def test_a_thousand_references_in_a_history_are_followed() -> None:
    payloads = Payloads(codecs=[ClaimCheck(MemoryStore(), threshold=0)])
    encoded = [signaled(await payloads.encode(str(number)), number) for number in range(1000)]
    assert list(await payloads.decode_events(encoded)) == [signaled(str(number), number) for number in range(1000)]


async def test_decisions_are_encoded_but_for_control_and_what_lambda_takes() -> None:
    before = [schedule("in", "workers_sdk:text:note"), TIMER, function('"workers_sdk:text:"')]
    after = await SECRET.encode_decisions(before)
    assert after[0] == schedule(await SECRET.encode("in"), "workers_sdk:text:note")
    assert after[1:] == before[1:]
    assert all(new is old for new, old in zip(after[1:], before[1:], strict=True))


async def test_decisions_that_no_codec_changes_are_the_same_objects() -> None:
    decisions = [schedule("in"), schedule(None), TIMER, function("1")]
    for payloads in (Payloads(), Payloads(codecs=[Compression()])):
        assert await payloads.encode_decisions(decisions) is decisions


@pytest.mark.parametrize("payloads", [Payloads(), Payloads(codecs=[Compression(threshold=1_000_000)])])
@pytest.mark.parametrize(
    ("decision", "type_"),
    [(schedule("a" * 32_769), "ScheduleActivityTask"), (function("1" * 32_769), "ScheduleLambdaFunction")],
)
async def test_a_decision_that_is_too_long_is_named(payloads: Payloads, decision: Decision, type_: str) -> None:
    with pytest.raises(PayloadTooLarge, match=f"^input of decision 2, {type_}: 32,769 characters, but"):
        await payloads.encode_decisions([TIMER, decision, schedule("a"), schedule("b")])


async def test_requests_and_answers_have_their_own_payloads_coded() -> None:
    request = shapes.RespondDecisionTaskCompletedInput(
        task_token=str(1), execution_context="context", decisions=[schedule("in")]
    )
    encoded = await SECRET.encode_request(request)
    assert encoded.execution_context == await SECRET.encode("context")
    assert encoded.decisions == [schedule("in")]
    assert await SECRET.decode_answer(encoded) == request
    assert await Payloads().encode_request(request) is request
    assert await SECRET.decode_answer(request) is request


async def test_heartbeats_have_less_room() -> None:
    heartbeat = shapes.RecordActivityTaskHeartbeatInput(task_token=str(1), details="a" * 2049)
    with pytest.raises(PayloadTooLarge, match=r"^details of RecordActivityTaskHeartbeatInput: 2,049 characters"):
        await Payloads().encode_request(heartbeat)


async def test_the_usual_case_costs_next_to_nothing() -> None:
    """Under a microsecond an event; ten times that is allowed here, for a machine that others use too."""
    events = [signaled("plain", number) if number % 2 else scheduled(number) for number in range(10_000)]
    began = time.perf_counter()
    await SECRET.decode_events(events)
    assert time.perf_counter() - began < 0.1
