"""A job that runs for years: an execution repeats it, and now and then continues as a new one, with a short history.

Start `workflowsvc dev`, then `python -m examples.cron`. The job runs each second here, and is told to stop by a signal.
"""

import asyncio
import os
from datetime import timedelta

from workers_sdk import Client, Retry, Worker, activity, info, set_state, signal, workflow

URL = os.environ.get("AWS_ENDPOINT_URL_SWF", "http://127.0.0.1:8080")

stop = signal("stop")


@activity("WriteReport", "1.0", start_to_close=60, retry=Retry(attempts=3, first=1))
def write_report(number: int) -> None:
    print(f"report {number} is written")


# Unsaid, an execution may take a year, which is the most that SWF allows. The chain of them may go on for ever.
@workflow("Reports", "1.0")
async def reports(every: timedelta, written: int = 0, in_a_run: int = 1000) -> int:
    """Returns how many reports were written until `stop` came. After so many *in a run*, the next run begins."""
    done = 0
    while True:
        await write_report(written)
        written, done = written + 1, done + 1
        set_state(f"{written} reports")
        try:
            async with asyncio.timeout(every.total_seconds()):
                await stop.receive()
                return written
        except TimeoutError:
            pass
        # SWF ends an execution with 25,000 events; code that does not know how many it takes is told from 10,000 on.
        if done == in_a_run or info().continue_as_new_suggested:
            reports.continue_as_new(every, written, in_a_run)


async def main(client: Client, seconds: float = 4.5) -> None:
    worker = Worker(client, task_list="reports", workflows=[reports], activities=[write_report], register_domain=7)
    async with worker:
        handle = await reports.start(client, timedelta(seconds=1), in_a_run=2)
        print(f"run {handle.run_id}")
        await asyncio.sleep(seconds)
        # To the workflow id: the handle's run id is that of the first run, which is closed by now.
        await client.signal_workflow_execution(workflow_id=handle.workflow_id, signal_name=stop.name)
        written = await handle.result()
        print(f"run {handle.run_id}: stopped after {written} reports")


if __name__ == "__main__":
    asyncio.run(main(Client(URL, domain="cron")))
