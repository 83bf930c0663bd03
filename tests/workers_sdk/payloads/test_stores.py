"""The two stores behind one contract, and what is particular to each."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from workers_sdk.payloads import (
    DirectoryStore,
    ObjectStore,
    PayloadError,
    PayloadMissing,
    PayloadStoreUnavailable,
    S3Store,
)

ANY = "any"


class Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self) -> bytes:
        return self._data


class FakeS3:
    """The two calls of a client, and the thread that they came from."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.threads: set[int] = set()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> Any:  # noqa: N803
        self.threads.add(threading.get_ident())
        self.objects[Bucket, Key] = Body
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        self.threads.add(threading.get_ident())
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": Body(self.objects[Bucket, Key])}


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return DirectoryStore(tmp_path / "a" / "b") if request.param == "directory" else S3Store(FakeS3(), "bucket", "p/")


async def test_what_was_put_is_got(store: ObjectStore) -> None:
    await store.put("abc", b"\x00data")
    await store.put("ab", b"")
    assert await store.get("abc") == b"\x00data"
    assert await store.get("ab") == b""


async def test_to_put_the_same_again_is_no_error(store: ObjectStore) -> None:
    await store.put("abc", b"data")
    await store.put("abc", b"data")
    assert await store.get("abc") == b"data"


async def test_what_is_not_there_is_missing(store: ObjectStore) -> None:
    with pytest.raises(PayloadMissing, match="'abc'") as missing:
        await store.get("abc")
    assert missing.value.key == "abc"


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "a/b", ".hidden", "..", "a\x00", "a\n", "ä", "a" * 256])
async def test_what_is_no_key_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(PayloadError, match="no key"):
        await store.get(key)
    with pytest.raises(PayloadError, match="no key"):
        await store.put(key, b"")


async def test_the_directory_has_one_file_an_object_and_nothing_else(tmp_path: Path) -> None:
    await DirectoryStore(tmp_path).put("abc", b"data")
    assert [(path, names) for path, _, names in os.walk(tmp_path)] == [
        (str(tmp_path), []),
        (str(tmp_path / "ab"), ["abc"]),
    ]


async def test_an_object_that_is_put_again_is_young_again(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    await store.put("abc", b"data")
    os.utime(tmp_path / "ab" / "abc", (1, 1))
    await store.put("abc", b"data")
    assert (tmp_path / "ab" / "abc").stat().st_mtime > 1_000_000_000


async def test_a_file_of_another_length_is_written_anew(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    await store.put("abc", b"data")
    (tmp_path / "ab" / "abc").write_bytes(b"da")
    await store.put("abc", b"data")
    assert await store.get("abc") == b"data"


async def test_many_that_write_and_read_the_same_object_see_it_whole_or_not_at_all(tmp_path: Path) -> None:
    data = os.urandom(300_000)

    async def read(number: int) -> bytes:
        try:
            return await DirectoryStore(tmp_path).get("abc")
        except PayloadMissing:
            return data

    writes = [DirectoryStore(tmp_path).put("abc", data) for _ in range(20)]
    seen = await asyncio.gather(*writes, *map(read, range(40)))
    assert set(seen[20:]) == {data}
    assert [path.name for path in (tmp_path / "ab").iterdir()] == ["abc"]


async def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "ab").mkdir()
    with pytest.raises(PayloadStoreUnavailable, match="No space left"):
        await DirectoryStore(tmp_path).put("abc", b"data")
    assert list((tmp_path / "ab").iterdir()) == []


async def test_a_directory_that_cannot_be_read_is_unavailable_not_missing(tmp_path: Path) -> None:
    (tmp_path / "ab" / "abc").mkdir(parents=True)
    with pytest.raises(PayloadStoreUnavailable, match="cannot be read"):
        await DirectoryStore(tmp_path).get("abc")


async def test_a_file_in_place_of_the_directory_is_unavailable_for_writing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PayloadStoreUnavailable, match="cannot be written"):
        await DirectoryStore(tmp_path / "file").put("abc", b"data")


async def test_s3_is_called_in_threads_with_bucket_and_prefix() -> None:
    client = FakeS3()
    store = S3Store(client, "bucket", "payloads/")
    await store.put("abc", b"data")
    await store.get("abc")
    assert client.objects == {("bucket", "payloads/abc"): b"data"}
    assert threading.get_ident() not in client.threads


@pytest.fixture
def s3() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id=ANY, aws_secret_access_key=ANY)
    with Stubber(client) as stubber:
        yield client, stubber
    client.close()


async def test_a_client_of_boto3_is_understood(s3: tuple[Any, Stubber]) -> None:
    client, stubber = s3
    stubber.add_response("put_object", {}, {"Bucket": "bucket", "Key": "abc", "Body": b"data"})
    stubber.add_response(
        "get_object", {"Body": StreamingBody(io.BytesIO(b"data"), 4)}, {"Bucket": "bucket", "Key": "abc"}
    )
    stubber.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
    stubber.add_client_error("put_object", "SlowDown", http_status_code=503)
    store = S3Store(client, "bucket")
    await store.put("abc", b"data")
    assert await store.get("abc") == b"data"
    with pytest.raises(PayloadMissing):
        await store.get("abc")
    with pytest.raises(PayloadStoreUnavailable, match=r"s3://bucket/abc: .*AccessDenied"):
        await store.get("abc")
    with pytest.raises(PayloadStoreUnavailable, match="SlowDown"):
        await store.put("abc", b"data")


async def test_a_connection_that_fails_is_unavailable() -> None:
    class Away(FakeS3):
        def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1")

    with pytest.raises(PayloadStoreUnavailable, match="Could not connect"):
        await S3Store(Away(), "bucket").get("abc")


def test_the_stores_say_what_they_take() -> None:
    assert get_type_hints(DirectoryStore.put) == get_type_hints(S3Store.put) == get_type_hints(ObjectStore.put)
