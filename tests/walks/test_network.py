"""What peers do to us on the wire, and how it ends."""

from __future__ import annotations

import asyncio
import gzip
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest

from eventflow.errors import AnswerTooLarge, Unavailable
from eventflow.model.exchange import Request, Timeout
from eventflow.runtime.network import Network
from eventflow.runtime.nonblocking import Nonblocking
from tests import hostile
from tests.hostile import Call, a_peer_that

SHORT = Timeout(connect=timedelta(seconds=10), read=timedelta(seconds=0.3), total=timedelta(seconds=60))
PATIENT = Timeout(connect=timedelta(seconds=10), read=timedelta(seconds=60), total=timedelta(seconds=0.5))


def test_an_answer_in_chunks_and_packed_is_read_whole() -> None:
    packed = gzip.compress(b"whales " * 1000)

    def in_chunks(call: Call) -> None:
        call.say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(packed), 10):
            part = packed[start : start + 10]
            call.say(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        call.say(b"0\r\n\r\n")

    with a_peer_that(in_chunks) as peer:
        assert Network().send(Request("GET", peer.url)).content == b"whales " * 1000


def test_a_peer_that_says_nothing_is_waited_for_as_long_as_was_said() -> None:
    with a_peer_that(hostile.says_nothing) as peer, pytest.raises(Unavailable, match="timed out"):
        Network(timeout=SHORT).send(Request("GET", peer.url))


@pytest.mark.parametrize(
    "drips", [hostile.drips, hostile.drips_its_headers, hostile.says_go_on_for_ever], ids=lambda one: one.__name__
)
def test_a_peer_that_drips_is_given_up_after_the_total_time(drips: Callable[[Call], None]) -> None:
    with a_peer_that(drips) as peer, pytest.raises(Unavailable, match=r"0\.5 s, the total time limit"):
        Network(timeout=PATIENT).send(Request("GET", peer.url))


def test_a_peer_that_takes_nothing_in_is_given_up_after_the_total_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        request = Request("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", content=b"x" * 50_000_000)

        with pytest.raises(Unavailable, match="total time limit"):
            Network(timeout=PATIENT).send(request)


def test_a_peer_that_never_shakes_hands_is_given_up_after_the_total_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(Unavailable, match="total time limit"):
        Network(timeout=PATIENT).send(Request("GET", f"https://127.0.0.1:{server.getsockname()[1]}/"))


@pytest.mark.parametrize(
    "breaks",
    [
        hostile.resets,
        hostile.hangs_up,
        hostile.says_half,
        hostile.says_half_a_head,
        hostile.says_half_a_chunk,
        hostile.says_a_bad_chunk,
        hostile.speaks_no_http,
        hostile.has_too_many_headers,
        hostile.says_packed_and_is_not,
    ],
    ids=lambda one: one.__name__,
)
def test_an_answer_that_breaks_off_or_makes_no_sense_is_none(breaks: Callable[[Call], None]) -> None:
    network = Network()

    with a_peer_that(breaks) as peer:
        with pytest.raises(Unavailable, match=r"GET http://127\.0\.0\.1:"):
            network.send(Request("GET", peer.url))
        peer.behaves = hostile.is_well

        assert network.send(Request("GET", peer.url)).status == 200


def test_what_comes_after_the_promised_length_is_no_answer_to_the_next_request() -> None:
    network = Network()

    with a_peer_that(hostile.says_more_than_promised) as peer:
        assert network.send(Request("GET", peer.url)).content == b"{}"
        peer.behaves = hostile.is_well

        assert network.send(Request("GET", peer.url)).status == 200


@pytest.mark.parametrize(
    "sends",
    [
        hostile.sends_100_megabytes,
        hostile.sends_without_end,
        hostile.sends_a_bomb,
        hostile.sends_a_bomb_in_a_bomb,
    ],
    ids=lambda one: one.__name__,
)
def test_an_answer_without_end_is_not_read_to_the_end(sends: Callable[[Call], None]) -> None:
    with a_peer_that(sends) as peer, pytest.raises(AnswerTooLarge, match="answered 200 with more than 1000000 bytes"):
        Network(limit=1_000_000).send(Request("GET", peer.url))


BROKEN = [
    hostile.resets,
    hostile.hangs_up,
    hostile.says_half,
    hostile.says_half_a_head,
    hostile.says_half_a_chunk,
    hostile.says_a_bad_chunk,
    hostile.speaks_no_http,
    hostile.has_too_many_headers,
    hostile.says_packed_and_is_not,
    hostile.drips,
    hostile.drips_its_headers,
    hostile.says_go_on_for_ever,
]
LONG = [hostile.sends_100_megabytes, hostile.sends_without_end, hostile.sends_a_bomb]


@pytest.mark.parametrize(
    ("behaves", "ends"),
    [*((one, Unavailable) for one in BROKEN), *((one, AnswerTooLarge) for one in LONG)],
    ids=lambda one: one.__name__,
)
def test_without_a_thread_each_ends_alike(behaves: Callable[[Call], None], ends: type[Exception]) -> None:
    patience = Timeout(total=timedelta(seconds=30 if ends is AnswerTooLarge else 0.5))

    async def ask(url: str) -> None:
        wire = Nonblocking(timeout=patience, limit=1_000_000)
        try:
            await wire.send(Request("GET", url))
        finally:
            await wire.close()

    with a_peer_that(behaves) as peer, pytest.raises(ends):
        asyncio.run(ask(peer.url))


@pytest.mark.parametrize(
    ("wire", "sends"),
    [
        *((wire, one.__name__) for wire in ("Network", "Nonblocking") for one in LONG),
        ("Network", "sends_a_bomb_in_a_bomb"),
    ],
)
def test_however_much_a_peer_sends_little_memory_is_taken(wire: str, sends: str) -> None:
    program = """
import asyncio
import sys
import resource
from eventflow.errors import AnswerTooLarge
from eventflow.model.exchange import Request
from eventflow.runtime.network import Network
from eventflow.runtime.nonblocking import Nonblocking
from tests import hostile

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

async def ask(url):
    wire = {"Network": Network, "Nonblocking": Nonblocking}[sys.argv[1]](limit=8 * 1024 * 1024)

    async def send(url):
        answer = wire.send(Request("GET", url))
        return await answer if asyncio.iscoroutine(answer) else answer

    await send(url + "/small")
    before = peak()
    try:
        await send(url)
    except AnswerTooLarge:
        print(peak() - before)

asyncio.run(ask(input()))
"""

    def small_at_first(call: Call) -> None:
        (hostile.is_well if call.number == 1 else getattr(hostile, sends))(call)

    with a_peer_that(small_at_first) as peer:
        child = [sys.executable, "-c", program, wire]
        done = subprocess.run(child, input=peer.url, capture_output=True, text=True, timeout=60, check=True)

    megabytes = int(done.stdout)
    assert megabytes < 40


def test_a_redirect_is_an_answer_like_any_other() -> None:
    def redirect(call: Call) -> None:
        call.answer("302 Found", b"", "Location: file:///etc/passwd")

    with a_peer_that(redirect) as peer:
        assert Network().send(Request("GET", peer.url)).status == 302


def test_a_password_in_the_address_is_not_told_when_nobody_answers() -> None:
    with pytest.raises(Unavailable) as refusal:
        Network(timeout=SHORT).send(Request("GET", "http://ann:pw@127.0.0.1:1/"))

    assert "pw@" not in str(refusal.value)


def test_a_long_request_is_sent_whole() -> None:
    with a_peer_that(hostile.is_well) as peer:
        Network().send(Request("POST", peer.url, content=b"whale" * 1_000_000))

    assert peer.bodies == [b"whale" * 1_000_000]


def test_a_connection_serves_again_and_again() -> None:
    connections = []

    def remember(call: Call) -> None:
        connections.append(call.connection)
        hostile.is_well(call)

    network = Network()
    with a_peer_that(remember) as peer:
        for _ in range(3):
            network.send(Request("GET", peer.url))

    assert len(set(connections)) == 1
