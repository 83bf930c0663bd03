"""That an activity is to end: said once, whoever says it."""

from __future__ import annotations

from workers_sdk.worker.cancellation import Cancellation, Why


def test_everybody_is_told_once() -> None:
    cancellation, told = Cancellation(), list[str]()
    cancellation.tell(lambda: told.append("early"))
    cancellation.request(Why.REQUESTED)
    cancellation.request(Why.STOPPED)
    cancellation.tell(lambda: told.append("late"))
    assert told == ["early", "late"]
    assert cancellation.flag.is_set()


def test_the_first_reason_holds_but_for_gone() -> None:
    cancellation = Cancellation()
    cancellation.request(Why.REQUESTED)
    cancellation.request(Why.STOPPED)
    assert cancellation.why is Why.REQUESTED
    cancellation.request(Why.GONE)
    assert cancellation.why is Why.GONE
