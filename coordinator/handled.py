"""One action of a batch, between acting and releasing. Law: data only."""

from __future__ import annotations

from msgspec import Struct, field

from coordinator.cache import Cached
from coordinator.execution.effects import Effects
from workflowsvc.messages import Action, Reply
from workflowsvc.ports import Delivery


class Handled(Struct):
    delivery: Delivery[Action]
    reply: Reply | None = None
    effects: Effects = field(default_factory=Effects)
    touched: list[Cached] = field(default_factory=list)
    #: closed runs whose messages are among the effects
    to_settle: list[str] = field(default_factory=list)
    #: set where the action must come again, or cannot be handled at all
    conflict: bool = False
    unavailable: bool = False
    defect: str | None = None
