"""A person's approval: a signal that has days to come, a reminder halfway, and a state that shows how things are.

Start `workflowsvc dev`, then `python -m examples.approval`. The days are two seconds here; how to test them as days, in
no time, shows tests/examples/test_approval.py.
"""

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from workers_sdk import Client, Retry, Worker, activity, set_state, signal, sleep, workflow

URL = os.environ.get("AWS_ENDPOINT_URL_SWF", "http://127.0.0.1:8080")


@dataclass(frozen=True)
class Expense:
    number: str
    euros: int
    approver: str


@dataclass(frozen=True)
class Verdict:
    by: str
    approved: bool


@dataclass(frozen=True)
class State:
    step: Literal["waiting", "reminded", "approved", "rejected", "expired"]
    by: str | None = None


#: Whoever sends it sends a Verdict, and who receives it gets one: a type checker sees to both.
verdict = signal("verdict", Verdict)


@activity("SendMail", "1.0", start_to_close=30, retry=Retry(attempts=10, first=1))
def send_mail(to: str, text: str) -> None:
    print(f"mail to {to}: {text}")


@workflow("Approve", "1.0", execution_timeout=timedelta(days=90))
async def approve(expense: Expense, deadline: timedelta = timedelta(days=5)) -> State:
    async def remind() -> None:
        await sleep(deadline / 2)
        set_state(State("reminded"))
        await send_mail(expense.approver, f"{expense.number} still waits for you")

    set_state(State("waiting"))
    await send_mail(expense.approver, f"please approve {expense.number}: {expense.euros} euros")
    reminder = asyncio.create_task(remind())
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            said = await verdict.receive()
        end = State("approved" if said.approved else "rejected", said.by)
    except TimeoutError:
        end = State("expired")
    reminder.cancel()
    set_state(end)
    return end


async def main(client: Client) -> None:
    deadline = timedelta(seconds=2)
    async with Worker(client, task_list="approvals", workflows=[approve], activities=[send_mail], register_domain=7):
        taxi = await approve.start(client, Expense("taxi", 30, "ann"), deadline)
        yacht = await approve.start(client, Expense("yacht", 3_000_000, "bob"), deadline)
        await taxi.signal(verdict, Verdict(by="ann", approved=True))
        print(f"taxi: {await taxi.result()}")
        print(f"yacht: {await yacht.state(State)}")
        print(f"yacht: {await yacht.result()}")


if __name__ == "__main__":
    asyncio.run(main(Client(URL, domain="approval")))
