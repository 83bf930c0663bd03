"""Work inside the execution: activities, timers, Lambda functions.

Law: names are those of the attributes that they are read from; what `work` has in common is said there.
"""

from __future__ import annotations

from workers_sdk.deciders.work import Answered, Work
from workflowsvc.swf import shapes


class Activity(Answered, frozen=True):
    """One activity task. Scheduled anew under the same id it is another: see `Works.attempts`."""

    @property
    def scheduled(self) -> shapes.ActivityTaskScheduledEventAttributes:
        """All that it was scheduled with, defaults filled in."""
        return self.opening_as(shapes.ActivityTaskScheduledEventAttributes)

    @property
    def started(self) -> shapes.ActivityTaskStartedEventAttributes | None:
        """Who took it, once a worker did."""
        return self.last(shapes.ActivityTaskStartedEventAttributes)

    @property
    def id(self) -> str:
        return self.scheduled.activity_id

    @property
    def activity_id(self) -> str:
        """As `id`."""
        return self.id

    @property
    def type(self) -> shapes.ActivityType:
        """Name and version."""
        return self.scheduled.activity_type

    @property
    def input(self) -> str | None:
        """As it was scheduled with."""
        return self.scheduled.input

    @property
    def control(self) -> str | None:
        """What the decider noted for itself; the worker does not see it."""
        return self.scheduled.control

    @property
    def scheduled_id(self) -> int:
        """Of its event ActivityTaskScheduled."""
        return self.opened_id

    @property
    def cancel_requested(self) -> bool:
        """Whether a decision asked for its end."""
        return self.last(shapes.ActivityTaskCancelRequestedEventAttributes) is not None


class Timer(Work, frozen=True):
    """STARTED, then FIRED or CANCELED."""

    @property
    def started(self) -> shapes.TimerStartedEventAttributes:
        """All that it was started with."""
        return self.opening_as(shapes.TimerStartedEventAttributes)

    @property
    def id(self) -> str:
        return self.started.timer_id

    @property
    def timer_id(self) -> str:
        """As `id`."""
        return self.id

    @property
    def seconds(self) -> int:
        """startToFireTimeout."""
        return int(self.started.start_to_fire_timeout)

    @property
    def control(self) -> str | None:
        """What the decider noted for itself."""
        return self.started.control

    @property
    def started_id(self) -> int:
        """Of its event TimerStarted."""
        return self.opened_id


class LambdaFunction(Answered, frozen=True):
    """One Lambda task. START_FAILED: its role could not be assumed; `cause` and `message` say why."""

    @property
    def scheduled(self) -> shapes.LambdaFunctionScheduledEventAttributes:
        """All that it was scheduled with."""
        return self.opening_as(shapes.LambdaFunctionScheduledEventAttributes)

    @property
    def id(self) -> str:
        return self.scheduled.id

    @property
    def name(self) -> str:
        """The function's."""
        return self.scheduled.name

    @property
    def input(self) -> str | None:
        """As it was scheduled with."""
        return self.scheduled.input

    @property
    def control(self) -> str | None:
        """What the decider noted for itself."""
        return self.scheduled.control

    @property
    def scheduled_id(self) -> int:
        """Of its event LambdaFunctionScheduled."""
        return self.opened_id

    @property
    def cause(self) -> shapes.StartLambdaFunctionFailedCause | None:
        """Of what is START_FAILED."""
        failed = self.last(shapes.StartLambdaFunctionFailedEventAttributes)
        return failed.cause if failed else None

    @property
    def message(self) -> str | None:
        """Of what is START_FAILED: the service's own words."""
        failed = self.last(shapes.StartLambdaFunctionFailedEventAttributes)
        return failed.message if failed else None
