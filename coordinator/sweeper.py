"""The second line: what the broker lost, or was never given, is found in the store.

Law: it changes no run. It sends ordinary actions, and each lane checks for itself: a run that was woken for nothing
says by when it is to be looked at next. All that is written here is such a time, where no commit could take it along.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from coordinator.recovery import resume_all
from coordinator.unsettled import Unsettled
from coordinator.wakes import Wakes
from workflowsvc import names
from workflowsvc.messages import Action, Wake
from workflowsvc.ports import Broker, BrokerUnavailable, Clock, Conflict, Ownership, Store, StoreUnavailable
from workflowsvc.records import Commit, Due

log = logging.getLogger(__name__)

#: Seconds between two looks.
EVERY_SECONDS = 5.0
PAGE = 500


async def sweep_for_ever(
    store: Store, broker: Broker, clock: Clock, wakes: Wakes, ownership: Ownership, unsettled: Unsettled | None
) -> None:
    """*unsettled*: None where the broker confirms that what was told was heard."""
    while True:
        try:
            if not await broker.remembers():
                await resume_all(store, broker, clock)
                await broker.recovered()
            if broker.horizon is None:
                return  # it remembers all that it was given, as long as this process lives
            await _wake_overdue(store, broker, clock.now(), ownership)
            await broker.publish(wakes.overdue(clock.now()))
            if unsettled is not None:
                await unsettled.resume(clock.now())
            while standing := wakes.standing(PAGE):
                await asyncio.gather(*(_write(store, wakes, commit) for commit in standing))
        except (StoreUnavailable, BrokerUnavailable) as error:
            log.warning("the sweeper waits: %s", error)
        await asyncio.sleep(EVERY_SECONDS)


async def _write(store: Store, wakes: Wakes, commit: Commit) -> None:
    with suppress(Conflict):  # it has closed, or is another's by now
        await store.commit([commit])
    wakes.written(commit)


async def _wake_overdue(store: Store, broker: Broker, now: int, ownership: Ownership) -> None:
    after: Due | None = None
    while found := await store.due(now, after, PAGE):
        wakes = [_wake(due) for due in found if ownership.owns(due.run.lane)]
        await broker.publish(wakes)
        if len(found) < PAGE:
            return
        after = found[-1]


def _wake(due: Due) -> Action:
    run = due.run
    return Action(
        id=names.derived_id(due.wake_at, run.run_id, "sweep"),
        lane=run.lane,
        domain=run.domain,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        request=Wake(),
    )
