"""A server that somebody else runs, named by a variable.

Law: it is used as it is: not waited for, never stopped, and its data are not touched.
"""

from __future__ import annotations

import os

from backing.server import Server, Unavailable, tell


class Given(Server):
    variable: str

    def running(self) -> bool:
        return True

    def answers(self) -> bool:
        return True

    def start(self) -> None:
        self._refuse()

    def ask_to_stop(self) -> None:
        """It is not ours to stop, and `down` has nothing to complain of."""

    def finish(self) -> None:
        pass

    def kill(self) -> None:
        self._refuse()

    def wipe(self) -> None:
        self._refuse()

    def _refuse(self) -> None:
        raise Unavailable(f"{self.name} is given by {self.variable}: it is not ours to start, kill or wipe")


class GivenRabbitMQ(Given):
    name = "rabbitmq"
    variable = "WORKFLOWSVC_TEST_AMQP_URL"

    def urls(self) -> dict[str, str]:
        urls = {"WORKFLOWSVC_AMQP_URL": os.environ[self.variable]}
        management = os.environ.get("WORKFLOWSVC_TEST_MANAGEMENT_URL")
        if management is None:
            tell("WORKFLOWSVC_TEST_MANAGEMENT_URL is not set: tests have no virtual hosts of their own")
            return urls
        return urls | {"WORKFLOWSVC_MANAGEMENT_URL": management}


class GivenMongoDB(Given):
    name = "mongodb"
    variable = "WORKFLOWSVC_TEST_MONGODB_URL"

    def urls(self) -> dict[str, str]:
        return {"WORKFLOWSVC_MONGODB_URL": os.environ[self.variable]}
