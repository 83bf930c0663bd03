"""What a clock does whose time nobody skips. Law: nothing."""

from __future__ import annotations

from collections.abc import Hashable


class Unmoved:
    def hold(self, what: Hashable) -> None:
        pass

    def release(self, what: Hashable) -> None:
        pass

    def occupy(self, run_id: str) -> None:
        pass

    def vacate(self, run_id: str) -> None:
        pass
