"""What can be set from outside, with its defaults. Law: data only; the command line fills it (cli/)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class Settings(Struct, frozen=True, kw_only=True):
    """Each field is an option of `workflowsvc dev` and a variable `WORKFLOWSVC_<FIELD>`."""

    #: how long an empty poll is held, in seconds (PollForDecisionTask: "60 seconds")
    poll_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    #: how many lanes are handled independently of one another
    partitions: Annotated[int, Meta(ge=1, le=4096)] = 4
    #: the region of requests that carry no credential scope
    region: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,32}\Z")] = "us-east-1"
    #: the account in ARNs
    account: Annotated[str, Meta(pattern=r"^[0-9]{12}\Z")] = "000000000000"
    #: base URL of something that speaks AWS Lambda's Invoke API; "" for none
    lambda_endpoint: Annotated[str, Meta(pattern=r"^(https?://[^\s/]+\S*)?\Z")] = ""
    #: executions that a coordinator keeps in memory
    cached_executions: Annotated[int, Meta(ge=1)] = 20_000
    #: megabytes of their inputs and histories that it keeps at most
    cached_megabytes: Annotated[int, Meta(ge=1)] = 256
    #: seconds between two looks for expired executions
    retention_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    #: AWS's quotas per account (SWF Developer Guide, swf-dg-limits); 0 for none. Domains, deprecated ones too
    quota_domains: Annotated[int, Meta(ge=0)] = 0
    #: workflow types of a domain, and activity types, deprecated ones too
    quota_types: Annotated[int, Meta(ge=0)] = 0
    #: open executions of a domain, children too
    quota_open_executions: Annotated[int, Meta(ge=0)] = 0
    #: pollers of a task list
    quota_pollers: Annotated[int, Meta(ge=0)] = 0
    #: how often requests and decisions may come: 1 for AWS's rates, a fraction or a multiple of them
    quota_rates: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
