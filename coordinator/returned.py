"""Deliveries that had come before, to this coordinator or to another: what they did may not be seen by everybody yet.

Law: by partition, from their coming to their conclusion. What is lost with its partition is another's to conclude.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from workflowsvc.messages import Action
from workflowsvc.ports import Delivery


class Returned:
    def __init__(self) -> None:
        self._open: defaultdict[int, dict[Delivery[Action], asyncio.Future[bool]]] = defaultdict(dict)

    def came(self, partition: int, delivery: Delivery[Action]) -> None:
        self._open[partition][delivery] = asyncio.get_running_loop().create_future()

    def concluded(self, partition: int, delivery: Delivery[Action]) -> None:
        if (open_ := self._open[partition].pop(delivery, None)) is not None and not open_.done():
            open_.set_result(True)

    def lost(self, partition: int) -> None:
        for open_ in self._open.pop(partition, {}).values():
            if not open_.done():
                open_.set_result(False)

    async def over(self, partition: int) -> bool:
        """Wait until all that had come are concluded; False where the partition was lost before."""
        waited = list(self._open[partition].values())
        if waited:
            await asyncio.wait(waited)
        return all(open_.result() for open_ in waited)
