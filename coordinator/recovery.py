"""After a start: set going again all that was in flight, whatever the broker remembers.

Law: it writes nothing itself; it sends an ordinary action, Resume, to every run that is open or has messages
unconfirmed, and each lane checks for itself.
"""

from __future__ import annotations

import asyncio
import logging

from coordinator import release
from workflowsvc import names
from workflowsvc.messages import Action, Resume
from workflowsvc.ports import Broker, BrokerUnavailable, Clock, Store, StoreUnavailable
from workflowsvc.records import RunRef

log = logging.getLogger(__name__)

PAGE = 500


async def resume_all(store: Store, broker: Broker, clock: Clock) -> None:
    clock.hold(resume_all)
    try:
        after: str | None = ""
        while after is not None:
            try:
                after = await _resume_page(store, broker, after)
            except (StoreUnavailable, BrokerUnavailable) as error:
                log.warning("recovery waits: %s", error)
                await asyncio.sleep(release.RETRY_SECONDS)
    finally:
        clock.release(resume_all)


async def _resume_page(store: Store, broker: Broker, after: str) -> str | None:
    """Resume the runs that follow; the last of them, or None where there are no more."""
    runs = await store.recoverable(after, PAGE)
    await broker.publish([resume(run) for run in runs])
    return runs[-1].run_id if runs else None


def resume(run: RunRef) -> Action:
    return Action(
        id=names.derived_id(0, run.run_id, "resume"),
        lane=run.lane,
        domain=run.domain,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        request=Resume(),
    )
