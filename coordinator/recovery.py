"""After a start: set going again all that was in flight, whatever the broker remembers.

Law: it writes nothing itself; it sends an ordinary action, Resume, to every run that is open or has messages
unconfirmed, and each lane checks for itself.
"""

from __future__ import annotations

from workflowsvc import names
from workflowsvc.messages import Action, Resume
from workflowsvc.ports import Broker, Clock, Store
from workflowsvc.records import RunRef

PAGE = 500


async def resume_all(store: Store, broker: Broker, clock: Clock) -> None:
    clock.hold(resume_all)
    try:
        after = ""
        while runs := await store.recoverable(after, PAGE):
            await broker.publish([_resume(run) for run in runs])
            after = runs[-1].run_id
    finally:
        clock.release(resume_all)


def _resume(run: RunRef) -> Action:
    return Action(
        id=names.derived_id(0, run.run_id, "resume"),
        lane=run.lane,
        domain=run.domain,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        request=Resume(),
    )
