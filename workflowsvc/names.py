"""How the service writes its own names: region-scoped domains, lanes, action ids, run ids, ARNs.

Law: pure functions of their arguments; whoever needs randomness or time brings it.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache

#: Names may not hold a slash (RegisterDomain.name), so the first one ends the region.
_SEPARATOR = "/"


def scoped(region: str, domain: str) -> str:
    """The key of a domain everywhere behind the gateway: the same name in two regions is two domains."""
    return region + _SEPARATOR + domain


def region_of(domain_key: str) -> str:
    return domain_key.partition(_SEPARATOR)[0]


def bare(domain_key: str) -> str:
    """The domain's name as its user wrote it."""
    return domain_key.partition(_SEPARATOR)[2]


def domain_arn(domain_key: str, account: str) -> str:
    """`arn:aws:swf:REGION:ACCOUNT:/domain/NAME` (DomainInfo.arn)."""
    return f"arn:aws:swf:{region_of(domain_key)}:{account}:/domain/{bare(domain_key)}"


@lru_cache(maxsize=8192)
def lane_of(domain_key: str, workflow_id: str = "") -> int:
    """What is handled one after the other: all runs of one workflow id share a lane (an unsigned 32-bit number).

    Two workflow ids that fall on one lane only wait for each other.
    """
    return zlib.crc32(f"{domain_key}:{workflow_id}".encode())


def partition_of(lane: int, partitions: int) -> int:
    return lane % partitions


def action_id(at: int, entropy: bytes) -> str:
    """32 hexadecimal digits that sort by time: 48 bits of milliseconds, then ten bytes of *entropy*."""
    return f"{at:012x}{entropy.hex()}"


def run_id(of_action: str) -> str:
    """A function of the action that created it, so that a redelivered start finds what it made the first time."""
    return f"22{of_action}="


def derived_id(at: int, *cause: object) -> str:
    """The action id of something that a run itself caused: the same cause always gives the same id."""
    digest = hashlib.sha256("\0".join(map(str, cause)).encode()).digest()
    return action_id(at, digest[:10])


def child_action_id(parent_run_id: str, initiated_event_id: int, initiated_at: int) -> str:
    """The action that starts a child: its run id follows from it, so that a repeat finds the run it made."""
    return derived_id(initiated_at, parent_run_id, initiated_event_id, "child")


def successor_action_id(run_id: str, closed_at: int) -> str:
    """The action that starts the run which continues another, likewise."""
    return derived_id(closed_at, run_id, "continued")
