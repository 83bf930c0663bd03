"""Generate `workflowsvc/swf`, and the operations of `workers_sdk/client`, from botocore's model of SWF.

Law: shapes and constraints only. The model's prose stays where it is; what the model leaves to its prose
(which characters a name may hold, what a duration looks like) is added by the two tables `PATTERNS` and
`MEMBER_PATTERNS` below, and by nothing else.

usage: python scripts/vocabulary.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from vocabulary_client import client_file
from vocabulary_model import BASE, HEADER, NULL_ENTRIES, Model, constant, load_model, snake

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "workflowsvc" / "swf"
CLIENT = ROOT / "workers_sdk" / "client"

# "must not contain a : (colon), / (slash), | (vertical bar), or any control characters (\u0000-\u001f |
# \u007f-\u009f) ... must not be the literal string arn ... must not start or end with whitespace."
# workflowId takes the colon all the same: the Flow Framework names child executions RUNID:N.
NAME = r"^(?!arn\Z)(?!\s)[^:/|\x00-\x1f\x7f-\x9f]*(?<!\s)\Z"
WORKFLOW_ID = NAME.replace("[^:/|", "[^/|")
SECONDS = r"^[0-9]+\Z"
SECONDS_OR_NONE = r"^([0-9]+|NONE)\Z"
DAYS_TO_90 = r"^(0*([0-9]|[1-8][0-9]|90)|NONE)\Z"
# "Integer.MIN_VALUE (-2147483648) to Integer.MAX_VALUE (2147483647)", spelt digit by digit.
_UP_TO_INT_MAX = (
    "[0-9]{1,9}|1[0-9]{9}|20[0-9]{8}|21[0-3][0-9]{7}|214[0-6][0-9]{6}|2147[0-3][0-9]{5}|21474[0-7][0-9]{4}"
    "|214748[0-2][0-9]{3}|2147483[0-5][0-9]{2}|21474836[0-3][0-9]|214748364[0-7]"
)
INT32 = rf"^([+-]?0*({_UP_TO_INT_MAX})|-0*2147483648)\Z"

PATTERNS = {
    "ActivityId": NAME,
    "DomainName": NAME,
    "DurationInDays": DAYS_TO_90,
    "DurationInSeconds": SECONDS_OR_NONE,
    "DurationInSecondsOptional": SECONDS_OR_NONE,
    "Name": NAME,
    "TaskPriority": INT32,
    "TimerId": NAME,
    "Version": NAME,
    "WorkflowId": WORKFLOW_ID,
}
MEMBER_PATTERNS = {("StartTimerDecisionAttributes", "startToFireTimeout"): SECONDS}

# The service prints the members of this enum in an order of its own, not the model's.
ENUM_ORDER = {
    "DecisionType": [
        "CompleteWorkflowExecution",
        "StartTimer",
        "RequestCancelExternalWorkflowExecution",
        "SignalExternalWorkflowExecution",
        "CancelTimer",
        "RecordMarker",
        "ScheduleActivityTask",
        "ContinueAsNewWorkflowExecution",
        "ScheduleLambdaFunction",
        "FailWorkflowExecution",
        "RequestCancelActivityTask",
        "StartChildWorkflowExecution",
        "CancelWorkflowExecution",
    ],
}


def meta(shape: dict[str, Any], pattern: str | None) -> str:
    args = []
    if shape["type"] in ("string", "list"):
        args += [f"min_length={shape['min']}"] if shape.get("min") else []
        args += [f"max_length={shape['max']}"] if "max" in shape else []
    elif shape["type"] in ("integer", "long"):
        args += [f"ge={shape['min']}"] if "min" in shape else []
        args += [f"le={shape['max']}"] if "max" in shape else []
    args += [f"pattern=r{pattern!r}".replace("\\\\", "\\")] if pattern else []
    return ", ".join(args)


def alias(model: Model, name: str) -> str:
    shape = model.shapes[name]
    base = BASE.get(shape["type"], "")
    if shape["type"] == "list":
        base = f"list[{shape['member']['shape']}{' | None' if name in NULL_ENTRIES else ''}]"
    constraints = meta(shape, PATTERNS.get(name))
    return f"{name} = Annotated[{base}, Meta({constraints})]" if constraints else f"{name} = {base}"


def enum(model: Model, name: str) -> str:
    values = model.shapes[name]["enum"]
    ordered = ENUM_ORDER.get(name, values)
    if set(ordered) != set(values):
        raise ValueError(f"ENUM_ORDER of {name} is not the model's set")
    return "\n".join([f"class {name}(StrEnum):", *(f'    {constant(v)} = "{v}"' for v in ordered)])


def structure(model: Model, name: str) -> str:
    shape = model.shapes[name]
    required = set(shape.get("required", []))
    lines = [f"class {name}(Shape, frozen=True, kw_only=True):"]
    for wire in sorted(shape["members"]):
        kind = shape["members"][wire]["shape"]
        if pattern := MEMBER_PATTERNS.get((name, wire)):
            base = model.shapes[kind]
            kind = f"Annotated[{BASE[base['type']]}, Meta({meta(base, pattern)})]"
        suffix = "" if wire in required else " | None = None"
        lines.append(f"    {snake(wire)}: {kind}{suffix}")
    return "\n".join(lines if len(lines) > 1 else [*lines, "    pass"])


def shapes_file(model: Model) -> str:
    scalars = [
        n
        for kind in ("string", "integer", "long", "boolean", "timestamp")
        for n in model.of(kind)
        if "enum" not in model.shapes[n]
    ]
    lists = model.of("list")
    head = HEADER.format(law="Every scalar, enum, list and structure of SWF's wire, faults excepted. Data only.")
    head += "from enum import StrEnum\nfrom typing import Annotated\n\nfrom msgspec import Meta, Struct\n\n"
    base = (
        '\nclass Shape(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):\n'
        '    """A structure of the wire. Absent and null are None; zeros and empty strings are values."""\n'
    )
    parts = ["\n".join(alias(model, n) for n in sorted(scalars))]
    parts += [enum(model, n) for n in model.enums()]
    placed: list[str] = []
    waiting = {n: model.shapes[n]["member"]["shape"] for n in lists}
    structs = model.structures()
    for n, member in list(waiting.items()):
        if member not in structs:
            placed.append(alias(model, n))
            del waiting[n]
    parts += ["\n".join(placed)]
    for name in structs:
        parts.append(structure(model, name))
        parts += [alias(model, n) for n, member in waiting.items() if member == name]
    return head + base + "\n\n" + "\n\n\n".join(parts) + "\n"


def table(name: str, kind: str, rows: list[str]) -> str:
    return f"{name}: Final[{kind}] = {{\n" + "".join(f"    {r},\n" for r in rows) + "}\n"


def events_file(model: Model) -> str:
    rows = model.attributes("HistoryEvent", "EventAttributes")
    head = HEADER.format(law="The 54 event types: which attributes belong to which type and member. Data only.")
    head += (
        "from collections.abc import Mapping\nfrom typing import Final, NamedTuple\n\n"
        "from workflowsvc.swf import shapes\nfrom workflowsvc.swf.shapes import EventType\n\n\n"
        "class EventShape(NamedTuple):\n"
        "    type: EventType\n"
        "    #: the member of HistoryEvent that holds the attributes: in Python, and on the wire\n"
        "    member: str\n"
        "    wire: str\n\n\n"
        "Attributes = (\n    " + "\n    | ".join(f"shapes.{s}" for _, _, s in rows) + "\n)\n\n"
    )
    lines = [f'shapes.{s}: EventShape(EventType.{constant(t)}, "{snake(w)}", "{w}")' for t, w, s in rows]
    return head + table("EVENTS", "Mapping[type[shapes.Shape], EventShape]", lines)


def decisions_file(model: Model) -> str:
    rows = model.attributes("Decision", "DecisionAttributes")
    head = HEADER.format(law="The 13 decisions: which attributes belong to which type and member. Data only.")
    head += (
        "from collections.abc import Mapping\nfrom typing import Final, NamedTuple\n\n"
        "from workflowsvc.swf import shapes\nfrom workflowsvc.swf.shapes import DecisionType\n\n\n"
        "class DecisionShape(NamedTuple):\n"
        "    attributes: type[shapes.Shape]\n"
        "    #: the member of Decision that holds the attributes: in Python, and on the wire\n"
        "    member: str\n"
        "    wire: str\n\n\n"
    )
    lines = [f'DecisionType.{constant(t)}: DecisionShape(shapes.{s}, "{snake(w)}", "{w}")' for t, w, s in rows]
    return head + table("DECISIONS", "Mapping[DecisionType, DecisionShape]", lines)


def operations_file(model: Model) -> str:
    head = HEADER.format(law="The 39 operations: input, output and the faults that each may answer. Data only.")
    head += (
        "from collections.abc import Mapping\nfrom typing import Final, NamedTuple\n\n"
        "from workflowsvc.swf import faults, shapes\n\n\n"
        "class Operation(NamedTuple):\n"
        "    name: str\n"
        "    input: type[shapes.Shape]\n"
        "    #: None: the answer has an empty body\n"
        "    output: type[shapes.Shape] | None\n"
        "    faults: tuple[type[faults.ModelledFault], ...]\n\n\n"
    )
    lines = []
    for name, op in sorted(model.operations.items()):
        output = f"shapes.{op['output']['shape']}" if op.get("output") else "None"
        raised = ", ".join(f"faults.{e['shape']}" for e in op.get("errors", []))
        lines.append(f'"{name}": Operation("{name}", shapes.{op["input"]["shape"]}, {output}, ({raised},))')
    return head + table("OPERATIONS", "Mapping[str, Operation]", lines)


def faults_file(model: Model) -> str:
    head = HEADER.format(law="The 11 faults that the model names. Data only.")
    head += "from workflowsvc.swf.errors import Fault\n\n\n"
    head += 'class ModelledFault(Fault):\n    """A fault that the service model declares: HTTP 400."""\n\n'
    head += '    namespace = "com.amazonaws.swf.base.model"\n\n\n'
    return head + "\n\n\n".join(f"class {n}(ModelledFault):\n    pass" for n in model.faults()) + "\n"


def render() -> dict[Path, str]:
    model = Model(load_model())
    return {
        PACKAGE / "shapes.py": shapes_file(model),
        PACKAGE / "events.py": events_file(model),
        PACKAGE / "decisions.py": decisions_file(model),
        PACKAGE / "operations.py": operations_file(model),
        PACKAGE / "faults.py": faults_file(model),
        CLIENT / "operations.py": client_file(model, blocking=False),
        CLIENT / "blocking_operations.py": client_file(model, blocking=True),
    }


def main() -> int:
    stale = [path for path, text in render().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path}: not what the model gives; run make vocabulary")
        return 1 if stale else 0
    for path, text in render().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
