"""What a member of a structure is called on the wire. Law: asked of the generated shapes, never spelt."""

from __future__ import annotations

import msgspec

from workflowsvc.swf.shapes import Shape


def wire_name(shape: type[Shape], member: str) -> str:
    return next(field.encode_name for field in msgspec.structs.fields(shape) if field.name == member)
