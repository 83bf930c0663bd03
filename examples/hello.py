"""The smallest workflow, one activity. Start `workflowsvc dev`, then `python -m examples.hello`."""

import asyncio

from workers_sdk import Client, Worker, activity, workflow


@activity("Greet", "1.0", start_to_close=10)
def greet(name: str) -> str:
    return f"Hello, {name}!"


@workflow("Hello", "1.0", execution_timeout=60)
async def hello(name: str) -> str:
    return await greet(name)


async def main(client: Client) -> None:
    async with Worker(client, task_list="hello", workflows=[hello], activities=[greet], register_domain=7):
        print(await hello.run(client, "World"))


if __name__ == "__main__":
    asyncio.run(main(Client("http://127.0.0.1:8080", domain="hello")))
