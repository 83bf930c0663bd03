"""AWS JSON 1.0, seen from the client: requests as bytes, answers as shapes and faults.

Law: nothing is sent or awaited here. What an operation takes and answers is asked of the generated table.

Answers are decoded in C by the generated types, constraints included, which is right for nearly all; what these refuse
is read again without them (lenient.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from workers_sdk.client import lenient
from workers_sdk.client.errors import ServiceFault, UnreadableAnswer
from workflowsvc.swf import errors
from workflowsvc.swf.errors import Fault
from workflowsvc.swf.faults import ModelledFault
from workflowsvc.swf.members import wire_name
from workflowsvc.swf.operations import OPERATIONS, Operation
from workflowsvc.swf.shapes import ActivityTask, PollForActivityTaskInput, PollForDecisionTaskInput, Shape

_SERVICE: Final = "SimpleWorkflowService"
#: What decoders of msgspec raise: bad JSON or a broken constraint, bad UTF-8, nesting without end.
_UNDECODABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_TASK_TOKEN: Final = wire_name(ActivityTask, "task_token")

encode: Final[Callable[[Shape], bytes]] = msgspec.json.Encoder().encode


class Exchange(NamedTuple):
    """One operation, as the client sees it."""

    target: str
    #: whether it is held until there is a task
    poll: bool
    #: the body of a success as the output shape: None for no output, and for a poll that nothing came of
    read: Callable[[bytes], Any]


def _exchange(operation: Operation) -> Exchange:
    poll = operation.input in (PollForActivityTaskInput, PollForDecisionTaskInput)
    return Exchange(f"{_SERVICE}.{operation.name}", poll, _reader(operation, poll=poll))


def _reader(operation: Operation, *, poll: bool) -> Callable[[bytes], Any]:
    shape = operation.output
    if shape is None:
        return lambda body: None
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(shape).decode

    def read(body: bytes) -> Any:
        try:
            return decode(body)
        except _UNDECODABLE:
            return _read_slowly(operation.name, shape, body, poll=poll)

    return read


def _read_slowly(name: str, shape: type[Shape], body: bytes, *, poll: bool) -> Any:
    try:
        value = _decode_object(body)
        # An empty poll has no token, or, as its documentation has it, an empty one (SWF.md §1.4).
        if poll and not value.get(_TASK_TOKEN):
            return None
        return lenient.read(shape, value)
    except (*_UNDECODABLE, lenient.Unreadable) as error:
        raise UnreadableAnswer(f"the answer to {name} is not one of SWF: {error}") from error


EXCHANGES: Final[Mapping[str, Exchange]] = {name: _exchange(operation) for name, operation in OPERATIONS.items()}


# ---- what is not a success -------------------------------------------------------------------------------------

_FAULTS: Final[Mapping[str, type[Fault]]] = {
    kind.__name__: kind
    for kind in (
        *ModelledFault.__subclasses__(),
        errors.ValidationException,
        errors.SerializationException,
        errors.UnknownOperationException,
        errors.RequestEntityTooLargeException,
        errors.ThrottlingException,
        errors.InternalFailure,
        errors.ServiceUnavailableException,
    )
}


class _Refusal(msgspec.Struct):
    """ "`{"__type":"<namespace>#<Code>","message":"..."}`; some Coral errors use `Message`" (SWF.md §1.1)."""

    type: str | None = msgspec.field(default=None, name="__type")
    message: str | None = None
    coral: str | None = msgspec.field(default=None, name="Message")


_decode_refusal: Final = msgspec.json.Decoder(_Refusal).decode


def fault_of(status: int, body: bytes) -> Fault:
    """The exception that says what an answer other than 2xx says. One without a code is called by its status."""
    try:
        refusal = _decode_refusal(body)
    except _UNDECODABLE:
        refusal = _Refusal()
    code = (refusal.type or "").rpartition("#")[2]
    message = refusal.message if refusal.message is not None else refusal.coral
    known = _FAULTS.get(code)
    return known(message) if known else ServiceFault(code or f"Http{status}", message, status)
