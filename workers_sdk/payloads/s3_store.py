"""A store of payloads in S3, or in anything that boto3's S3 client speaks to.

Law: nothing of AWS is imported: the client is given.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol, cast

from workers_sdk.payloads.errors import PayloadMissing, PayloadStoreUnavailable
from workers_sdk.payloads.store import checked

#: The codes of an answer that says that there is no such object: S3's, and those of others that answer in its stead.
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})


class S3Client(Protocol):
    """Of ``boto3.client("s3")``, what is used here: called in threads, as boto3's clients may be."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> Any:  # noqa: N803
        """S3's PutObject."""
        ...

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        """S3's GetObject: an answer whose Body can be read."""
        ...


class S3Store:
    """An ObjectStore in *bucket*; *prefix* is put before every key as it is: ``"payloads/"``.

    A rule of the bucket's lifecycle removes old objects: see ClaimCheck.
    """

    def __init__(self, client: S3Client, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    async def put(self, key: str, data: bytes) -> None:
        """As of ObjectStore."""
        await asyncio.to_thread(self._put, self._prefix + checked(key), data)

    async def get(self, key: str) -> bytes:
        """As of ObjectStore."""
        return await asyncio.to_thread(self._get, key, self._prefix + checked(key))

    def _put(self, name: str, data: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=data)
        except Exception as error:
            raise self._unavailable(name, error) from error

    def _get(self, key: str, name: str) -> bytes:
        try:
            return cast(bytes, self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read())
        except Exception as error:
            if _code(error) in _MISSING:
                raise PayloadMissing(key) from error
            raise self._unavailable(name, error) from error

    def _unavailable(self, name: str, error: Exception) -> PayloadStoreUnavailable:
        return PayloadStoreUnavailable(f"s3://{self._bucket}/{name}: {error}")


def _code(error: Exception) -> str:
    """Of botocore's ClientError, which is not imported, the code; of other exceptions, nothing."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
