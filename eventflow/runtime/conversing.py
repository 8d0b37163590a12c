"""A conversation with other systems, played.

What is asked is recorded before it is sent, what is answered with what comes of it.
"""

from __future__ import annotations

from typing import Any

from eventflow.errors import AnswerTooLarge, Unavailable
from eventflow.model.exchange import Exchange
from eventflow.model.redirect import redirected
from eventflow.runtime.attempt import Attempt
from eventflow.runtime.clerk import Clerk
from eventflow.runtime.network import Network


def converse(clerk: Clerk, network: Network, attempt: Attempt, exchange: Exchange[Any]) -> object:
    """What the conversation ends in. Raises whatever it raises, ``Postponed``, ``Fenced``, ``Stopping``."""
    try:
        request = next(exchange)
        while True:
            asked = clerk.announce(attempt, request)
            try:
                response = network.send(asked)
            except (Unavailable, AnswerTooLarge) as error:
                clerk.miss(attempt)
                clerk.count(attempt, None)
                request = exchange.throw(error)
            else:
                clerk.hear(attempt, response)
                clerk.count(attempt, response)
                request = redirected(asked, response) or exchange.send(response)
    except StopIteration as end:
        return end.value
    finally:
        exchange.close()
