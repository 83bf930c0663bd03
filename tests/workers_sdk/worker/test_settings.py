"""Settings: the same for type checkers, for the command line and for the worker."""

from __future__ import annotations

import typing

import msgspec
import pytest

from workers_sdk.worker import command
from workers_sdk.worker.settings import SettingsMembers, WorkerSettings


def test_the_typed_members_are_those_of_the_settings() -> None:
    assert typing.get_type_hints(SettingsMembers) == typing.get_type_hints(WorkerSettings)


def test_every_setting_has_an_option() -> None:
    names = {field.name for field in msgspec.structs.fields(WorkerSettings)}
    assert {*command._NUMBERS, *command._SWITCHES} == names


@pytest.mark.parametrize(
    "wrong", [{"max_decisions": 1}, {"max_threads": 0}, {"grace": -1}, {"sticky_timeout": 0}, {"register_domain": -1}]
)
def test_what_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is .* or more"):
        WorkerSettings(**wrong)  # type: ignore[arg-type]
