"""What goes wrong in a call, as exceptions.

Law: an answer that says no is a Fault, raised as the class that bears its wire code; everything for which SWF gave no
answer that can be read is a ClientError. Nothing of aiohttp, botocore or msgspec comes out of a client: theirs is the
`__cause__` of ours.

    Fault                             workflowsvc.swf.errors: SWF said no
     +-- ModelledFault                workflowsvc.swf.faults: the eleven that operations declare
     |    +-- UnknownResourceFault · WorkflowExecutionAlreadyStartedFault · TypeAlreadyExistsFault · ...
     +-- ValidationException · SerializationException · UnknownOperationException
     +-- RequestEntityTooLargeException
     +-- ThrottlingException · InternalFailure · ServiceUnavailableException     raised after repeating in vain
     +-- ServiceFault                 any other code: of access control, of something between here and SWF
    ClientError
     +-- ServiceUnreachable           no answer, however often asked; also a ConnectionError
     +-- UnreadableAnswer             a success whose body is not what the operation answers
     +-- Misconfigured                endpoint, region or domain is missing or wrong; also a ValueError
     +-- CredentialsUnavailable       the credential chain failed, or found none where AWS wants them
     +-- ClientClosed                 used outside its `with` block
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from workflowsvc.swf.errors import Fault


class ServiceFault(Fault):
    """SWF, or what stands before it, said no with a code that SWF's model does not have."""

    namespace: ClassVar[str] = ""

    def __init__(self, code: str, message: str | None, status: int) -> None:
        super().__init__(message)
        self._code = code
        self.status = status  # type: ignore[misc]  # of all the others the class knows it

    @property
    def code(self) -> str:
        """The code on the wire."""
        return self._code

    def __str__(self) -> str:
        return f"{self._code} (HTTP {self.status})" + (f": {self.message}" if self.message else "")


class ClientError(Exception):
    """A call came to nothing before SWF gave an answer that can be read."""


class ServiceUnreachable(ClientError, ConnectionError):
    """No answer, however often asked. Whether the action took place: `trail_of(error).in_doubt`."""


class UnreadableAnswer(ClientError):
    """A success whose body is not what the operation answers: not SWF, or an SWF that knows more than this library."""


class Misconfigured(ClientError, ValueError):
    """The client lacks what the call needs, or was given what it cannot use."""


class CredentialsUnavailable(ClientError):
    """The credential chain failed, or found nothing where AWS itself is asked."""


class ClientClosed(ClientError, RuntimeError):
    """The client is used outside its `with` block."""


class Trail(NamedTuple):
    """What it took to come to an error."""

    #: how often the service was asked, the last time included
    attempts: int = 1
    #: whether one of these times the action may have taken place without an answer to tell
    in_doubt: bool = False


def trail_of(error: BaseException) -> Trail:
    """How often was asked before *error* was raised, and whether the action may have taken place all the same.

    A start that says WorkflowExecutionAlreadyStartedFault, or a Respond* that says UnknownResourceFault, *in doubt*,
    may be the echo of its own first attempt.
    """
    trail = getattr(error, "trail", None)
    return trail if isinstance(trail, Trail) else Trail()


def with_trail(error: Fault | ClientError, trail: Trail) -> Fault | ClientError:
    """The error, which now has *trail*, and says so in its traceback if there is something to say."""
    error.__dict__["trail"] = trail
    if trail.attempts > 1:
        doubt = "; one of them may have taken effect" if trail.in_doubt else ""
        error.add_note(f"asked {trail.attempts} times{doubt}")
    return error
