"""The client's operations, asynchronous and blocking, as Python.

Law: one text with two outputs; the blocking one is the asynchronous one without its `async` and `await`. What the
model cannot give, a line on what each operation does and a name for each iterator, is in the two tables below.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

from vocabulary_model import BASE, HEADER, NULL_ENTRIES, Model, snake

SENTENCES = {
    "CountClosedWorkflowExecutions": "How many closed executions there are of those that the filters name.",
    "CountOpenWorkflowExecutions": "How many open executions there are of those that the filters name.",
    "CountPendingActivityTasks": "How many activity tasks wait in a task list; an estimate.",
    "CountPendingDecisionTasks": "How many decision tasks wait in a task list; an estimate.",
    "DeleteActivityType": "Delete a deprecated activity type.",
    "DeleteWorkflowType": "Delete a deprecated workflow type.",
    "DeprecateActivityType": "Let no new tasks of an activity type be scheduled.",
    "DeprecateDomain": "Let no new executions or types come into a domain.",
    "DeprecateWorkflowType": "Let no new executions of a workflow type be started.",
    "DescribeActivityType": "An activity type: its status and its defaults.",
    "DescribeDomain": "A domain: its status and its retention.",
    "DescribeWorkflowExecution": "An execution: its status, its settings, what is open in it.",
    "DescribeWorkflowType": "A workflow type: its status and its defaults.",
    "GetWorkflowExecutionHistory": "One page of an execution's history; `history` has all of it.",
    "ListActivityTypes": "One page of a domain's activity types; `each_activity_type` has all of them.",
    "ListClosedWorkflowExecutions": "One page of closed executions; `each_closed_workflow_execution` has all of them.",
    "ListDomains": "One page of the domains; `each_domain` has all of them.",
    "ListOpenWorkflowExecutions": "One page of open executions; `each_open_workflow_execution` has all of them.",
    "ListTagsForResource": "The tags of a domain.",
    "ListWorkflowTypes": "One page of a domain's workflow types; `each_workflow_type` has all of them.",
    "PollForActivityTask": "Wait for an activity task, a minute at most; None: there was none.",
    "PollForDecisionTask": "Wait for a decision task, a minute at most; None: there was none.",
    "RecordActivityTaskHeartbeat": "Say that a task is being worked on, and hear whether it is to be canceled.",
    "RegisterActivityType": "Register an activity type with its defaults.",
    "RegisterDomain": "Register a domain.",
    "RegisterWorkflowType": "Register a workflow type with its defaults.",
    "RequestCancelWorkflowExecution": "Ask an open execution to cancel itself.",
    "RespondActivityTaskCanceled": "Report that an activity task was canceled.",
    "RespondActivityTaskCompleted": "Report the result of an activity task.",
    "RespondActivityTaskFailed": "Report that an activity task failed.",
    "RespondDecisionTaskCompleted": "Answer a decision task with decisions.",
    "SignalWorkflowExecution": "Signal an open execution.",
    "StartWorkflowExecution": "Start an execution.",
    "TagResource": "Add tags to a domain.",
    "TerminateWorkflowExecution": "Close an open execution at once.",
    "UndeprecateActivityType": "Undo DeprecateActivityType.",
    "UndeprecateDomain": "Undo DeprecateDomain.",
    "UndeprecateWorkflowType": "Undo DeprecateWorkflowType.",
    "UntagResource": "Take tags from a domain.",
}

# Named after one of what they give. The history is named by its execution, which every caller has in two parts.
ITERATORS = {
    "ListActivityTypes": "each_activity_type",
    "ListClosedWorkflowExecutions": "each_closed_workflow_execution",
    "ListDomains": "each_domain",
    "ListOpenWorkflowExecutions": "each_open_workflow_execution",
    "ListWorkflowTypes": "each_workflow_type",
}

PAGE = "nextPageToken"

TOP = '''from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Any

from workflowsvc.swf import shapes


class Operations(ABC):
    """All operations, as methods of their names; their members, as keywords.

    A *domain* of None is the client's, an *identity* of None likewise. An iterator asks for a page when the one before
    is used up; *maximum_page_size* is the length of one, and bounds nothing else.
    """

    identity: str

    @property
    @abstractmethod
    def domain(self) -> str:
        """The domain of calls that do not name one. Raises Misconfigured if there is none."""

    @abstractmethod
    async def call(
        self,
        operation: str,
        request: shapes.Shape,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Any:
        """Any operation, by its name on the wire."""
'''

HISTORY = '''
    async def history(
        self,
        workflow_id: str,
        run_id: str,
        *,
        reverse_order: bool | None = None,
        maximum_page_size: int | None = None,
        domain: str | None = None,
    ) -> AsyncIterator[shapes.HistoryEvent]:
        """Every event of an execution's history, page by page, as `get_workflow_execution_history`."""
        next_page_token: str | None = None
        while True:
            page = await self.get_workflow_execution_history(
                execution=shapes.WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
                reverse_order=reverse_order,
                maximum_page_size=maximum_page_size,
                next_page_token=next_page_token,
                domain=domain,
            )
            for event in page.events:
                yield event
            next_page_token = page.next_page_token
            if not next_page_token:
                return
'''

BLOCKING = [
    ("AsyncIterator", "Iterator"),
    ("async def ", "def "),
    ("await ", ""),
    ("class Operations", "class BlockingOperations"),
    ("  # noqa: ASYNC109", ""),
    (r"for (\w+) in ([\w.]+):\n +yield \1\n", r"yield from \2\n"),
]


class Member:
    """A member of an operation's input, as a parameter and as an argument of the shape."""

    def __init__(self, model: Model, wire: str, shape: str, *, required: bool) -> None:
        self.wire = wire
        self.name = snake(wire)
        self.inherited = self.name in {"domain", "identity"}
        self.optional = self.inherited or not required
        self._list = model.shapes[shape]["type"] == "list"
        self._type = python_type(model, shape)

    def parameter(self) -> str:
        return f"{self.name}: {self._type}{' | None = None' if self.optional else ''}"

    def argument(self) -> str:
        if self.inherited:
            return f"{self.name}=self.{self.name} if {self.name} is None else {self.name}"
        if self._list:
            return f"{self.name}={f'None if {self.name} is None else ' if self.optional else ''}list({self.name})"
        return f"{self.name}={self.name}"


def python_type(model: Model, name: str) -> str:
    shape = model.shapes[name]
    if shape["type"] == "list":
        return f"Sequence[{python_type(model, shape['member']['shape'])}{' | None' if name in NULL_ENTRIES else ''}]"
    return BASE[shape["type"]] if shape["type"] in BASE and "enum" not in shape else f"shapes.{name}"


def members(model: Model, operation: dict[str, Any]) -> list[Member]:
    """Those that must be given first; the domain, which the client has, last."""
    shape = model.shapes[operation["input"]["shape"]]
    required = shape.get("required", [])
    found = [Member(model, wire, m["shape"], required=wire in required) for wire, m in shape["members"].items()]
    return sorted(found, key=lambda member: (member.optional, member.name == "domain"))


def lines(indent: int, rows: list[str]) -> str:
    return "".join(f"{' ' * indent}{row},\n" for row in rows)


def signature(name: str, parameters: list[str], returns: str) -> str:
    return f"\n    async def {name}(\n{lines(8, ['self', '*', *parameters])}    ) -> {returns}:\n"


def method(model: Model, name: str) -> str:
    operation = model.operations[name]
    output = operation.get("output")
    answer = f"shapes.{output['shape']}" if output else "None"
    returns = f"{answer} | None" if name.startswith("PollFor") else answer
    faults = textwrap.fill(
        f"Raises {', '.join(fault['shape'] for fault in operation['errors'])}.",
        width=120,
        initial_indent=" " * 8,
        subsequent_indent=" " * 8,
    )
    asked = members(model, operation)
    call = f'await self.call("{name}", request)'
    return (
        signature(method_name(name), [member.parameter() for member in asked], returns)
        + f'        """{SENTENCES[name]}\n\n{faults}\n\n        AWS: API_{name}.\n        """\n'
        + f"        request = shapes.{operation['input']['shape']}(\n"
        + lines(12, [member.argument() for member in asked])
        + "        )\n"
        + (f"        answer: {returns} = {call}\n        return answer\n" if output else f"        {call}\n")
    )


def iterator(model: Model, name: str) -> str:
    operation = model.operations[name]
    asked = [member for member in members(model, operation) if member.wire != PAGE]
    output = model.shapes[operation["output"]["shape"]]["members"]
    wire = next(wire for wire in output if wire != PAGE)
    item = python_type(model, model.shapes[output[wire]["shape"]]["member"]["shape"])
    arguments = [f"{member.name}={member.name}" for member in asked] + ["next_page_token=next_page_token"]
    return (
        signature(ITERATORS[name], [member.parameter() for member in asked], f"AsyncIterator[{item}]")
        + f'        """All that `{method_name(name)}` has, page by page."""\n'
        + "        next_page_token: str | None = None\n        while True:\n"
        + f"            page = await self.{method_name(name)}(\n{lines(16, arguments)}            )\n"
        + f"            for item in page.{snake(wire)}:\n                yield item\n"
        + "            next_page_token = page.next_page_token\n"
        + "            if not next_page_token:\n                return\n"
    )


def method_name(operation: str) -> str:
    return snake(operation[0].lower() + operation[1:])


def client_file(model: Model, *, blocking: bool) -> str:
    law = "Every operation of SWF as a typed method, and an iterator for each that has pages. Nothing is decided here."
    text = TOP + "".join(method(model, name) for name in sorted(model.operations))
    text += "".join(iterator(model, name) for name in ITERATORS) + HISTORY
    for theirs, ours in BLOCKING if blocking else ():
        text = re.sub(theirs, ours, text)
    return HEADER.format(law=law) + text
