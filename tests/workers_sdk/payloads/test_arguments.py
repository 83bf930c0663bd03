"""Inputs as arguments of a call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers_sdk.payloads import JsonConverter, PayloadError

CONVERTER = JsonConverter()


@dataclass
class Order:
    id: int
    note: str = ""


async def text(order: str) -> None: ...
async def maybe(order: str | None) -> None: ...
async def typed(order: Order, gift: bool = False) -> None: ...
async def grown(order: str, gift: bool = False) -> None: ...
async def several(first: int, second: int) -> None: ...
async def mapping(order: dict[str, int]) -> None: ...
async def nothing() -> None: ...
async def gathering(*numbers: int, **names: str) -> None: ...
async def keyword(*, order: Order) -> None: ...
async def placed(order: Order, /, gift: bool = False) -> None: ...
async def untyped(order) -> None: ...  # type: ignore[no-untyped-def]


def read(function: Callable[..., Any], written: str | None) -> tuple[list[Any], dict[str, Any]]:
    signature, hints = inspect.signature(function), get_type_hints(function)
    return CONVERTER.text_to_arguments(written, signature, hints, function=function.__qualname__)


@pytest.mark.parametrize(
    ("function", "written", "positional", "keywords"),
    [
        (text, "3 books", ["3 books"], {}),
        (text, "3", ["3"], {}),
        (text, "true", ["true"], {}),
        (text, '"3 books"', ["3 books"], {}),
        (text, '["3 books"]', ["3 books"], {}),
        (text, '{"order": "3 books"}', [], {"order": "3 books"}),
        (text, '{"books": 3}', ['{"books": 3}'], {}),
        (text, "[3 books]", ["[3 books]"], {}),
        (text, "{3 books", ["{3 books"], {}),
        (text, "", [""], {}),
        (maybe, "null", [None], {}),
        (maybe, "3 books", ["3 books"], {}),
        (grown, "3 books", ["3 books"], {}),
        (grown, '["3 books", true]', ["3 books", True], {}),
        (typed, '[{"id": 1}]', [Order(1)], {}),
        (typed, '[{"id": 1}, true]', [Order(1), True], {}),
        (typed, '{"id": 1}', [Order(1)], {}),
        (typed, ' {"order": {"id": 1}, "gift": true}', [], {"order": Order(1), "gift": True}),
        (several, "[1, 2]", [1, 2], {}),
        (mapping, '{"a": 1}', [{"a": 1}], {}),
        (mapping, "{}", [{}], {}),
        (nothing, None, [], {}),
        (nothing, "", [], {}),
        (nothing, "[]", [], {}),
        (nothing, "{}", [], {}),
        (nothing, "null", [], {}),
        (gathering, "[1, 2]", [1, 2], {}),
        (gathering, "5", [5], {}),
        (gathering, '{"a": "b"}', [], {"a": "b"}),
        (gathering, None, [], {}),
        (keyword, '{"order": {"id": 1}}', [], {"order": Order(1)}),
        (placed, '{"id": 1}', [Order(1)], {}),
        (untyped, '{"id": 1}', [{"id": 1}], {}),
    ],
)
def test_an_input_is_understood_as(
    function: Callable[..., Any], written: str | None, positional: list[Any], keywords: dict[str, Any]
) -> None:
    assert read(function, written) == (positional, keywords)


@pytest.mark.parametrize(
    ("function", "written", "message"),
    [
        (typed, None, "typed(order: 'Order', gift: 'bool' = False) -> 'None': no argument for 'order': nothing came"),
        (typed, '{"gift": true}', "no argument for 'order': a JSON object with the keys 'gift' came"),
        (
            typed,
            '[{"id": "x"}]',
            "'order' takes Order, but a JSON object with the keys 'id' came: Expected `int`",
        ),
        (typed, '[{"id": 1}, 2]', "parameter 'gift' takes bool, but a JSON number came: Expected `bool`, got `int`"),
        (typed, "3 books", "parameter 'order' takes Order, but a text of 7 characters that is no JSON came"),
        (several, "[1]", "no argument for 'second': a JSON array of 1 came"),
        (several, "[]", "no argument for 'first' and 'second': a JSON array of 0 came"),
        (text, '["a", "b"]', "takes 1 positional arguments at most, but a JSON array of 2 came"),
        (text, "null", "parameter 'order' takes str, but a JSON null came"),
        (text, "[3]", "parameter 'order' takes str, but a JSON number came"),
        (nothing, "[1]", "takes 0 positional arguments at most, but a JSON array of 1 came"),
        (nothing, "3", "takes no positional argument, but a JSON number came"),
        (keyword, "[1]", "takes 0 positional arguments at most"),
        (gathering, '{"a": 1}', "parameter 'names' takes str, but a JSON number came"),
        (untyped, "3 books", "parameter 'order' takes Any, but a text of 7 characters that is no JSON came"),
    ],
)
def test_what_does_not_fit_is_told_with_function_parameter_and_what_came(
    function: Callable[..., Any], written: str | None, message: str
) -> None:
    with pytest.raises(PayloadError) as refusal:
        read(function, written)
    assert str(refusal.value).startswith(f"{function.__name__}(")
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        ([], None),
        ([Order(1)], '[{"id":1,"note":""}]'),
        ([None], "[null]"),
        ([[1, 2]], "[[1,2]]"),
        (["a", True], '["a",true]'),
    ],
)
def test_arguments_are_written_as_an_array_always(arguments: list[object], written: str | None) -> None:
    assert CONVERTER.arguments_to_text(arguments) == written


@given(st.builds(Order), st.booleans())
def test_arguments_come_back(order: Order, gift: bool) -> None:
    assert read(typed, CONVERTER.arguments_to_text([order, gift])) == ([order, gift], {})


@given(st.text())
def test_a_str_comes_back_even_if_it_looks_like_json(order: str) -> None:
    assert read(text, CONVERTER.arguments_to_text([order])) == ([order], {})


@given(st.text(), st.sampled_from([text, maybe, typed, several, mapping, nothing, gathering, keyword, placed, untyped]))
def test_any_input_gives_arguments_that_bind_or_a_payload_error(written: str, function: Callable[..., Any]) -> None:
    try:
        positional, keywords = read(function, written)
    except PayloadError:
        return
    inspect.signature(function).bind(*positional, **keywords)


def test_a_signature_is_remembered_by_itself_not_by_what_it_looks_like() -> None:
    """Two functions may have equal signatures, by the names of their annotations, and different types."""

    def numbers(values: list[int]) -> None: ...
    def texts(values: list[str]) -> None: ...

    assert read(numbers, "[[1]]") == ([[1]], {})
    assert read(texts, '[["a"]]') == ([["a"]], {})
