"""How values become texts of SWF: a converter for the workflow code, codecs for the edge.

Law: what is named here is public; the files are not.
"""

from workers_sdk.payloads.claim_check import ClaimCheck
from workers_sdk.payloads.codec import Codec
from workers_sdk.payloads.compression import Compression
from workers_sdk.payloads.converter import Converter
from workers_sdk.payloads.directory_store import DirectoryStore
from workers_sdk.payloads.encryption import Cipher, Encryption
from workers_sdk.payloads.errors import PayloadError, PayloadMissing, PayloadStoreUnavailable, PayloadTooLarge
from workers_sdk.payloads.handlers import Handler, TypeHandler
from workers_sdk.payloads.json_converter import JsonConverter
from workers_sdk.payloads.payloads import DATA_LIMIT, Payloads
from workers_sdk.payloads.s3_store import S3Client, S3Store
from workers_sdk.payloads.store import ObjectStore

__all__ = [
    "DATA_LIMIT",
    "Cipher",
    "ClaimCheck",
    "Codec",
    "Compression",
    "Converter",
    "DirectoryStore",
    "Encryption",
    "Handler",
    "JsonConverter",
    "ObjectStore",
    "PayloadError",
    "PayloadMissing",
    "PayloadStoreUnavailable",
    "PayloadTooLarge",
    "Payloads",
    "S3Client",
    "S3Store",
    "TypeHandler",
]
