"""Every answer that is not a success, as an exception that carries its wire form.

Law: a fault is raised deep and written out once (gateway/wire). The eleven that the service model declares are
generated (faults.py); here are their root and the common ones that every AWS JSON service shares, which the
model does not name (API reference, "Common Errors").
"""

from __future__ import annotations

from typing import ClassVar, Self


class Fault(Exception):
    """An answer of the service that says no: its code, its namespace, its HTTP status, its message."""

    namespace: ClassVar[str]
    status: ClassVar[int] = 400
    #: The member that carries the text: Coral's own errors differ from the modelled ones.
    message_member: ClassVar[str] = "message"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "")
        self.message = message

    @property
    def code(self) -> str:
        return type(self).__name__


class ValidationException(Fault):
    """The request breaks a constraint; nothing was changed."""

    namespace = "com.amazon.coral.validate"

    @classmethod
    def of(cls, *violations: str) -> Self:
        """The form in which broken constraints are counted; each violation as `violation` words it."""
        errors = "error" if len(violations) == 1 else "errors"
        return cls(f"{len(violations)} validation {errors} detected: {'; '.join(violations)}")


def violation(shown: str, path: str, rule: str) -> str:
    """One broken constraint: *shown* is the value in quotes, or bare null."""
    return f"Value {shown} at '{path}' failed to satisfy constraint: {rule}"


class SerializationException(Fault):
    """The body is not JSON, or a member has the wrong JSON type."""

    namespace = "com.amazon.coral.service"
    message_member = "Message"


class UnknownOperationException(Fault):
    """No operation of that name, or none named."""

    namespace = "com.amazon.coral.service"


class RequestEntityTooLargeException(Fault):
    """The request, headers included, is over 1 MB."""

    namespace = "com.amazon.coral.service"
    status = 413


class ThrottlingException(Fault):
    """Too many requests; SDKs retry by this code."""

    namespace = "com.amazon.coral.availability"


class InternalFailure(Fault):
    """The service failed; whether the action took place is unknown. SDKs retry any 5xx."""

    namespace = "com.amazon.coral.service"
    status = 500


class ServiceUnavailableException(Fault):
    """The store or the broker is away; nothing was promised. SDKs retry any 5xx."""

    namespace = "com.amazon.coral.service"
    status = 503
