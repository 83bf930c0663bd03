"""Which failures are repeated, and after how long."""

from __future__ import annotations

import sys

import pytest

from workers_sdk.client.errors import ServiceFault
from workers_sdk.client.retries import Nature, Retries, nature_of
from workflowsvc.swf import faults
from workflowsvc.swf.errors import (
    Fault,
    InternalFailure,
    ServiceUnavailableException,
    ThrottlingException,
    ValidationException,
)

REPEATED = [Nature.UNSENT, Nature.LOST, Nature.BROKEN, Nature.THROTTLED]


@pytest.mark.parametrize(
    ("fault", "poll", "nature"),
    [
        (faults.UnknownResourceFault("Unknown domain: D"), False, Nature.FINAL),
        (ValidationException("Invalid token"), False, Nature.FINAL),
        (InternalFailure(), False, Nature.BROKEN),
        (ServiceUnavailableException(), False, Nature.BROKEN),
        (ServiceFault("Http502", None, 502), False, Nature.BROKEN),
        (ThrottlingException("Rate exceeded"), False, Nature.THROTTLED),
        (ServiceFault("Throttling", None, 400), False, Nature.THROTTLED),
        (ServiceFault("Http429", None, 429), False, Nature.THROTTLED),
        (ServiceFault("AccessDeniedException", None, 400), False, Nature.FINAL),
        # of domains and open executions there are too many for longer than a client waits
        (faults.LimitExceededFault(), False, Nature.FINAL),
        (faults.LimitExceededFault(), True, Nature.THROTTLED),
    ],
)
def test_a_fault_is_repeated_if_it_is_of_the_moment(fault: Fault, poll: bool, nature: Nature) -> None:
    """5xx and throttling are; what is wrong with the request is not."""
    assert nature_of(fault, poll=poll) is nature


@pytest.mark.parametrize("nature", REPEATED)
def test_the_last_attempt_is_the_last(nature: Nature) -> None:
    """Of three attempts two have a pause after them."""
    retries = Retries(attempts=3)
    pauses = [retries.pause(nature, failed=failed, since=0, draw=0.5) for failed in (1, 2, 3)]
    assert [pause is None for pause in pauses] == [False, False, True]


def test_what_is_final_is_not_repeated() -> None:
    assert Retries().pause(Nature.FINAL, failed=1, since=0, draw=0) is None


def test_ceilings_double_up_to_the_cap() -> None:
    """Full jitter: the draw is a share of the ceiling."""
    retries = Retries(attempts=sys.maxsize, first=1, cap=6, deadline=1e9)
    ceilings = [retries.pause(Nature.LOST, failed=failed, since=0, draw=1) for failed in (1, 2, 3, 4, 5000)]
    assert ceilings == [1, 2, 4, 6, 6]
    assert retries.pause(Nature.LOST, failed=3, since=0, draw=0.25) == 1
    assert retries.pause(Nature.LOST, failed=3, since=0, draw=0) == 0


def test_throttling_waits_longer() -> None:
    retries = Retries(first=1, throttled=8, deadline=1e9)
    assert retries.pause(Nature.THROTTLED, failed=1, since=0, draw=1) == 8


def test_retry_after_is_waited_at_least() -> None:
    """Also beyond the cap, but not beyond the deadline."""
    retries = Retries(first=1, cap=2, deadline=10)
    assert retries.pause(Nature.BROKEN, failed=1, since=0, draw=0.5, retry_after=7) == 7
    assert retries.pause(Nature.BROKEN, failed=1, since=0, draw=1, retry_after=0) == 1
    assert retries.pause(Nature.BROKEN, failed=1, since=4, draw=0.5, retry_after=7) is None


def test_no_attempt_begins_after_the_deadline() -> None:
    retries = Retries(first=4, deadline=10)
    assert retries.pause(Nature.LOST, failed=1, since=8, draw=0.5) == 2
    assert retries.pause(Nature.LOST, failed=1, since=8.1, draw=0.5) is None


def test_only_an_answer_or_nothing_sent_is_without_doubt() -> None:
    assert {nature for nature in Nature if nature.in_doubt} == {Nature.LOST, Nature.BROKEN}
