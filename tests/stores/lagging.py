"""SQLite's store that says it lags: what follows from that can be tested without servers."""

from __future__ import annotations

from workflowsvc.stores.sqlite import SqliteStore


class Lagging(SqliteStore):
    @property
    def lags(self) -> bool:
        return True
