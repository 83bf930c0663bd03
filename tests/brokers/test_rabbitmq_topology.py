"""Names and arguments, without a broker. Law: what is expected is reckoned here or stands in AMQP's own limits."""

from __future__ import annotations

import re
import string
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workflowsvc.brokers.rabbitmq import topology
from workflowsvc.messages import LAMBDA_TASKS, TaskKind, TaskList

#: What clients of AMQP take for a name of an exchange or a queue: at most 255 bytes of these.
ACCEPTED = re.compile(r"[A-Za-z0-9\-_.:@#,/+ ]{1,255}")

KINDS = st.sampled_from([TaskKind.DECISION, TaskKind.ACTIVITY])
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60) | st.text(
    string.ascii_letters + ":.+#", min_size=1
)
LISTS = st.builds(TaskList, NAMES, KINDS, NAMES)
#: SWF allows 256 characters, of up to four bytes each.
LONG = st.text(st.characters(codec="utf-8"), min_size=200, max_size=256)


def name_of(domain: str, name: str, kind: TaskKind = TaskKind.ACTIVITY) -> str:
    return topology.task_queue(TaskList(domain, kind, name)).name


# ---- task lists ----------------------------------------------------------------------------------------------


def test_an_ordinary_list_is_called_what_it_is() -> None:
    assert name_of("eu-west-1/orders", "ship_fast.2") == "tasks.activity:eu-west-1/orders:ship_fast.2"
    assert name_of("eu/orders", "main", TaskKind.DECISION) == "tasks.decision:eu/orders:main"


@given(LISTS | st.builds(TaskList, LONG, KINDS, LONG))
def test_every_list_has_a_name_that_clients_accept(task_list: TaskList) -> None:
    assert ACCEPTED.fullmatch(topology.task_queue(task_list).name)


@given(LISTS, LISTS)
def test_two_lists_have_two_names(one: TaskList, other: TaskList) -> None:
    assume(one != other)
    assert topology.task_queue(one).name != topology.task_queue(other).name


@given(LONG, LONG)
def test_two_long_lists_have_two_names(one: str, other: str) -> None:
    assume(one != other)
    assert name_of("eu/orders", one) != name_of("eu/orders", other)
    assert name_of(one, "main") != name_of(other, "main")


@given(st.text("ab+#:é", max_size=8), st.text("ab+#:é", max_size=8), st.text("ab+#:é", max_size=8))
def test_what_ends_a_domain_cannot_be_in_it(one: str, between: str, other: str) -> None:
    """A colon moved from the domain into the list's name gives another queue."""
    assert name_of(f"{one}:{between}", other) != name_of(one, f"{between}:{other}")


def test_long_names_that_differ_at_their_end_only_keep_their_beginning() -> None:
    one, other = name_of("eu/orders", "a" * 255 + "1"), name_of("eu/orders", "a" * 255 + "2")
    assert one != other
    assert one.startswith("tasks.activity:eu/orders:aaaa")
    assert other.startswith("tasks.activity:eu/orders:aaaa")


def test_what_is_cut_is_no_name_that_somebody_could_have_given() -> None:
    """The digest follows a sign that is escaped in every name."""
    cut = name_of("eu/orders", "a" * 256)
    assert cut.count("#") == 1
    assert name_of("eu/orders", cut.rpartition(":")[2]) != cut


def test_functions_have_one_list() -> None:
    assert topology.task_queue(LAMBDA_TASKS).name == "tasks.lambda"


@pytest.mark.parametrize(("of_task", "expected"), [(-(2**31), 0), (-1, 0), (0, 1), (1, 2), (2**31 - 1, 2)])
def test_priorities_are_three(of_task: int, expected: int) -> None:
    assert topology.priority(of_task) == expected
    assert expected <= dict(topology.task_queue(LAMBDA_TASKS).arguments)["x-max-priority"]


# ---- delays --------------------------------------------------------------------------------------------------


def hops(milliseconds: int) -> list[int]:
    """The queues that a delay goes through, where each gives it back at the millisecond."""
    found = []
    while seconds := topology.delay_seconds(milliseconds):
        found.append(seconds)
        milliseconds -= seconds * 1000
    return found


@given(st.integers(0, topology.HORIZON))
def test_a_delay_takes_two_messages_at_most_and_is_never_longer_than_it_should(milliseconds: int) -> None:
    through = hops(milliseconds)
    assert len(through) <= 2
    assert 0 <= milliseconds - 1000 * sum(through) < 1000


@given(st.integers(topology.HORIZON, 10**12))
def test_beyond_the_horizon_nothing_is_longer(milliseconds: int) -> None:
    assert topology.delay_seconds(milliseconds) * 1000 <= topology.HORIZON


def test_there_are_no_more_than_126_delay_queues() -> None:
    """63 of seconds and 63 of 64 seconds, whatever the delays are."""
    found = {topology.delay_seconds(second * 1000) for second in range(topology.HORIZON // 1000 + 1)} - {0}
    assert found == {*range(1, 64), *range(64, 64 * 64, 64)}
    assert len({topology.delay_queue(seconds).name for seconds in found}) == 126


def test_a_delay_queue_holds_one_time_to_live_and_hands_on_at_least_once() -> None:
    """At-least-once works with reject-publish only, and stops for what cannot be routed where there is no alternate."""
    queue = topology.delay_queue(37)
    arguments = dict(queue.arguments)
    assert queue.name == "delay.0037s"
    assert arguments["x-message-ttl"] == 37_000
    assert arguments["x-queue-type"] == "quorum"
    assert arguments["x-dead-letter-strategy"] == "at-least-once"
    assert arguments["x-overflow"] == "reject-publish"
    assert "x-expires" not in arguments
    due = next(thing for thing in topology.standing(1) if thing.name == arguments["x-dead-letter-exchange"])
    assert dict(due.arguments)["alternate-exchange"] in {thing.name for thing in topology.standing(1)}


# ---- partitions ----------------------------------------------------------------------------------------------


def test_what_is_sent_to_no_partition_comes_back_to_its_sender() -> None:
    """An alternate exchange would count as a route."""
    assert topology.ACTIONS.arguments == ()


def test_a_partition_has_one_active_consumer_and_no_limit_that_4_x_would_set() -> None:
    arguments = dict(topology.partition_queue(7).arguments)
    assert topology.partition_queue(7).name == "actions.p07"
    assert arguments["x-single-active-consumer"] is True
    assert arguments["x-delivery-limit"] > topology.REDELIVERIES
    assert "x-message-ttl" not in arguments


def test_everything_that_is_bound_is_declared_before() -> None:
    declared: set[str] = set()
    for thing in topology.standing(16):
        declared.add(thing.name)
        if isinstance(thing, topology.Queue):
            assert {exchange for exchange, _ in thing.bindings} <= declared


def test_nothing_is_transient_but_what_is_exclusive() -> None:
    """4.3 refuses transient queues that are not; an exclusive one dies with its connection, and its name with it."""
    for queue in (topology.reply_queue("g"), topology.presence_queue("c")):
        assert queue.exclusive
    for thing in topology.standing(2):
        assert not isinstance(thing, topology.Queue) or not thing.exclusive


# ---- who is to have which partition --------------------------------------------------------------------------

MEMBERS = st.sets(st.text(string.ascii_lowercase, min_size=1), min_size=1, max_size=8)


@given(st.integers(1, 64), MEMBERS)
def test_shares_are_even(partitions: int, members: set[str]) -> None:
    shares = Counter(topology.owners(partitions, members))
    assert set(shares) <= members
    assert sum(shares.values()) == partitions
    assert max(shares.values()) == -(-partitions // len(members))


@given(st.integers(1, 64), st.lists(st.text(string.ascii_lowercase, min_size=1), min_size=1, max_size=8, unique=True))
def test_everybody_reckons_the_same(partitions: int, members: list[str]) -> None:
    assert topology.owners(partitions, members) == topology.owners(partitions, reversed(members))


def test_who_stays_keeps_most_of_what_it_has() -> None:
    before = topology.owners(64, ["a", "b", "c", "d"])
    after = topology.owners(64, ["a", "b", "c"])
    staying = [(had, has) for had, has in zip(before, after, strict=True) if had != "d"]
    # 48 partitions were not d's; shared out by lot, two in three of them would move.
    assert sum(had != has for had, has in staying) < len(staying) // 3
