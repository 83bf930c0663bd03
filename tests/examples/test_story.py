"""How a history is printed, and what becomes of a story that does not end as it tells."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from examples import story

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = [
    {
        "eventId": 1,
        "eventTimestamp": BEGIN,
        "eventType": "TimerStarted",
        "timerStartedEventAttributes": {
            "timerId": "tea",
            "startToFireTimeout": "90",
            "decisionTaskCompletedEventId": 4,
        },
    },
    {
        "eventId": 20,
        "eventTimestamp": BEGIN + timedelta(seconds=90.5),
        "eventType": "ActivityTaskFailed",
        "activityTaskFailedEventAttributes": {"reason": "x" * 50, "scheduledEventId": 5, "startedEventId": 0},
    },
]


def test_the_columns_of_a_history_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    story.show("of tea", EVENTS)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "  of tea",
        "     1    +0.000  TimerStarted        timerId=tea  seconds=90",
        f"    20   +90.500  ActivityTaskFailed  reason={'x' * 37}...  scheduled=5  started=0",
    ]


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_and_not_for_those_who_say_no(
    no_color: str, coloured: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", no_color)
    story.show("of tea", EVENTS)
    assert ("\x1b[31mActivityTaskFailed\x1b[0m" in capsys.readouterr().out) is coloured


def test_what_is_not_as_told_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    def lie(_: Any) -> None:
        story.check(False, "the earth is flat")

    assert story.told(lie, "http://127.0.0.1:1") == 1
    assert capsys.readouterr().err == "NOT AS TOLD: the earth is flat\n"


def test_waiting_for_what_does_not_come_is_not_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(story.NotAsTold, match="waited 0 seconds for Godot"):
        story.until(lambda: False, "Godot")
