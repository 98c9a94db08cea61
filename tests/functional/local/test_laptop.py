"""Starting and stopping laptops: what is left behind, and what stands in the way."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest

from headrace_local import laptop as laptops
from headrace_local.errors import LaptopError
from headrace_local.state import LaptopState, read_state, write_state

from .conftest import Account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEPS = "import os, time\ndef handler(event, context):\n    print(os.getpid())\n    return os.getpid()\n"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    laptops.down(tmp_path / "home")


class TestUp:
    def test_it_answers_on_a_free_port_of_this_machine_only(self, home: Path) -> None:
        running = laptops.up(home)

        listening = [
            connection.laddr.ip
            for connection in psutil.Process(running.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"]
        assert laptops.answers(running.page("health"))

    def test_its_state_is_in_its_home(self, home: Path) -> None:
        running = laptops.up(home)

        written = json.loads((home / "laptop.json").read_text())
        assert written == {
            "pid": running.pid,
            "port": running.port,
            "endpoint_url": f"http://127.0.0.1:{running.port}",
            "access_key_id": running.access_key_id,
            "secret_access_key": running.secret_access_key,
            "token": running.token,
            "region": "us-east-1",
            "stack": "headrace",
            "account": "000000000000",
        }

    def test_the_slack_webhook_is_a_secret_that_leads_to_the_sink(self, home: Path) -> None:
        running = laptops.up(home)

        secrets = boto3.client("secretsmanager", **running.client_arguments())
        webhook = secrets.get_secret_value(SecretId="headrace/slack-webhook")["SecretString"]
        message = urllib.request.Request(webhook, data=b'{"text": "loaded"}', method="POST")
        with urllib.request.urlopen(message) as accepted:
            assert accepted.status == 200
        with urllib.request.urlopen(f"{running.notifications_url}?after=0") as kept:
            notifications = json.loads(kept.read())["notifications"]
        assert [notification["body"] for notification in notifications] == [{"text": "loaded"}]
        assert "loaded" in (home / "notifications.jsonl").read_text()

    def test_one_that_runs_is_used_as_it_is(self, home: Path) -> None:
        assert laptops.up(home) == laptops.up(home)

    def test_another_port_than_the_one_it_runs_on_is_refused(self, home: Path) -> None:
        running = laptops.up(home)

        with pytest.raises(LaptopError, match=f"up already, on port {running.port}"):
            laptops.up(home, port=laptops.free_port())

    def test_a_port_in_use_is_said_in_a_sentence(self, home: Path) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            with pytest.raises(LaptopError, match=r"Port \d+ of 127\.0\.0\.1 is in use") as refused:
                laptops.up(home, port=other.getsockname()[1])

        assert "--port" in refused.value.advice

    def test_a_folder_with_other_things_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("precious")

        with pytest.raises(LaptopError, match="not a laptop's"):
            laptops.up(tmp_path)

        assert not laptops.down(tmp_path)
        assert (tmp_path / "thesis.txt").exists()

    def test_a_state_left_by_one_that_was_killed_counts_for_nothing(self, home: Path) -> None:
        first = laptops.up(home)
        process = psutil.Process(first.pid)
        process.kill()
        process.wait(5)

        second = laptops.up(home)

        assert second.pid != first.pid
        assert laptops.answers(second.page("health"))

    def test_a_pid_that_another_process_has_now_is_not_the_laptop(self, home: Path) -> None:
        home.mkdir()
        write_state(home, LaptopState(os.getpid(), 1, "http://127.0.0.1:1", "LAPTOP1", "only mine", "sesame"))

        assert read_state(home) is None

    def test_one_that_cannot_start_says_why(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(laptops, "SERVER_MODULE", "headrace_local.no_such_module")

        with pytest.raises(LaptopError, match=r"No module named headrace_local\.no_such_module") as failed:
            laptops.up(home)

        assert str(home / "laptop.log") in failed.value.advice


class TestDown:
    def test_no_process_no_port_and_no_file_is_left(self, home: Path) -> None:
        running = laptops.up(home)
        account = Account(running)
        function_process = account.invoke(account.function("worker", SLEEPS))

        assert laptops.down(home)

        assert not psutil.pid_exists(running.pid)
        assert not psutil.pid_exists(function_process)
        assert laptops.is_free(running.port)
        assert not home.exists()

    def test_where_there_is_none_there_is_nothing_to_do(self, home: Path) -> None:
        assert not laptops.down(home)

    def test_a_daemon_that_does_not_listen_to_reason_is_killed(self) -> None:
        deaf = (
            "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()

            laptops.stop(psutil.Process(process.pid), patience=0.2)

            assert not psutil.pid_exists(process.pid)


def test_two_laptops_side_by_side_do_not_see_each_other(tmp_path: Path) -> None:
    one, other = laptops.up(tmp_path / "one"), laptops.up(tmp_path / "other")
    try:
        Account(one).client("s3").create_bucket(Bucket="only-here")

        assert Account(other).client("s3").list_buckets()["Buckets"] == []
        laptops.down(tmp_path / "one")
        assert laptops.state(tmp_path / "other") == other
    finally:
        laptops.down(tmp_path / "one")
        laptops.down(tmp_path / "other")
