"""A worker process of the tests: `python -m tests.workers_sdk.end_to_end URL DOMAIN`."""

from __future__ import annotations

import sys

from tests.workers_sdk.end_to_end import flows
from workers_sdk import Client, Worker

if __name__ == "__main__":
    url, domain = sys.argv[1:]
    client = Client(url, domain=domain, credentials="none")
    Worker(
        client, task_list="main", workflows=flows.WORKFLOWS, activities=flows.ACTIVITIES, sticky_timeout=1, grace=2
    ).run_blocking()
