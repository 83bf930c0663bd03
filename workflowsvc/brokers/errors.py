"""What a broker may say at the start. Law: types only."""

from __future__ import annotations


class BrokerRefused(Exception):
    """The broker answers and cannot be used: the sentence says which object, argument or credential is to blame."""
