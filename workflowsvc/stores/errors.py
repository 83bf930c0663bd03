"""Why a store does not open. Law: one sentence, fit for the command line to print as it is."""

from __future__ import annotations


class StoreRefused(Exception):
    """The store cannot be used as it stands, and trying again will not help."""
