"""Tokens: sealed, opened, refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tokens import PageTokens, Signer, TaskToken, TaskTokens, TokenKind
from workflowsvc.clocks.manual import ManualClock
from workflowsvc.messages import TaskKind
from workflowsvc.records import Cursor
from workflowsvc.swf import shapes
from workflowsvc.swf.errors import ValidationException

SECRET = b"s" * 32
TOKEN = TaskToken(7, "eu/shop", "order-1", "22run=", 5, 6)
DAY = 24 * 60 * 60 * 1000
#: Four bytes in UTF-8, 256 times: the longest name there can be.
LONGEST = "\U0001f600" * 256


@pytest.fixture
def tasks() -> TaskTokens:
    return TaskTokens(Signer(SECRET))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000_000)


@pytest.fixture
def pages(clock: ManualClock) -> PageTokens:
    return PageTokens(Signer(SECRET), clock)


def listing(**arguments: object) -> shapes.ListDomainsInput:
    known: dict[str, object] = {"registration_status": shapes.RegistrationStatus.REGISTERED, **arguments}
    return shapes.ListDomainsInput(**known)  # type: ignore[arg-type]


# ---- task tokens -----------------------------------------------------------------------------------------------


def test_a_task_token_opens_to_what_was_sealed_and_looks_like_awss(tasks: TaskTokens) -> None:
    token = tasks.seal("eu", TaskKind.DECISION, TOKEN)
    assert tasks.open("eu", TaskKind.DECISION, token) == TOKEN
    assert token.startswith("AAAAKgAAAAEAAAAAAAAAA")


def test_the_same_task_has_the_same_token_at_every_gateway(tasks: TaskTokens) -> None:
    elsewhere = TaskTokens(Signer(SECRET))
    assert tasks.seal("eu", TaskKind.ACTIVITY, TOKEN) == elsewhere.seal("eu", TaskKind.ACTIVITY, TOKEN)


def test_a_token_is_no_good_in_another_region_for_another_kind_or_under_another_secret(tasks: TaskTokens) -> None:
    token = tasks.seal("eu", TaskKind.ACTIVITY, TOKEN)
    for opener, region, kind in (
        (tasks, "us", TaskKind.ACTIVITY),
        (tasks, "eu", TaskKind.DECISION),
        (TaskTokens(Signer(b"t" * 32)), "eu", TaskKind.ACTIVITY),
    ):
        with pytest.raises(ValidationException, match=r"^Invalid token$"):
            opener.open(region, kind, token)


@given(st.data())
def test_a_token_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    tasks = TaskTokens(Signer(SECRET))
    raw = bytearray(base64.b64decode(tasks.seal("eu", TaskKind.ACTIVITY, TOKEN)))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValidationException, match="Invalid token"):
        tasks.open("eu", TaskKind.ACTIVITY, base64.b64encode(raw).decode())


@given(st.text(min_size=1, max_size=1024) | st.binary(min_size=1).map(lambda raw: base64.b64encode(raw).decode()))
def test_garbage_is_refused(token: str) -> None:
    with pytest.raises(ValidationException, match="Invalid token"):
        TaskTokens(Signer(SECRET)).open("eu", TaskKind.ACTIVITY, token)


@pytest.mark.parametrize(("domain", "workflow"), [("d" * 256, "w" * 256), (LONGEST, LONGEST), ("d", LONGEST)])
def test_a_task_token_is_at_most_1024_characters(tasks: TaskTokens, domain: str, workflow: str) -> None:
    whole = TaskToken(2**32 - 1, "r" * 32 + "/" + domain, workflow, "r" * 64, 25_000, 25_000)
    token = tasks.seal("eu", TaskKind.DECISION, whole)
    opened = tasks.open("eu", TaskKind.DECISION, token)
    assert len(token) <= 1024
    assert (opened.lane, opened.run_id, opened.task) == (whole.lane, whole.run_id, whole.task)
    assert (opened.domain, opened.workflow_id) in ((whole.domain, whole.workflow_id), ("", ""))


# ---- page tokens -----------------------------------------------------------------------------------------------


def test_a_page_token_opens_for_the_same_request_only(pages: PageTokens) -> None:
    token = pages.seal("eu", listing(), "eu/shop")
    assert pages.open("eu", listing(next_page_token=token), str) == "eu/shop"
    assert pages.open("eu", listing(), str) is None
    for region, arguments in (
        ("us", listing(next_page_token=token)),
        ("eu", listing(next_page_token=token, maximum_page_size=3)),
        ("eu", listing(next_page_token=token, reverse_order=True)),
        (
            "eu",
            shapes.ListWorkflowTypesInput(
                domain="d", registration_status=shapes.RegistrationStatus.REGISTERED, next_page_token=token
            ),
        ),
    ):
        with pytest.raises(ValidationException, match=r"^Invalid token$"):
            pages.open(region, arguments, str)


def test_a_page_token_lives_for_24_hours(pages: PageTokens, clock: ManualClock) -> None:
    asked = listing(next_page_token=pages.seal("eu", listing(), "eu/shop"))
    clock.advance(DAY)
    assert pages.open("eu", asked, str) == "eu/shop"
    clock.advance(1)
    with pytest.raises(ValidationException, match=r"^Specified token has exceeded its maximum lifetime$"):
        pages.open("eu", asked, str)


def test_a_page_token_is_at_most_2048_characters(pages: PageTokens) -> None:
    for position in ("r" * 32 + "/" + LONGEST, (LONGEST, "\U0001f600" * 64), Cursor(2**53, "f" * 32)):
        assert len(pages.seal("eu", listing(), position)) <= 2048


def test_a_task_token_is_no_page_token(pages: PageTokens, tasks: TaskTokens) -> None:
    token = tasks.seal("eu", TaskKind.DECISION, TOKEN)
    with pytest.raises(ValidationException, match="Invalid token"):
        pages.open("eu", listing(next_page_token=token), str)


def test_what_is_sealed_for_one_kind_does_not_open_as_another() -> None:
    signer = Signer(SECRET)
    token = signer.seal(TokenKind.PAGE, b"", b"payload")
    assert signer.open(TokenKind.PAGE, b"", token) == b"payload"
    with pytest.raises(ValidationException):
        signer.open(TokenKind.DECISION, b"", token)
