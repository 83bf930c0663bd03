"""A client of SWF for Python: asynchronous, with a blocking twin; every operation typed.

Law: names only. `Client` and `BlockingClient` are the way in; errors.py draws what they raise.
"""

from workers_sdk.client.blocking import BlockingClient
from workers_sdk.client.client import Client
from workers_sdk.client.credentials import Credentials
from workers_sdk.client.errors import (
    ClientClosed,
    ClientError,
    CredentialsUnavailable,
    Misconfigured,
    ServiceFault,
    ServiceUnreachable,
    Trail,
    UnreadableAnswer,
    trail_of,
)
from workers_sdk.client.operations import Operations
from workers_sdk.client.retries import Retries

__all__ = [
    "BlockingClient",
    "Client",
    "ClientClosed",
    "ClientError",
    "Credentials",
    "CredentialsUnavailable",
    "Misconfigured",
    "Operations",
    "Retries",
    "ServiceFault",
    "ServiceUnreachable",
    "Trail",
    "UnreadableAnswer",
    "trail_of",
]
