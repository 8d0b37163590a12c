"""Lockdowns told of: a fatal error that holds a channel is an incident, once for each time that a run ends so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eventflow.model.channel import Channel, Fatal
from eventflow.model.incident import LOCKDOWN, Incident
from eventflow.model.plain import plain_error
from eventflow.model.recorded import Header
from eventflow.runtime.incidents import Incidents
from eventflow.store.log import Log

Known = Callable[[Sequence[str]], tuple[int, list[Fatal]]]
"""The runs of some channels that have stopped for good, as the read side has them, and up to which position."""


class Lockdowns:
    """Looks after the channels that have a lockdown. Remembers what it has told; the log does for all others."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        log: Log,
        incidents: Incidents,
        known: Known,
    ) -> None:
        self._channels = {name: one for name, one in channels.items() if one.lockdown is not None}
        self._log, self._incidents, self._known = log, incidents, known
        self._told: set[str] = set()

    def watch(self) -> int:
        """Have new ones told; returns how many people are told of something."""
        if not self._channels or not self._incidents.has_listeners(LOCKDOWN):
            return 0
        return sum(self._tell(one) for one in self._known(list(self._channels))[1] if not one.is_item)

    def _tell(self, fatal: Fatal) -> int:
        ended = _ended(self._log.headers(fatal.run))
        key = f"{fatal.channel}/{fatal.run}/{ended.version}"
        if key in self._told:
            return 0
        begun = self._incidents.report(self._incident(fatal, ended, key))
        self._told.add(key)
        return begun

    def _incident(self, fatal: Fatal, ended: Header, key: str) -> Incident:
        channel, error = self._channels[fatal.channel], plain_error(fatal.error or "")
        held = "the channel" if channel.lockdown == "channel" else f"other runs of {fatal.process}"
        return Incident(
            kind=LOCKDOWN,
            key=key,
            subject=f"LOCKDOWN of {channel.called}",
            text=(
                f"A run of {fatal.process} has ended with a fatal error: {error}\n"
                f"Until somebody has seen to it, nothing new begins of {held}."
                f" To look at it: eventflow process show {fatal.run}"
            ),
            at=ended.recorded_at,
            facts={"channel": fatal.channel, "process": fatal.process, "run": str(fatal.run)},
        )


def _ended(headers: Sequence[Header]) -> Header:
    """The event with which a run came to stand where it stands."""
    last = headers[-1]
    return next((one for one in reversed(headers) if one.previous != one.status == last.status), last)
