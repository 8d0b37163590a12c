"""A small shop, and a browser in front of its dashboard."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

from bs4 import BeautifulSoup, Tag
from starlette.testclient import TestClient

from eventflow import Aggregate, Event, Retry, task
from eventflow.model.status import Look, StatusEnum


class OrderStatus(StatusEnum):
    """Where an order is."""

    PLACED = "placed", Look(label="New", group="loading")
    PACKING = "packing"
    PACKED = "packed"
    LOST = "lost", Look(colour="red", group="failed")
    GONE = "gone"


class Packed(Event):
    """It is in its boxes."""

    boxes: int
    note: str = ""


class Order(
    Aggregate[OrderStatus],
    category="order",
    initial=OrderStatus.PLACED,
    defibrillate={OrderStatus.LOST: OrderStatus.PLACED},
    cancelled={OrderStatus.PLACED: OrderStatus.GONE, OrderStatus.LOST: OrderStatus.GONE},
):
    """What somebody wants to have."""

    customer: str
    boxes: int = 0
    note: str = ""


class ParcelStatus(StrEnum):
    """Where a parcel is."""

    READY = "ready"
    SENT = "sent"


class Parcel(Aggregate[ParcelStatus], category="parcel", initial=ParcelStatus.READY):
    """A box on its way."""

    weight: int = 1


@task(
    Order,
    on=OrderStatus.PLACED,
    processing=OrderStatus.PACKING,
    complete=OrderStatus.PACKED,
    failed=OrderStatus.LOST,
    retry=Retry(attempts=1, after=timedelta(0)),
)
def pack(order: Order) -> Packed:
    """Put it in boxes, if anybody wants it."""
    if order.customer == "Nobody":
        raise LookupError(f"There is no customer {order.customer}")
    return Packed(boxes=2, note="<script>alert('hello')</script>")


class Browser(TestClient):
    """A browser without scripts: it follows links and sends forms, and shows what is on a page."""

    def page(self, path: str, status: int = 200) -> Seen:
        """The page at an address."""
        answer = self.get(path, headers={"accept": "text/html"})
        assert answer.status_code == status, answer.text
        return Seen(answer.text)

    def facts(self, path: str) -> Any:
        """What a program is given there."""
        answer = self.get(path, headers={"accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def submit(self, path: str, **fields: Any) -> Seen:
        """Send a form as a page of this site does, and go where that leads."""
        answer = self.post(path, data=fields, headers={"sec-fetch-site": "same-origin"}, follow_redirects=True)
        return Seen(answer.text)

    def press(self, page: Seen, label: str, within: str = "main", **fields: Any) -> Seen:
        """Send the form behind a button, filled in as it stands there but for these fields."""
        form = page.behind(label, within)
        inputs = form.select("input:not([type=checkbox])")
        given = {str(one["name"]): str(one.get("value", "")) for one in inputs}
        for choice in form.select("select"):
            first = choice.select("option")[0]
            given[str(choice["name"])] = str(first.get("value", first.get_text()))
        return self.submit(str(form["action"]), **{**given, **fields})


class Seen:
    """A page as it is seen."""

    def __init__(self, html: str) -> None:
        self.html, self._soup = html, BeautifulSoup(html, "html.parser")

    @property
    def text(self) -> str:
        """What is written in the middle of it, with single spaces."""
        return " ".join(self.one("main").get_text(" ").split())

    @property
    def told(self) -> str:
        """What came of the action before."""
        return self.one(".told").get_text().strip()

    def one(self, selector: str) -> Tag:
        """The one element of its kind."""
        [found] = self.all(selector)
        return found

    def all(self, selector: str) -> list[Tag]:
        """All elements of a kind."""
        return list(self._soup.select(selector))

    def texts(self, selector: str) -> list[str]:
        """What is written in each of them."""
        return [" ".join(one.get_text(" ").split()) for one in self.all(selector)]

    def links(self) -> list[str]:
        """Every address that the page leads to or loads."""
        return [str(one[name]) for name in ("href", "src", "action") for one in self.all(f"[{name}]")]

    def rows(self) -> list[list[str]]:
        """The cells of its table, row by row."""
        return [[" ".join(cell.get_text(" ").split()) for cell in row.select("td")] for row in self.all("tbody tr")]

    def buttons(self, within: str = "main") -> list[str]:
        """What can be done there."""
        return self.texts(f"{within} .act summary")

    def behind(self, label: str, within: str = "main") -> Tag:
        """The form that a button opens."""
        [found] = [one for one in self.all(f"{within} .act") if one.select("summary")[0].get_text().strip() == label]
        return found.select("form")[0]

    def __contains__(self, text: str) -> bool:
        return text in self.text

    def follow(self, browser: Browser, label: str) -> Self:
        """Where the link with this label leads."""
        link = next(one for one in self.all("a") if one.get_text().strip() == label)
        return type(self)(browser.page(str(link["href"])).html)
