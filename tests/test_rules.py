"""The rules of the house that a program can check: who imports whom, and that no wire name was typed by hand.

Law: nothing here knows what the service does; botocore's model of SWF is the only reference.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
import botocore.model
import pytest

from workflowsvc.swf import faults, shapes
from workflowsvc.swf.decisions import DECISIONS
from workflowsvc.swf.events import EVENTS
from workflowsvc.swf.operations import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

COMMANDS = {
    "the rooms import only what they may": [BIN / "lint-imports", "--no-cache"],
    "the vocabulary is what the installed model gives": [sys.executable, "scripts/vocabulary.py", "--check"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_the_command_finds_nothing(command: list[str]) -> None:
    """It exits with 0; otherwise its output says what is wrong."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def model() -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("swf", "service-2", "2012-01-25"))


def test_every_operation_is_in_the_table(model: botocore.model.ServiceModel) -> None:
    """All 39, each with the input, the output and the faults that the model gives it."""
    assert len(OPERATIONS) == 39
    assert set(OPERATIONS) == set(model.operation_names)
    for name, ours in OPERATIONS.items():
        theirs = model.operation_model(name)
        assert ours.input.__name__ == theirs.input_shape.name
        assert (ours.output and ours.output.__name__) == (theirs.output_shape and theirs.output_shape.name)
        assert {fault.__name__ for fault in ours.faults} == {shape.name for shape in theirs.error_shapes}


def test_every_fault_is_a_class(model: botocore.model.ServiceModel) -> None:
    """All that the operations name, under the names that SDKs make exceptions of."""
    wanted = {shape.name for shape in model.error_shapes}
    assert wanted == {one.__name__ for one in faults.ModelledFault.__subclasses__()}
    assert wanted == {one().code for one in faults.ModelledFault.__subclasses__()}


def test_every_event_type_has_its_attributes(model: botocore.model.ServiceModel) -> None:
    """All 54, each with the struct and the member of HistoryEvent that bear its name."""
    members = model.shape_for("HistoryEvent").members
    assert {event.type.value for event in EVENTS.values()} == set(model.shape_for("EventType").enum)
    for struct, event in EVENTS.items():
        assert members[event.wire].name == struct.__name__ == f"{event.type.value}EventAttributes"


def test_every_decision_type_has_its_attributes(model: botocore.model.ServiceModel) -> None:
    """All 13, each with the struct and the member of Decision that bear its name."""
    members = model.shape_for("Decision").members
    assert {kind.value for kind in DECISIONS} == set(model.shape_for("DecisionType").enum)
    for kind, decision in DECISIONS.items():
        wire = kind.value[0].lower() + kind.value[1:] + "DecisionAttributes"
        assert members[wire].name == decision.attributes.__name__
        assert issubclass(decision.attributes, shapes.Shape)


def _strings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_no_wire_name_is_typed_by_hand(model: botocore.model.ServiceModel) -> None:
    """Outside the generated vocabulary no string is a name of the model (of one word, it may be one by chance)."""
    shapes_of_model = [model.shape_for(name) for name in model.shape_names]
    names = {*model.operation_names, *model.shape_names}
    for shape in shapes_of_model:
        names |= {*getattr(shape, "members", ()), *getattr(shape, "enum", ())}
    compound = {name for name in names if "_" in name or any(letter.isupper() for letter in name[1:].strip("_"))}
    compound -= {name for name in names if name.isupper() and "_" not in name}
    ours = [path for room in ("workflowsvc", "coordinator", "gateway", "cli") for path in (ROOT / room).rglob("*.py")]
    typed = [
        f"{path.relative_to(ROOT)}:{line} {text}"
        for path in ours
        if path.parent.name != "swf"
        for line, text in _strings(path)
        if text in compound
    ]
    assert typed == []
