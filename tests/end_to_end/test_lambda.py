"""Lambda tasks against a small Invoke endpoint. Law: SWF.md §3.2, §7.11; the names of failures are Lambda's own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from tests.end_to_end import checker
from tests.end_to_end.service import Service
from tests.end_to_end.swf import Swf, complete, decision, refused, until

ROLE = "arn:aws:iam::000000000000:role/swf-lambda"


class Functions(BaseHTTPRequestHandler):
    """`POST /2015-03-31/functions/NAME/invocations`, answering as Lambda does."""

    #: (path, invocation type, body) of every invocation
    seen: ClassVar[list[tuple[str, str, str]]] = []
    release: ClassVar[threading.Event]
    gate: ClassVar[threading.Event]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        self.seen.append((self.path, self.headers["X-Amz-Invocation-Type"], body))
        name = self.path.split("/")[3]
        if name == "hangs":
            self.release.wait(30)
        if name == "gated":
            self.gate.wait(30)
        if name == "cut":
            self.connection.close()
            return
        status, headers, answer = {
            "echo": (200, {}, body),
            "handled": (200, {"X-Amz-Function-Error": "Handled"}, '{"errorMessage":"no"}'),
            "unhandled": (200, {"X-Amz-Function-Error": "Unhandled"}, '{"errorType":"KeyError"}'),
            "throttled": (429, {"x-amzn-errortype": "TooManyRequestsException"}, '{"message":"Rate Exceeded."}'),
            "broken": (502, {}, "<html>bad gateway</html>"),
            "long": (200, {}, json.dumps("x" * 32768)),
        }.get(name, (404, {"x-amzn-errortype": "ResourceNotFoundException:http://x/"}, '{"message":"not found"}'))
        try:
            self.send_response(status)
            for header in headers.items():
                self.send_header(*header)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())
        except ConnectionError:
            pass  # who waited too long has gone

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


class FunctionServer(ThreadingHTTPServer):
    request_queue_size = 128  # of the fifty connections of one batch none is to be refused


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    Functions.release = threading.Event()
    Functions.gate = threading.Event()
    server = FunctionServer(("127.0.0.1", 0), Functions)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Functions.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def lambdas(server: type[Service], endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with server(tmp_path_factory.mktemp("lambdas"), "--lambda-endpoint", endpoint) as service:
        yield service


@pytest.fixture
def swf(lambdas: Service) -> Iterator[Swf]:
    swf = Swf(lambdas.url)
    Functions.seen.clear()
    yield swf
    swf.check_histories()


def call(name: str, **more: Any) -> dict[str, Any]:
    return decision("ScheduleLambdaFunction", id="l", name=name, **more)


def ended(swf: Swf, run: str) -> list[dict[str, Any]]:
    """The events of the one lambda task, once a decision task follows its end."""

    def look() -> list[dict[str, Any]]:
        events = swf.history(run)
        return events[4:] if "Scheduled" in events[-1]["eventType"] and len(events) > 6 else []

    found: list[dict[str, Any]] = until(look)
    return found


def test_a_function_is_invoked_and_its_result_recorded(swf: Swf) -> None:
    """Scheduled with all that was given, Started, Completed with the body; invoked once, for an answer."""
    run = swf.start(lambdaRole=ROLE)
    swf.decide(call("echo", input='{"n":1}', control="c", startToCloseTimeout="30"))
    events = ended(swf, run)
    assert checker.types(events) == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionCompleted",
        "DecisionTaskScheduled",
    ]
    assert checker.attributes(events[0]) == {
        "id": "l",
        "name": "echo",
        "input": '{"n":1}',
        "control": "c",
        "startToCloseTimeout": "30",
        "decisionTaskCompletedEventId": 4,
    }
    assert checker.attributes(events[1]) == {"scheduledEventId": 5}
    assert checker.attributes(events[2]) == {"scheduledEventId": 5, "startedEventId": 6, "result": '{"n":1}'}
    assert Functions.seen == [("/2015-03-31/functions/echo/invocations", "RequestResponse", '{"n":1}')]
    assert swf.describe(run)["openCounts"]["openLambdaFunctions"] == 0
    swf.decide(complete())


def test_no_input_is_an_empty_object(swf: Swf) -> None:
    """ "No input reaches the function as {}"."""
    run = swf.start(lambdaRole=ROLE)
    swf.decide(call("echo"))
    assert checker.attributes(ended(swf, run)[2])["result"] == "{}"
    assert [body for _, _, body in Functions.seen] == ["{}"]


@pytest.mark.parametrize(
    ("name", "reason", "details"),
    [
        ("handled", "Handled", '{"errorMessage":"no"}'),
        ("unhandled", "Unhandled", '{"errorType":"KeyError"}'),
        ("nowhere", "ResourceNotFoundException", "not found"),
        ("throttled", "TooManyRequestsException", "Rate Exceeded."),
        ("broken", None, None),
        ("cut", None, None),
        ("long", None, None),
    ],
)
def test_a_function_fails(swf: Swf, name: str, reason: str | None, details: str | None) -> None:
    """A handler's error by its kind, a refusal of Lambda by its code, anything else by some reason."""
    run = swf.start(lambdaRole=ROLE)
    swf.decide(call(name))
    events = ended(swf, run)
    assert checker.types(events)[1:3] == ["LambdaFunctionStarted", "LambdaFunctionFailed"]
    failed = checker.attributes(events[2])
    assert (failed["scheduledEventId"], failed["startedEventId"]) == (5, 6)
    assert failed["reason"]
    if reason is not None:
        assert (failed["reason"], failed["details"]) == (reason, details)
    swf.decide(complete())


def test_a_function_that_hangs_times_out(swf: Swf) -> None:
    """LambdaFunctionTimedOut START_TO_CLOSE after its time; what it answers later is dropped."""
    run = swf.start(lambdaRole=ROLE)
    swf.decide(call("hangs", startToCloseTimeout="1"))
    events = ended(swf, run)
    assert checker.attributes(events[2]) == {
        "scheduledEventId": 5,
        "startedEventId": 6,
        "timeoutType": "START_TO_CLOSE",
    }
    swf.decide(complete())


def test_the_role_may_be_the_types_default(swf: Swf) -> None:
    """defaultLambdaRole serves where the start gives none."""
    type_ = {"name": "with-role", "version": "1"}
    swf.client.register_workflow_type(
        domain=swf.domain,
        **type_,
        defaultLambdaRole=ROLE,
        defaultChildPolicy="ABANDON",
        defaultTaskList={"name": "deciders"},
        defaultTaskStartToCloseTimeout="60",
        defaultExecutionStartToCloseTimeout="60",
    )
    run = swf.start(workflowType=type_)
    assert checker.attributes(swf.history(run)[0])["lambdaRole"] == ROLE
    swf.decide(call("echo"))
    assert checker.types(ended(swf, run))[2] == "LambdaFunctionCompleted"


def test_without_a_role_nothing_is_invoked(swf: Swf) -> None:
    """StartLambdaFunctionFailed ASSUME_ROLE_FAILED, with AWS's sentence, and a decision task."""
    run = swf.start()
    swf.decide(call("echo"))
    events = ended(swf, run)
    assert checker.types(events) == [
        "LambdaFunctionScheduled",
        "StartLambdaFunctionFailed",
        "DecisionTaskScheduled",
    ]
    assert checker.attributes(events[1]) == {
        "scheduledEventId": 5,
        "cause": "ASSUME_ROLE_FAILED",
        "message": "No IAM role is attached to the current workflow execution.",
    }
    assert Functions.seen == []
    swf.decide(complete())


def test_without_an_endpoint_there_are_no_lambda_tasks(url: str) -> None:
    """LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION, role or not."""
    swf = Swf(url)
    run = swf.start(lambdaRole=ROLE)
    swf.decide(call("echo"))
    events = swf.history(run)[4:]
    assert checker.types(events) == ["ScheduleLambdaFunctionFailed", "DecisionTaskScheduled"]
    assert checker.attributes(events[0]) == {
        "id": "l",
        "name": "echo",
        "cause": "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION",
        "decisionTaskCompletedEventId": 4,
    }
    swf.check_histories()


@pytest.mark.parametrize("timeout", ["0", "901", "-1"])
def test_a_timeout_is_1_to_900_seconds(swf: Swf, timeout: str) -> None:
    """Any other refuses the batch."""
    swf.start(lambdaRole=ROLE)
    task = swf.poll()
    with refused("ValidationException", matching="startToCloseTimeout"):
        swf.respond(task, call("echo", startToCloseTimeout=timeout))
    swf.respond(task, complete())


def test_many_functions_run_at_a_time(swf: Swf) -> None:
    """Fifty in a batch: each is invoked once and completes."""
    run = swf.start(lambdaRole=ROLE)
    swf.decide(*(decision("ScheduleLambdaFunction", id=f"l{n}", name="echo", input=str(n)) for n in range(50)))
    until(lambda: swf.types(run).count("LambdaFunctionCompleted") == 50)
    results = [checker.attributes(e)["result"] for e in swf.history(run) if e["eventType"] == "LambdaFunctionCompleted"]
    assert sorted(map(int, results)) == list(range(50))
    assert len(Functions.seen) == 50


def test_a_closed_execution_hears_no_more(swf: Swf) -> None:
    """What comes back after the close is dropped."""
    run = swf.start(lambdaRole=ROLE)
    swf.decide(call("gated"))
    until(lambda: Functions.seen)
    swf.client.terminate_workflow_execution(domain=swf.domain, workflowId="w")
    Functions.gate.set()
    # a later invocation that has come back says that the earlier one has, too
    later = swf.start("later", lambdaRole=ROLE)
    swf.decide(call("echo"))
    swf.await_event(later, "LambdaFunctionCompleted", "later")
    assert swf.types(run)[-1] == "WorkflowExecutionTerminated"
    assert swf.describe(run)["openCounts"]["openLambdaFunctions"] == 1


def test_a_function_that_runs_does_not_hold_up_the_end(private: Callable[..., Service], endpoint: str) -> None:
    """SIGTERM ends the service at once; the task that was started is not started again, and times out."""
    service = private("--lambda-endpoint", endpoint)
    swf = Swf(service.url)
    Functions.seen.clear()
    run = swf.start(lambdaRole=ROLE)
    swf.decide(call("hangs", startToCloseTimeout="2"))
    until(lambda: Functions.seen)
    since = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - since < 5
    service.start()
    assert swf.await_event(run, "LambdaFunctionTimedOut")["startedEventId"] == 6
    assert len(Functions.seen) == 1
    swf.check_histories()
