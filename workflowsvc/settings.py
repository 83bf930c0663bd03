"""What can be set from outside, with its defaults. Law: data only; the command line fills it (cli/)."""

from __future__ import annotations

from msgspec import Struct


class Settings(Struct, frozen=True, kw_only=True):
    """Each field is an option of `workflowsvc dev` and a variable `WORKFLOWSVC_<FIELD>`."""

    #: how long an empty poll is held, in seconds (PollForDecisionTask: "60 seconds")
    poll_seconds: float = 60.0
    #: how many lanes are handled independently of one another
    partitions: int = 16
    #: the region of requests that carry no credential scope
    region: str = "us-east-1"
    #: the account in ARNs
    account: str = "000000000000"
    #: base URL of something that speaks AWS Lambda's Invoke API; "" for none
    lambda_endpoint: str = ""
    #: executions that a coordinator keeps in memory
    cached_executions: int = 20_000
    #: seconds between two looks for expired executions
    retention_seconds: float = 60.0
