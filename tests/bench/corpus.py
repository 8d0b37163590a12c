"""Streams as they come about when documents go through HTTP endpoints; the same ones for the same seed.

Made to be alike in its statistics to what the format of the archive was designed on: bodies of 2.4 kB in the mean, a
few large ones, about seven events to a stream, half of the bytes left when each body is deflated alone. Orders,
invoices and shipments made of parts out of catalogues, contracts in a natural language, tokens, ids, stack traces; the
later events of a stream repeat part of the earlier ones.
"""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from eventflow.model.recorded import Header
from eventflow.store import chain
from eventflow.store.archive.segment import Slice
from eventflow.store.codec import Codec

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

_READ = [
    "argparse",
    "logging",
    "subprocess",
    "socket",
    "decimal",
    "datetime",
    "zipfile",
    "tarfile",
    "threading",
    "statistics",
    "typing",
    "difflib",
]
_NAMES = (
    "Anna", "Boris", "Chloe", "Dmytro", "Elena", "Farid", "Greta", "Hugo", "Ines",
    "Jonas", "Klara", "Liam", "Maria", "Nadia", "Oleh", "Petra",
)  # fmt: skip
_FAMILIES = (
    "Kowalski", "Schmidt", "Ivanenko", "Garcia", "Rossi", "Novak", "Jensen", "Dubois", "Okafor",
    "Tanaka", "Moreau", "Silva",
)  # fmt: skip
_CITIES = (
    "Kyiv", "Warsaw", "Berlin", "Lisbon", "Madrid", "Vienna", "Prague", "Oslo", "Riga",
    "Turin", "Lyon", "Porto", "Graz", "Brno", "Lviv",
)  # fmt: skip
_PARTS = (
    "valve", "bracket", "sensor", "cable", "pump", "filter", "motor", "panel", "switch",
    "relay", "gasket", "bearing", "housing", "nozzle",
)  # fmt: skip
_HOSTS = (
    "erp.example", "carrier.example", "bank.example", "edo.example", "tax.example", "crm.example",

)  # fmt: skip

Body = dict[str, Any]


class Fact(NamedTuple):
    """An event before it has a header: what it is called, where it leads, what is said."""

    name: str
    status: str
    kind: str | None
    body: Body


class Corpus:
    """Makes streams. Changes with each: the chance that it draws from, and the position it has come to."""

    def __init__(self, seed: int = 20261121) -> None:
        self._chance = Random(seed)
        self._codec = Codec()
        self._words = _words()
        self._tokens = [self._noise(180) for _ in range(40)]
        self._customers = [self._customer() for _ in range(3000)]
        self._items = [self._item() for _ in range(4000)]
        self._workers = [self._id() for _ in range(8)]
        self._position = 0

    def slices(self, events: int) -> Iterator[Slice]:
        """Streams until there are so many events, or a few more."""
        upto = self._position + events
        while self._position < upto:
            yield self._slice()

    def stories(self, events: int) -> Iterator[list[Fact]]:
        """The same without headers, for those who let an application write them."""
        made = 0
        while made < events:
            yield (facts := list(self._facts()))
            made += len(facts)

    def _slice(self) -> Slice:
        stream, rows, previous = self._id(), [], b""
        at = BEGINNING + timedelta(seconds=self._position)
        append, owner = self._id(), self._chance.choice(self._workers)
        before: str | None = None
        for version, fact in enumerate(self._facts(), start=1):
            self._position += 1
            at += timedelta(microseconds=self._chance.randrange(1000, 40_000_000))
            if fact.kind != "response":
                # An answer goes into the log together with what comes of it.
                append = self._id()
            tag, body, digest = self._codec.seal(fact.name, fact.body)
            works = fact.status == "processing"
            fields = (
                self._position, stream, version, "document", f"document:{fact.name}", fact.status, before,
                None if fact.kind else "claimed" if works else "announced", fact.kind, at, "send" if works else None,
                1 if works else None, owner if works else None, None, None, stream,
                self._position - 1 if version > 1 else None, None, None, None, 1, append, tag, len(body), digest,
            )  # fmt: skip
            previous = chain.link(previous, fields)
            rows.append((Header._make((*fields, previous)), body))
            before = fact.status
        return Slice(stream, "document", rows)

    # -- what happens to a document

    def _facts(self) -> Iterator[Fact]:
        chance = self._chance
        document, host = self._document(), chance.choice(_HOSTS)
        yield Fact("received", "received", None, {"document": document, "meta": self._meta(document)})
        yield Fact("validated", "valid", None, {"rules": self._rules(), "meta": self._meta(document)})
        for attempt in range(1, 2 + (chance.random() < 0.2)):
            yield Fact("requested", "processing", "request", self._request(document, host, attempt))
            if chance.random() < 0.15:
                yield Fact("failed", "processing", "exception", {"trace": self._trace(host), "attempt": attempt})
        echo = self._echo(document, host)
        yield Fact("answered", "processing", "response", self._answer(document, echo))
        yield Fact("rendered", "rendered", None, self._rendered(document))
        if chance.random() < 0.7:
            yield Fact("called_back", "rendered", "callback", self._callback(document, echo))
        yield Fact("status_changed", chance.choice(["done", "done", "failed"]), None, self._ended(document))

    def _document(self) -> Body:
        kinds: tuple[Callable[[], Body], ...] = (self._order, self._invoice, self._shipment, self._contract)
        make = self._chance.choices(kinds, (40, 25, 15, 20))[0]
        return {
            "id": str(self._id()),
            "number": f"{self._chance.randrange(10**6):06d}/26",
            "issued_at": self._instant(),
            "currency": self._chance.choice(["EUR", "USD", "UAH", "PLN"]),
            "customer": self._chance.choice(self._customers),
            "tenant": self._chance.randrange(1, 30),
            **make(),
        }

    def _order(self) -> Body:
        comment = self._text(self._chance.choice([0, 0, 8, 25, 60]))
        return {"kind": "order", "lines": self._lines(14), "delivery": {"method": "courier"}, "comment": comment}

    def _invoice(self) -> Body:
        return {
            "kind": "invoice",
            "lines": self._lines(18),
            "iban": f"UA{self._chance.randrange(10**24, 10**25)}",
            "signature": self._noise(256),
            "terms": self._text(self._chance.choice([20, 60, 120])),
        }

    def _shipment(self) -> Body:
        chance = self._chance
        parcels = [
            {"barcode": str(chance.randrange(10**13, 10**14)), "weight": round(chance.uniform(0.1, 30), 3)}
            for _ in range(1 + int(chance.expovariate(0.25)))
        ]
        track = [
            {"at": self._instant(), "place": chance.choice(_CITIES), "lat": round(chance.uniform(45, 55), 6),
             "lon": round(chance.uniform(-9, 35), 6), "status": chance.choice(["accepted", "sorted", "customs"])}
            for _ in range(chance.randrange(2, 15))
        ]  # fmt: skip
        return {"kind": "shipment", "parcels": parcels, "track": track}

    def _contract(self) -> Body:
        clauses = [{"no": str(number), "text": self._text(30)} for number in range(self._chance.randrange(2, 9))]
        length = self._chance.choice([300, 700, 1300, 2200])
        return {"kind": "contract", "title": self._text(8), "text": self._text(length), "clauses": clauses}

    # -- what is said between systems

    def _request(self, document: Body, host: str, attempt: int) -> Body:
        said = {"document": document, "callback_url": f"https://hooks.example/{self._id()}"}
        return {
            "attempt": attempt,
            "method": "POST",
            "url": f"https://api.{host}/v2/{document['kind']}s?tenant={document['tenant']}",
            "headers": self._headers(host),
            "body": _text(said) if self._chance.random() < 0.5 else said,
            "meta": self._meta(document),
        }

    def _answer(self, document: Body, echo: Body) -> Body:
        chance = self._chance
        headers = {
            "Date": self._instant(), "Content-Type": "application/json", "Server": chance.choice(["nginx", "envoy"]),
            "X-Request-Id": str(self._id()), "Cache-Control": "no-store", "Vary": "Accept-Encoding",
            "X-RateLimit-Remaining": str(chance.randrange(600)), "ETag": f'W/"{chance.randbytes(12).hex()}"',
            "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        }  # fmt: skip
        return {
            "status": 201, "elapsed_ms": chance.randrange(30, 4000), "headers": headers, "body": echo,
            "meta": self._meta(document),
        }  # fmt: skip

    def _echo(self, document: Body, host: str) -> Body:
        chance = self._chance
        return {
            "id": chance.randrange(10**9),
            "status": "accepted",
            "number": document["number"],
            "links": {"self": f"https://api.{host}/v2/{chance.randrange(10**9)}", "status": f"/{self._id()}"},
            "lines": document.get("lines", [])[: chance.choice([0, 3, 50])],
            "warnings": [self._text(12) for _ in range(chance.choice([0, 0, 1, 2]))],
        }

    def _callback(self, document: Body, echo: Body) -> Body:
        said = {
            "id": echo["id"],
            "number": echo["number"],
            "status": self._chance.choice(["delivered", "signed", "rejected"]),
            "signature": self._noise(384),
            "comment": self._text(self._chance.choice([0, 10, 40])),
        }
        return {"headers": self._headers("hooks.example"), "body": said, "meta": self._meta(document)}

    def _headers(self, host: str) -> Body:
        chance = self._chance
        return {
            "Host": host, "User-Agent": "eventflow", "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate", "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"Bearer {chance.choice(self._tokens)}", "Idempotency-Key": str(self._id()),
            "traceparent": f"00-{chance.randbytes(16).hex()}-{chance.randbytes(8).hex()}-01",
        }  # fmt: skip

    def _trace(self, host: str) -> str:
        chance = self._chance
        calls = [
            f'  File "/app/{chance.choice(_PARTS)}.py", line {chance.randrange(20, 900)}, in {chance.choice(_PARTS)}\n'
            f"    return self.{chance.choice(_PARTS)}(request, timeout={chance.randrange(1, 60)})\n"
            for _ in range(chance.randrange(6, 16))
        ]
        return f"Traceback (most recent call last):\n{''.join(calls)}TimeoutError: reading from {host}\n"

    def _meta(self, document: Body) -> Body:
        chance = self._chance
        return {
            "correlation_id": document["id"],
            "causation_id": str(self._id()),
            "actor": chance.choice(["system", "worker-1", "worker-2", "operator:17"]),
            "flow": f"{document['kind']}-flow",
            "flow_version": 3,
            "node": chance.choice(["ingest", "validate", "send", "confirm", "archive"]),
            "retries": 0,
            "trace_id": chance.randbytes(16).hex(),
            "schema": f"https://schemas.example/{document['kind']}/v3.json",
        }

    def _rules(self) -> list[Body]:
        message = "Field is present and its value has the expected format"
        numbers = range(self._chance.randrange(4, 16))
        return [{"rule": f"R{one:03d}", "ok": self._chance.random() > 0.02, "message": message} for one in numbers]

    def _rendered(self, document: Body) -> Body:
        output = {"object": f"pdf/{document['id']}.pdf", "sha256": self._chance.randbytes(32).hex()}
        return {"task": "render", "worker": f"worker-{self._chance.randrange(8)}", "output": output,
                "meta": self._meta(document)}  # fmt: skip

    def _ended(self, document: Body) -> Body:
        totals = {name: f"{self._chance.uniform(1, 9e4):.2f}" for name in ("net", "tax", "gross")}
        return {"reason": self._text(6), "totals": totals, "meta": self._meta(document)}

    # -- parts

    def _lines(self, mean: int) -> list[Body]:
        chance = self._chance
        found = []
        for number in range(1, 2 + min(60, int(chance.expovariate(1 / mean)))):
            quantity, item = chance.randrange(1, 60), chance.choice(self._items)
            found.append({
                "line": number, **item, "quantity": quantity,
                "unit_price": f"{item['price']:.2f}", "discount": f"{chance.choice([0, 0, 5])}.00",
                "tax_rate": chance.choice(["20.00", "7.00", "0.00"]), "total": f"{quantity * item['price']:.2f}",
                "warehouse": f"WH-{chance.randrange(1, 9):02d}",
            })  # fmt: skip
        return found

    def _customer(self) -> Body:
        chance = self._chance
        name = f"{chance.choice(_NAMES)} {chance.choice(_FAMILIES)}"
        return {
            "id": chance.randrange(10**6, 10**7),
            "name": name,
            "email": f"{name.lower().replace(' ', '.')}{chance.randrange(100)}@mail.example",
            "phone": f"+{chance.randrange(10**10, 10**11)}",
            "vat": f"UA{chance.randrange(10**9, 10**10)}",
            "address": {"street": "Station street", "house": str(chance.randrange(1, 200)),
                        "city": chance.choice(_CITIES), "zip": str(chance.randrange(10000, 99999))},
        }  # fmt: skip

    def _item(self) -> Body:
        part = self._chance.choice(_PARTS)
        return {
            "sku": f"{part[:3].upper()}-{self._chance.randrange(10**5):05d}",
            "name": f"{part} {self._chance.choice('ABCDEFG')}{self._chance.randrange(900)}",
            "unit": self._chance.choice(["pcs", "kg", "m", "set"]),
            "price": round(self._chance.uniform(0.5, 900), 2),
            "hs_code": str(self._chance.randrange(10**7, 10**8)),
        }

    def _text(self, length: int) -> str:
        """So many words, in runs of a few as somebody wrote them."""
        runs: list[str] = []
        while length > 0:
            run, start = self._chance.randrange(2, 6), self._chance.randrange(len(self._words) - 6)
            runs += self._words[start : start + min(run, length)]
            length -= run
        return " ".join(runs)

    def _noise(self, length: int) -> str:
        return base64.urlsafe_b64encode(self._chance.randbytes(length)).decode()

    def _id(self) -> UUID:
        return UUID(int=self._chance.getrandbits(128), version=4)

    def _instant(self) -> str:
        return (BEGINNING + timedelta(seconds=self._position, microseconds=self._chance.randrange(10**6))).isoformat()


def _words() -> list[str]:
    documented = [vars(importlib.import_module(name)) for name in _READ]
    found = [getattr(one, "__doc__", None) for names in documented for one in names.values()]
    texts = [one for one in found if isinstance(one, str)]
    return " ".join(texts).split()


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
