"""Where credentials come from, and that nobody waits for them on the event loop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workers_sdk.client.stub import Stub
from workers_sdk.client import Client, Credentials, CredentialsUnavailable, Misconfigured
from workers_sdk.client import credentials as module
from workers_sdk.client.credentials import Chain, Keeper

KEY = Credentials("AKID", "secret", "token")


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, thread_name_prefix="renewal") as thread:
        yield thread


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without credentials and region."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)


@pytest.fixture
def profile(nothing: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A profile with a region and a process that says the credentials."""
    says = '{"Version": 1, "AccessKeyId": "AKIDPROFILE", "SecretAccessKey": "hidden", "SessionToken": "session"}'
    answer = tmp_path / "answer"
    answer.write_text(says)
    config = tmp_path / "config"
    config.write_text(f"[profile orders]\nregion = eu-north-1\ncredential_process = cat {answer}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "orders")


def test_the_chain_reads_the_environment() -> None:
    """conftest.py at the head of the tests has set these."""
    assert Chain(machine=False).credentials() == Credentials("AKIDTESTS", "secret")


@pytest.mark.usefixtures("profile")
def test_the_chain_reads_the_profile() -> None:
    chain = Chain(machine=False)
    assert chain.region() == "eu-north-1"
    assert chain.credentials() == Credentials("AKIDPROFILE", "hidden", "session")


@pytest.mark.usefixtures("nothing")
def test_an_empty_chain_finds_nothing() -> None:
    assert Chain(machine=False).credentials() is None
    assert Chain(machine=False).region() is None


def test_without_botocore_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    assert Chain(machine=True).credentials() is None
    assert Chain(machine=True).region() is None


def test_a_profile_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    with pytest.raises(CredentialsUnavailable, match="nowhere"):
        Chain(machine=False).credentials()


def test_secrets_are_not_shown() -> None:
    assert repr(KEY) == "Credentials(access_key='AKID')"


async def test_the_source_is_asked_in_the_thread_and_once(thread: ThreadPoolExecutor) -> None:
    """Until the time comes to renew, what is held is given."""
    asked: list[str] = []

    def source() -> Credentials:
        asked.append(threading.current_thread().name)
        return KEY

    keeper = Keeper(source)
    assert [await keeper.current(thread) for _ in range(3)] == [KEY] * 3
    assert len(asked) == 1
    assert asked[0].startswith("renewal")


async def test_credentials_are_renewed(thread: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is asked again after a while, but never again if it has none."""
    monkeypatch.setattr(module, "_RENEWAL", 0.0)
    keys = iter([KEY, Credentials("NEXT", "s")])
    keeper = Keeper(lambda: next(keys, None))
    assert await keeper.current(thread) == KEY
    assert await keeper.current(thread) == Credentials("NEXT", "s")
    assert await keeper.current(thread) is None

    asked: list[None] = []
    keeper = Keeper(lambda: asked.append(None))
    assert [await keeper.current(thread), await keeper.current(thread)] == [None, None]
    assert len(asked) == 1


@pytest.mark.usefixtures("nothing")
async def test_an_own_service_is_asked_unsigned_if_there_are_no_credentials(stub: Stub) -> None:
    async with Client(stub.url, domain="d") as client:
        await client.signal_workflow_execution(workflow_id="w", signal_name="s")
    assert "Authorization" not in stub.asked[0].headers


@pytest.mark.usefixtures("nothing")
async def test_aws_is_not_asked_without_credentials() -> None:
    with pytest.raises(CredentialsUnavailable, match=r"swf\.eu-west-1\.amazonaws\.com"):
        async with Client(region="eu-west-1"):
            pass


@pytest.mark.usefixtures("nothing")
async def test_no_endpoint_and_no_region_is_said() -> None:
    with pytest.raises(Misconfigured, match="no endpoint and no region"):
        async with Client():
            pass


@pytest.mark.usefixtures("profile")
async def test_the_profile_says_where_aws_is() -> None:
    """Its region makes the address. Nothing is sent: the client is only opened."""
    async with Client() as client:
        assert client.endpoint == "https://swf.eu-north-1.amazonaws.com/"


@pytest.mark.usefixtures("profile")
async def test_the_endpoint_of_the_environment_is_asked(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SWF", stub.url)
    async with Client(domain="d") as client:
        await client.signal_workflow_execution(workflow_id="w", signal_name="s")
    assert "Credential=AKIDPROFILE/" in stub.asked[0].headers["Authorization"]
    assert "/eu-north-1/swf/aws4_request" in stub.asked[0].headers["Authorization"]
