"""The dashboard as a process: how it begins, who gets in, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urlsplit

import pytest
import urllib3

from eventflow.cli.exits import Code
from tests.cli.shop import Order, Status
from tests.cli.words import Shop, ended
from tests.waiting import until

HTML = {"accept": "text/html"}


class Running:
    """A dashboard that was started, and a browser in front of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process, line = process, process.stdout.readline()
        assert line, process.communicate()[1]
        self.url = json.loads(line)["url"]
        self._parts: SplitResult = urlsplit(self.url)
        self._browser = urllib3.PoolManager(retries=False, timeout=30)

    def asked(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """The answer to a request for a page."""
        url = f"http://{self._parts.netloc}{path}"
        return self._browser.request("GET", url, headers={**HTML, **headers}, redirect=False)

    def cookie(self) -> str:
        """What a browser keeps that opened the address which was printed."""
        answer = self.asked(f"{self._parts.path}?{self._parts.query}")
        assert answer.status == 303
        return answer.headers["set-cookie"].partition(";")[0]

    def places(self, **headers: str) -> Iterator[tuple[int, int]]:
        """What it tells who listens: where the log ends, and how far the read side has come."""
        url = f"http://{self._parts.netloc}/live"
        stream = self._browser.request("GET", url, headers=headers, preload_content=False)
        for chunk in stream.stream(4096):
            for line in chunk.splitlines():
                if line.startswith(b"data: "):
                    position, shown = line.removeprefix(b"data: ").split()
                    yield int(position), int(shown)


@contextmanager
def running(shop: Shop, *arguments: str, **environment: str) -> Iterator[Running]:
    """A dashboard on a free port, which has ended well after that."""
    process = shop.begins("--json", "dashboard", "--port", "0", *arguments, **environment)
    try:
        yield Running(process)
        process.terminate()
        assert ended(process)[0] == 0
    finally:
        process.kill()


def test_who_opens_the_address_that_it_prints_gets_in_and_nobody_else(shop: Shop) -> None:
    shop.has("whales")
    with running(shop, EVENTFLOW_ACTOR="ann") as found:
        assert (found.asked("/").status, found.asked("/healthz").status) == (401, 200)
        page = found.asked("/", cookie=found.cookie())
        assert (page.status, b">ann<" in page.data, "server" in page.headers) == (200, True, False)


def test_without_a_token_whoever_sits_at_this_machine_gets_in(shop: Shop) -> None:
    with running(shop, "--no-token") as found:
        assert found.asked("/").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_tells_of_what_others_record_and_ends_while_browsers_listen(shop: Shop, number: int) -> None:
    shop.has("whales")
    process = shop.begins("--json", "dashboard", "--port", "0", "--no-token")
    told = Running(process).places()
    before, read_before = next(told)
    shop.has("vase")
    position, read = next(told)
    assert position > before
    while read == read_before:  # the pages show it once the read side knows of it, and browsers ask again then
        _, read = next(told)

    process.send_signal(number)

    assert list(told)[2000:] == []  # the stream ends, as one that was told to
    code, _, err = ended(process)
    assert (code, "Ended well" in err, "Cancel" in err) == (0, True, False)


def test_the_work_is_done_in_the_same_process_if_that_is_wanted(shop: Shop) -> None:
    with shop.opened() as app:
        app.save(order := Order.create(title="whales"))
    with running(shop, "--no-token", "--worker"):
        until(lambda: shop.knows("items", "show", str(order.id))["status"] == Status.PACKED)


def test_a_proxy_in_front_may_show_it_below_a_path(shop: Shop) -> None:
    with running(shop, "--no-token", "--root-path", "/ops") as found:
        whole, cut = found.asked("/ops/"), found.asked("/")
        assert (whole.status, cut.status) == (200, 200)
        assert b'href="/ops/"' in whole.data
        assert b'href="/ops/"' in cut.data


def test_an_application_may_say_itself_who_gets_in(shop: Shop) -> None:
    with running(shop, "--access", "tests.cli.gate:access") as found:
        assert found.asked("/").headers["www-authenticate"].startswith("Basic")
        [known] = urllib3.make_headers(basic_auth="ann:whale").items()
        assert found.asked("/", **dict([known])).status == 200


def test_a_port_that_is_taken_is_said(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = shop.says("dashboard", "--port", str(port))
    assert found.exit_code == Code.REFUSED
    assert f"Somebody listens on port {port} of 127.0.0.1 already" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no-token", "--host", "0.0.0.0"], "whoever reaches 0.0.0.0 would get in"),
        (["--token", "--access", "a:b"], "either --access or --token"),
        (["--root-path", "ops/"], 'It is like "/ops"'),
        (["--host", "no.such.host.invalid"], 'no address "no.such.host.invalid"'),
        (["--access", "tests.cli.gate:acces"], 'Did you mean "access"?'),
        (["--access", "tests.cli.nothing:access"], 'no module "tests.cli.nothing"'),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Shop, arguments: list[str], said: str) -> None:
    found = shop.says("dashboard", "--port", "0", *arguments)
    assert (found.exit_code, said in found.stderr) == (Code.USAGE, True), found.stderr
