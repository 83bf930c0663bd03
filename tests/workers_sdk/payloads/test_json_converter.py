"""JSON of values: golden texts, round trips over types, refusals."""

from __future__ import annotations

import enum
import math
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypedDict, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel

from workers_sdk.payloads import Converter, Handler, JsonConverter, PayloadError

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Sku(str):
    """A str of the program's own."""

    __slots__ = ()


class Point(NamedTuple):
    x: int
    y: int


class Address(TypedDict):
    street: str
    number: int


class Circle(msgspec.Struct, tag=True, frozen=True):
    radius: float


class Square(msgspec.Struct, tag=True, frozen=True):
    side: float


@dataclass(frozen=True)
class Tag:
    name: str


@dataclass(frozen=True)
class Box(Generic[T]):
    content: T


@dataclass
class Order:
    id: uuid.UUID
    at: datetime
    day: date
    hour: time
    wait: timedelta
    price: Decimal
    picture: bytes
    colour: Colour
    size: Size
    tags: frozenset[Tag]
    names: set[str]
    pair: tuple[int, str]
    rest: tuple[float, ...]
    shape: Circle | Square
    keyed: dict[int, Point]
    address: Address
    note: Optional[str]  # noqa: UP045
    count: int | None = None
    other: list[dict[str, Any]] = field(default_factory=list)


class Item(BaseModel):
    sku: str
    tags: set[str] = set()
    at: datetime | None = None


class Parcel(BaseModel):
    items: list[Item]
    by_name: dict[str, Item] = {}
    kind: Literal["parcel"] = "parcel"


class Letter(BaseModel):
    model_config = ConfigDict(strict=True)
    sent: date
    pages: int = Field(alias="pageCount")
    kind: Literal["letter"] = "letter"


class Numbers(RootModel[set[int]]):
    pass


class Stamp(BaseModel):
    model_config = ConfigDict(frozen=True)
    cents: int


@dataclass
class Delivery:
    what: Parcel | Letter
    stamps: list[Stamp]


CONVERTER = JsonConverter()


def round_trip(value: object, type_: Any = Any) -> Any:
    return CONVERTER.from_text(CONVERTER.to_text(value), type_)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (2**70, "1180591620717411303424"),
        (1.5, "1.5"),
        ("3 books", '"3 books"'),
        ([1, "a", None], '[1,"a",null]'),
        ((1, 2), "[1,2]"),
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ({10: "x", 9: "y"}, '{"10":"x","9":"y"}'),
        ({"pear", "apple"}, '["apple","pear"]'),
        ({Colour.RED, Colour.BLUE}, '["blue","red"]'),
        ({Tag("b"), Tag("a")}, '[{"name":"a"},{"name":"b"}]'),
        ({None, 1, "a"}, '["a",1,null]'),
        (b"\x00\xff", '"AP8="'),
        (Decimal("1.10"), '"1.10"'),
        (datetime(2026, 11, 24, 8, 30, tzinfo=UTC), '"2026-11-24T08:30:00Z"'),
        (timedelta(seconds=90), '"PT90S"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Size.LARGE, "2"),
        (Sku("A-1"), '"A-1"'),
        (Point(1, 2), "[1,2]"),
        (Circle(1.0), '{"type":"Circle","radius":1.0}'),
        (Item(sku="a", tags={"z", "b"}), '{"at":null,"sku":"a","tags":["b","z"]}'),
        (Numbers({3, 1}), "[1,3]"),
        ([Stamp(cents=5)], '[{"cents":5}]'),
    ],
)
def test_values_have_these_texts(value: object, text: str) -> None:
    assert CONVERTER.to_text(value) == text


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("3", int, 3),
        ('{"sku":"a"}', Item, Item(sku="a")),
        ('[{"sku":"a"}]', list[Item], [Item(sku="a")]),
        ("null", Item | None, None),
        (
            '{"kind":"letter","sent":"2026-01-02","pageCount":3}',
            Parcel | Letter,
            Letter(sent=date(2026, 1, 2), pageCount=3),
        ),
        ('{"kind":"letter","sent":"2026-01-02","pages":3}', Letter, Letter(sent=date(2026, 1, 2), pageCount=3)),
        ('"+/8="', Parcel | bytes, b"\xfb\xff"),
        ("[1,3]", Numbers, Numbers({1, 3})),
        ('{"content":5}', Box[int], Box(5)),
        ('"A-1"', Sku, Sku("A-1")),
        ("7", Annotated[int, {"not": "hashable"}], 7),
        ('"plain"', Any, "plain"),
        (" [1, 2] ", tuple[int, ...], (1, 2)),
        (None, Any, None),
        ("", int | None, None),
        ("done", str, "done"),
        ("done", str | None, "done"),
        ("done", Annotated[str, "a note"], "done"),
    ],
)
def test_texts_are_read_as_the_type_that_is_asked_for(text: str | None, type_: Any, value: object) -> None:
    got = CONVERTER.from_text(text, type_)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "object is nothing that JSON has: use plain values, a dataclass"),
        ([1, [math.nan]], "no NaN"),
        (Circle(math.inf), "no NaN"),
        ({1: "a", "1": "b"}, "both written as '1'"),
        ({(1, 2): "a"}, "keys"),
        ("\ud800", "surrogates"),
        (1j, "complex is nothing"),
    ],
)
def test_what_json_cannot_hold_is_refused(value: object, why: str) -> None:
    with pytest.raises(PayloadError, match=why) as refusal:
        CONVERTER.to_text(value)
    assert f"of type {type(value).__name__} cannot be written" in str(refusal.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    ring: list[object] = []
    ring.append(ring)
    with pytest.raises(PayloadError, match="list cannot be written"):
        CONVERTER.to_text(ring)


@pytest.mark.parametrize(
    ("text", "type_", "message"),
    [
        (None, int, "int was expected, but nothing came"),
        ("done", Any, "Any was expected, but a text of 4 characters that is no JSON came"),
        ("3", str, "str was expected, but a JSON number came: Expected `str`, got `int`"),
        ('[{"name": 1}]', list[Tag], r"a JSON array of 1 came: Expected `str`, got `int` - at `\$\[0\].name`"),
        ('{"sku": 1}', Item, "Item was expected, but a JSON object with the keys 'sku' came: sku: Input should be"),
        ("1", Path, "Path is nothing that JSON has"),
        ("{}", Tag | Box, "Type unions may not contain more than one dataclass"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_expected_and_what_came(
    text: str | None, type_: Any, message: str
) -> None:
    with pytest.raises(PayloadError, match=message):
        CONVERTER.from_text(text, type_)


def test_messages_do_not_tell_what_pydantic_was_given() -> None:
    with pytest.raises(PayloadError) as refusal:
        CONVERTER.from_text('{"sku": ["4111-1111"]}', Item)
    assert "4111" not in str(refusal.value)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ORDERS = st.builds(
    Order,
    at=st.datetimes(timezones=st.just(UTC)),
    hour=st.times(),
    wait=st.timedeltas(),
    price=st.decimals(allow_nan=False),
    rest=st.lists(FINITE).map(tuple),
    shape=st.builds(Circle, st.floats(0, 1e9)) | st.builds(Square, st.floats(0, 1e9)),
    other=st.lists(st.dictionaries(st.text(), PLAIN), max_size=3),
)


@given(ORDERS)
def test_a_dataclass_of_every_kind_of_member_comes_back(order: Order) -> None:
    assert round_trip(order, Order) == order


@given(st.lists(st.builds(Item, at=st.none() | st.datetimes(timezones=st.just(UTC)))), st.dates(), st.integers(0, 99))
def test_models_come_back_wherever_they_stand(items: list[Item], sent: date, pages: int) -> None:
    parcel = Parcel(items=items, by_name={item.sku: item for item in items})
    letter = Letter(sent=sent, pageCount=pages)
    for what in (parcel, letter):
        delivery = Delivery(what, [Stamp(cents=pages)])
        assert round_trip(delivery, Delivery) == delivery
        assert round_trip([what], list[Parcel | Letter]) == [what]


@given(st.text())
def test_any_text_comes_back_as_the_same_str(text: str) -> None:
    assert round_trip(text, str) == text


def test_the_same_value_gives_the_same_text_whatever_the_seed_of_hashes() -> None:
    program = (
        "from tests.workers_sdk.payloads.test_json_converter import *\n"
        "names = {'n%d' % number for number in range(50)}\n"
        "print(CONVERTER.to_text([names, dict.fromkeys(names), {Tag(name) for name in names},"
        " Item(sku='a', tags=names), {Colour.RED, Colour.BLUE}]))"
    )

    def written(seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout

    assert written("1") == written("2")


def test_a_handler_writes_and_reads_its_type_wherever_it_stands() -> None:
    @dataclass
    class File:
        path: Path
        z: complex | None = None

    converter = JsonConverter(
        Handler(Path, encode=str, decode=Path),
        Handler(complex, encode=lambda z: [z.real, z.imag], decode=lambda parts: complex(*parts)),
    )
    file = File(Path("/a/b"), 1 + 2j)
    assert converter.to_text(file) == '{"path":"/a/b","z":[1.0,2.0]}'
    hints = {"list": list[Path], "path": Path}
    assert converter.from_text('["/a"]', hints["list"]) == [Path("/a")]
    assert converter.from_text(converter.to_text(2j), complex) == 2j
    with pytest.raises(PayloadError, match="complex was expected, but a JSON array of 3 came"):
        converter.from_text("[1,2,3]", complex)


def test_a_handler_that_would_never_be_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="msgspec writes UUID itself"):
        Handler(uuid.UUID, encode=str, decode=uuid.UUID)


def test_nothing_imports_pydantic() -> None:
    program = (
        "import sys, workers_sdk.payloads as p\n"
        "p.JsonConverter().from_text(p.JsonConverter().to_text({'a': {1, None}}), dict[str, list[int | None]])\n"
        "assert not {'pydantic', 'boto3', 'botocore'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_it_is_a_converter() -> None:
    converter: Converter = JsonConverter()
    assert converter.arguments_to_text([]) is None
