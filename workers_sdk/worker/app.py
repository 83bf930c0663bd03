"""What `workflowsvc-worker` runs: a worker without its client.

Law: data. Where the service is and in which domain the work is done is the operator's, what is done the program's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Unpack

from workers_sdk.client import Client
from workers_sdk.payloads import Payloads
from workers_sdk.worker.settings import SettingsMembers
from workers_sdk.worker.worker import Worker


@dataclass(frozen=True, kw_only=True)
class App:
    """In a module, for `workflowsvc-worker shop.main:app`:

        app = App(domain="shop", task_list="orders", workflows=[process], activities=[charge])

    All as of Worker; *settings* are those of WorkerSettings. The command's options win over what is said here.
    """

    task_list: str
    workflows: Sequence[object] = ()
    activities: Sequence[object] = ()
    domain: str | None = None
    payloads: Payloads | None = None
    settings: SettingsMembers = field(default_factory=SettingsMembers)

    def worker(self, client: Client, task_list: str | None = None, **settings: Unpack[SettingsMembers]) -> Worker:
        """Raises TypeError and ValueError, as Worker."""
        merged: SettingsMembers = {**self.settings, **settings}
        return Worker(
            client,
            task_list=task_list or self.task_list,
            workflows=self.workflows,
            activities=self.activities,
            payloads=self.payloads,
            **merged,
        )
