"""The pictures of RabbitMQ's management UI in docs/operations.md, taken anew: `python scripts/screenshots`.

Law: each run makes the same scene, on servers of its own, and leaves nothing but the pictures in docs/images. It needs
what the project does not: in an environment of its own `pip install boto3 pillow playwright`, and Debian's
`chromium`; the service is that of `make setup`. It takes two minutes. Look at the pictures before you commit them, and
copy the time in delayed-until.png to the text.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import scene
from browser import ManagementUI, management_ui, titled
from management import Management
from processes import ROOT, Processes, servers

PICTURES = ROOT / "docs" / "images"
PACKING = "tasks.activity:us-east-1/orders:packing"

TABLE = "#main table.list"
MESSAGES = "#msg-wrapper table.facts"

#: A signal as somebody might try to send it by hand: without the id and the lane of the action.
UNREADABLE = '[{"action": "SignalWorkflowExecution", "domain": "us-east-1/orders", "workflowId": "order-1009"}]'


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        urls = stack.enter_context(servers(Path(directory)))
        management = Management(urls["WORKFLOWSVC_MANAGEMENT_URL"])
        processes = Processes(urls, stack)
        processes.coordinator()
        processes.coordinator()
        swf = scene.connect(processes.gateway())
        scene.set_up(swf)
        management.publish("actions", "p03", UNREADABLE)
        for queue, messages in ((PACKING, scene.TO_PACK), ("delay.", len(scene.REMINDERS)), ("poison", 1)):
            management.wait_for(queue, messages)
        ui = stack.enter_context(management_ui(urls["WORKFLOWSVC_MANAGEMENT_URL"], PICTURES))
        _at_work(ui, management)
        processes.stop_coordinators()
        scene.ask_for_more(swf)
        _without_coordinators(ui)


def _at_work(ui: ManagementUI, management: Management) -> None:
    # First what goes away by itself.
    ui.queues("^delay")
    ui.picture("delays", TABLE)
    ui.queue(management.fullest("delay."))
    ui.get_messages(1)
    ui.picture("delayed-until", MESSAGES, widest=1700)
    ui.queues("^tasks", fullest_first=True)
    ui.picture("task-lists", TABLE)
    ui.queue(PACKING)
    ui.get_messages(2)
    ui.picture("pending-task", MESSAGES)
    ui.queue("actions.p05")
    ui.open("Consumers")
    ui.picture("owner", f"{titled('Consumers')} table.list")
    ui.connections()
    ui.picture("connections", TABLE)
    ui.queue("poison")
    ui.get_messages(1)
    ui.picture("poison", MESSAGES)


def _without_coordinators(ui: ManagementUI) -> None:
    ui.queues("^actions", fullest_first=True)
    ui.picture("no-owner", TABLE)


if __name__ == "__main__":
    main()
