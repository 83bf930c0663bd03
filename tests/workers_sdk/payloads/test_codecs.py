"""Texts through the codecs: their envelopes, alone and in one another."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers_sdk.payloads.toys import MemoryStore, Xor
from workers_sdk.payloads import (
    ClaimCheck,
    Codec,
    Compression,
    Encryption,
    PayloadError,
    PayloadMissing,
    Payloads,
    PayloadTooLarge,
)

LONG = '["' + "a book, " * 1000 + '"]'


async def test_without_codecs_a_text_is_sent_as_it_is() -> None:
    text = '["3 books"]'
    assert await Payloads().encode(text) is text
    assert await Payloads().decode(text) is text
    assert await Payloads().encode(None) is None
    assert await Payloads().decode(None) is None


@pytest.mark.parametrize("text", ["workers_sdk:zlib:abc", "workers_sdk:text:", "workers_sdk:text:workers_sdk:a:"])
async def test_a_text_that_looks_like_an_envelope_is_put_into_one(text: str) -> None:
    assert await Payloads().encode(text) == f"workers_sdk:text:{text}"
    assert await Payloads().decode(f"workers_sdk:text:{text}") == text


@pytest.mark.parametrize(
    "text", ["workers_sdk: is a library", "workers_sdk", "workers_sdk:Zlib:x", " workers_sdk:zlib:"]
)
async def test_a_text_that_only_resembles_an_envelope_passes(text: str) -> None:
    assert await Payloads().encode(text) == text
    assert await Payloads().decode(text) == text


async def test_an_envelope_of_zlib_holds_base64_of_zlib() -> None:
    encoded = await Payloads(codecs=[Compression()]).encode(LONG)
    assert encoded is not None
    assert encoded.startswith("workers_sdk:zlib:")
    assert zlib.decompress(base64.b64decode(encoded.removeprefix("workers_sdk:zlib:"))).decode() == LONG


async def test_compression_leaves_alone_what_is_short_or_would_not_get_shorter() -> None:
    noise = base64.b85encode(hashlib.shake_256(b"").digest(4000)).decode()
    payloads = Payloads(codecs=[Compression(threshold=100)])
    assert await payloads.encode("a" * 99) == "a" * 99
    assert await payloads.encode(noise) == noise
    assert await payloads.encode("a" * 100) != "a" * 100


async def test_long_texts_are_compressed_in_a_thread_and_come_back() -> None:
    payloads = Payloads(codecs=[Compression()])
    text = "".join(str(number) for number in range(60_000))
    encoded = await payloads.encode(text, 1_000_000)
    assert encoded is not None
    assert len(encoded) > 87_400
    assert await payloads.decode(encoded) == text


async def test_a_text_that_would_fill_the_memory_is_not_unpacked() -> None:
    bomb = await Payloads(codecs=[Compression()]).encode("a" * 10_000)
    with pytest.raises(PayloadError, match="more than 9,999 bytes"):
        await Payloads(codecs=[Compression(most=9_999)]).decode(bomb)
    assert await Payloads(codecs=[Compression(most=10_000)]).decode(bomb) == "a" * 10_000


@pytest.mark.parametrize("body", ["", "!", "AAAA", base64.b64encode(zlib.compress(b"abc")[:-1]).decode()])
async def test_a_damaged_envelope_of_zlib_is_refused(body: str) -> None:
    with pytest.raises(PayloadError, match="envelope"):
        await Payloads(codecs=[Compression()]).decode(f"workers_sdk:zlib:{body}")


async def test_an_envelope_of_encryption_names_its_key() -> None:
    encoded = await Payloads(codecs=[Encryption(Xor(b"a"), "2026-11")]).encode("secret")
    body = base64.b64encode(Xor(b"a").encrypt(b"secret")).decode()
    assert encoded == f"workers_sdk:encrypted:2026-11:{body}"


async def test_a_new_key_writes_and_old_ones_are_read() -> None:
    old, new = Encryption(Xor(b"a"), "1"), Encryption(Xor(b"b"), "2", also_read={"1": Xor(b"a")})
    before, after = Payloads(codecs=[old]), Payloads(codecs=[new])
    assert await after.decode(await before.encode("secret")) == "secret"
    assert await after.decode(await after.encode("secret")) == "secret"
    with pytest.raises(PayloadError, match="encrypted with the key '2', which Encryption was not given"):
        await before.decode(await after.encode("secret"))


async def test_a_wrong_key_under_the_same_id_is_told() -> None:
    encoded = await Payloads(codecs=[Encryption(Xor(b"a"), "1")]).encode("secret")
    with pytest.raises(PayloadError, match="the key '1' does not decrypt it: LookupError another key"):
        await Payloads(codecs=[Encryption(Xor(b"b"), "1")]).decode(encoded)


@pytest.mark.parametrize("key_id", ["", "a:b"])
def test_a_key_id_that_cannot_stand_in_an_envelope_is_refused(key_id: str) -> None:
    with pytest.raises(ValueError, match="no key_id"):
        Encryption(Xor(b"a"), key_id)


async def test_what_is_too_long_is_stored_under_its_hash_and_referred_to() -> None:
    store = MemoryStore()
    payloads = Payloads(codecs=[ClaimCheck(store)])
    text = "ä" * 32_769
    digest = hashlib.sha256(text.encode()).hexdigest()
    encoded = await payloads.encode(text)
    assert encoded == f'workers_sdk:claim:{{"key":"{digest}","sha256":"{digest}","size":65538}}'
    assert store.objects == {digest: text.encode()}
    assert await payloads.encode(text) == encoded
    assert await payloads.decode(encoded) == text


async def test_what_just_fits_is_not_stored() -> None:
    store = MemoryStore()
    payloads = Payloads(codecs=[ClaimCheck(store)])
    assert await payloads.encode("a" * 32_768) == "a" * 32_768
    assert await payloads.encode("a" * 2048, 2048) == "a" * 2048
    assert store.puts == 0
    encoded = await payloads.encode("a" * 2049, 2048)
    assert store.puts == 1
    assert encoded is not None
    assert len(encoded) < 2048


async def test_a_threshold_stores_what_would_fit() -> None:
    store = MemoryStore()
    payloads = Payloads(codecs=[ClaimCheck(store, threshold=0)])
    assert await payloads.decode(await payloads.encode("a")) == "a"
    assert store.puts == 1


async def test_older_stores_are_read_too() -> None:
    old, new = MemoryStore(), MemoryStore()
    encoded = await Payloads(codecs=[ClaimCheck(old, threshold=0)]).encode("a")
    assert await Payloads(codecs=[ClaimCheck(new, also_read=[old])]).decode(encoded) == "a"
    with pytest.raises(PayloadMissing, match="no store has the object"):
        await Payloads(codecs=[ClaimCheck(new)]).decode(encoded)


async def test_an_object_that_was_changed_is_refused() -> None:
    store = MemoryStore()
    payloads = Payloads(codecs=[ClaimCheck(store, threshold=0)])
    encoded = await payloads.encode("abc")
    (key,) = store.objects
    for changed in (b"abd", b"abcd", b""):
        store.objects[key] = changed
        with pytest.raises(PayloadError, match="is not what was put there"):
            await payloads.decode(encoded)


async def test_a_damaged_reference_is_refused() -> None:
    with pytest.raises(PayloadError, match="damaged reference"):
        await Payloads(codecs=[ClaimCheck(MemoryStore())]).decode('workers_sdk:claim:{"key":1}')


async def test_without_a_claim_check_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(PayloadTooLarge) as refusal:
        await Payloads(codecs=[Compression()]).encode("ä" * 2_049, 32, what="input of charge")
    assert str(refusal.value).startswith("input of charge: ")
    assert "characters, but SWF takes 32: give Payloads a ClaimCheck" in str(refusal.value)
    assert refusal.value.limit == 32
    assert 32 < refusal.value.length < 2_049


async def test_lengths_are_utf_16_units() -> None:
    """An emoji is one character of Python and two of Java, in which AWS counts."""
    assert await Payloads().encode("😀" * 16_384) == "😀" * 16_384
    with pytest.raises(PayloadTooLarge) as refusal:
        await Payloads().encode("😀" * 16_384 + "a")
    assert (refusal.value.length, refusal.value.limit) == (32_769, 32_768)


async def test_half_a_surrogate_pair_is_refused_where_bytes_are_needed() -> None:
    with pytest.raises(PayloadError, match="surrogate"):
        await Payloads(codecs=[Encryption(Xor(b"a"), "1")]).encode("\ud800")


async def test_a_codec_that_is_missing_is_named() -> None:
    encoded = await Payloads(codecs=[Compression(threshold=1)]).encode("a" * 100)
    with pytest.raises(PayloadError, match="made by a codec 'zlib' that Payloads does not have"):
        await Payloads().decode(encoded)
    assert await Payloads(also_read=[Compression()]).decode(encoded) == "a" * 100
    assert await Payloads(also_read=[Compression(threshold=1)]).encode("a" * 100) == "a" * 100


async def test_envelopes_cannot_go_on_for_ever() -> None:
    class Echo:
        name = "echo"

        async def encode(self, text: str, limit: int) -> str | None:
            return None

        async def decode(self, body: str) -> str:
            return "workers_sdk:echo:"

    with pytest.raises(PayloadError, match="more envelopes"):
        await Payloads(codecs=[Echo()]).decode("workers_sdk:echo:")


@pytest.mark.parametrize("name", ["text", "", "Zlib", "a:b", "a" * 32])
def test_a_name_that_no_envelope_can_have_is_refused(name: str) -> None:
    codec = Compression()
    renamed = type("Renamed", (Compression,), {"name": name})()
    with pytest.raises(ValueError, match="no name of a codec"):
        Payloads(codecs=[renamed])
    with pytest.raises(ValueError, match="two codecs have the same name: zlib, zlib"):
        Payloads(codecs=[codec], also_read=[codec])


def every_codec() -> list[Codec]:
    return [Compression(threshold=20), Encryption(Xor(b"k"), "1"), ClaimCheck(MemoryStore(), threshold=60)]


@st.composite
def some_codecs(draw: st.DrawFn) -> Sequence[Codec]:
    order = draw(st.permutations(every_codec()))
    return order[: draw(st.integers(0, 3))]


TEXTS = st.text() | st.text(max_size=9).map(lambda text: f"workers_sdk:{text}") | st.text().map(lambda text: text * 50)
LOOKALIKES = st.sampled_from(["zlib", "text", "claim", "encrypted", "other"]).flatmap(
    lambda name: st.text().map(lambda text: f"workers_sdk:{name}:{text}")
)


@given(TEXTS | LOOKALIKES, some_codecs())
async def test_any_text_comes_back_from_any_codecs_in_any_order(text: str, codecs: Sequence[Codec]) -> None:
    payloads = Payloads(codecs=codecs)
    encoded = await payloads.encode(text, 1_000_000)
    assert await payloads.decode(encoded) == text
    assert await Payloads(also_read=list(reversed(codecs))).decode(encoded) == text


@given(TEXTS | LOOKALIKES)
async def test_any_text_from_others_is_read_or_refused(text: str) -> None:
    try:
        await Payloads(codecs=every_codec()).decode(text)
    except PayloadError:
        assert text.startswith("workers_sdk:")
