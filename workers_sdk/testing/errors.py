"""What cannot be tested, as exceptions.

Law: each says what to do.
"""

from __future__ import annotations


class ServiceNotStarted(RuntimeError):
    """The service's process did not get ready; what it said on standard error is in the message."""


class TimeIsReal(RuntimeError):
    """The service at this address does not skip time: it was started without `--time-skipping`."""


class UnusableHistory(ValueError):
    """What was given is no history of an execution from its beginning, without gaps."""


class UnknownWorkflow(LookupError):
    """The history's workflow type is not among those that the Replayer has."""
