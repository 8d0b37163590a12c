"""Where an application keeps things, and its few habits.

Three addresses and a handful of numbers, frozen once made. What is said first counts: the arguments of
``Settings(...)``, the environment (``EVENTFLOW_DATABASE``, …), ``eventflow.toml``, ``[tool.eventflow]`` in
``pyproject.toml``. All of them are looked at when ``Settings()`` is made, never on import.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Self, TypedDict, Unpack
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_serializer,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from eventflow.errors import Misconfigured, did_you_mean
from eventflow.model.masking import Masker
from eventflow.store.masters import Masters

PREFIX = "EVENTFLOW_"
OTHERS = ("EVENTFLOW_ACTOR",)
"""Names in the environment that are not settings: who works on the command line."""
FOR_TESTS = "EVENTFLOW_TEST_"

LONGEST = timedelta(days=36_500)
"""A hundred years: what is longer is a slip, and no calendar goes on for ever."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")


class Address(SecretStr):
    """A URL that is shown without the secrets in it; ``get_secret_value()`` has them.

    >>> Address("postgresql://ann:pw@db.example/shop")
    Address('postgresql://********@db.example/shop')
    """

    def _display(self) -> str:
        return Masker().url(self.get_secret_value())


class Place(Address):
    """An address on the web that is itself a secret, as those of chats are: of it, the host is shown."""

    def _display(self) -> str:
        parts = urlsplit(self.get_secret_value())
        return f"{parts.scheme}://{parts.hostname}/…"


def duration(said: object) -> object:
    """A length of time from the words one writes into a file; whatever else is left to pydantic.

    >>> duration("30s"), duration("1.5 m"), duration("10"), duration("40000d")
    (datetime.timedelta(seconds=30), datetime.timedelta(seconds=90), datetime.timedelta(seconds=10), '40000d')
    """
    found = _AMOUNT.fullmatch(said.strip()) if isinstance(said, str) else None
    if found is None:
        return said
    seconds = float(found[1]) * _UNITS[found[2] or "s"]
    return timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else said


def _one_of(*schemes: str) -> AfterValidator:
    """Refuse an address of another kind than these."""

    def check(address: Address) -> Address:
        scheme, colon, _ = address.get_secret_value().partition("://")
        if not colon or scheme not in schemes:
            wanted = " or ".join(f"{one}://…" for one in schemes if one not in _SHORT_FORMS)
            near = did_you_mean(scheme, schemes) if colon else ""
            raise ValueError(f"wanted is {wanted}, not {scheme + '://…' if colon else 'an address without ://'}.{near}")
        _refuse_bad_port(address.get_secret_value())
        return address

    return AfterValidator(check)


def _refuse_bad_port(url: str) -> None:
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        # The error of the standard library quotes the address, and with it a password that holds a slash.
        raise ValueError("the port is not a number; a password needs its special characters quoted (%2F).") from error


def _read_masters(said: SecretStr | None) -> SecretStr | None:
    if said is not None:
        Masters.read(said.get_secret_value())
    return said


_SHORT_FORMS = ("postgres", "amqps", "rediss", "unix")
_Duration = Annotated[timedelta, BeforeValidator(duration), Field(gt=timedelta(0))]


def recipients(said: object) -> object:
    """Who is told, from a list or from one line of an environment: mail addresses and places on the web.

    >>> recipients("ann@example.org, https://chat.example/hooks/7")
    ('ann@example.org', Place('https://chat.example/…'))
    """
    some = said.split(",") if isinstance(said, str) else said
    if not isinstance(some, list | tuple):
        return said
    return tuple(_recipient(one) for one in some if str(one).strip())


def _recipient(said: object) -> object:
    one = said.get_secret_value() if isinstance(said, SecretStr) else said
    text = one.strip() if isinstance(one, str) else ""
    if text.startswith(("https://", "http://")) and urlsplit(text).hostname:
        return Place(text)
    if _MAIL.fullmatch(text):
        return text
    raise ValueError(f"{Masker().text(repr(one))} is neither a mail address nor an http(s):// address.")


def plainly(recipient: str | Place) -> str:
    """Who is told, with whatever is secret about it."""
    return recipient.get_secret_value() if isinstance(recipient, Place) else recipient


_MAIL = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")
_Recipients = Annotated[tuple[str | Place, ...], BeforeValidator(recipients), NoDecode]


class Given(TypedDict, total=False):
    """What can be said to ``Settings``; see there."""

    app: str | None
    database: str | SecretStr
    broker: str | SecretStr
    objects: str | SecretStr
    lease: timedelta | str | float
    threads: int
    async_concurrency: int
    max_in_flight: int
    snapshot_every: int
    http_connect_timeout: timedelta | str | float
    http_read_timeout: timedelta | str | float
    http_total_timeout: timedelta | str | float
    http_answer_limit: int
    record_limit: int
    key_lifetime: timedelta | str | float
    archive_after: timedelta | str | float
    archive_ages: Mapping[str, timedelta | str | float | None]
    restored_for: timedelta | str | float
    erasable: bool
    master_key: str | SecretStr | None
    lock_lease: timedelta | str | float
    mail_server: str | SecretStr | None
    mail_from: str
    notify_on_lockdown: Sequence[str]
    notify_on_stale_lock: Sequence[str]
    notify_on_error: Sequence[str]


class Settings(BaseSettings):
    """Three places and a few habits.

    ``app``: where the application is, ``MODULE:ATTRIBUTE``, for the command line. ``database``, ``broker``,
    ``objects``: the engines; embedded ones unless others are named. ``lease``: how long a worker may be silent before
    its work is given to another. ``threads``: handlers a worker runs at once;
    ``async_concurrency``: handlers that are coroutines, all of them in one thread. ``max_in_flight``: messages the
    relay leaves with the broker at a time. ``snapshot_every``: events of a stream between two snapshots.
    ``http_connect_timeout``, ``http_read_timeout``, ``http_total_timeout``: patience with
    peers. ``http_answer_limit``: bytes of the longest answer that is read. ``record_limit``: bytes of a request or a
    response that are recorded. ``key_lifetime``: how long an idempotency key counts. ``archive_after``: how old a body
    is when it may be archived; ``archive_ages``: categories that have an age of their own, or none and stay for ever.
    ``restored_for``: how long restored bodies stay in the database. ``erasable``: whether the bodies of aggregates that
    say nothing of it can be erased. ``master_key``: what wraps the keys of streams, and behind commas what did before.
    ``lock_lease``: how long the holder of a lock may
    be silent before another takes it over. ``mail_server`` and ``mail_from``: how mails leave; ``notify_on_lockdown``,
    ``notify_on_stale_lock``, ``notify_on_error``: who is told, mail addresses and places on the web.

    Raises ``Misconfigured`` with all that is wrong, whichever place it came from.

    >>> Settings(database="postgresql://ann:pw@db.example/shop", lease="1m").shown()["database"]
    'postgresql://********@db.example/shop'
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        validate_default=True,
        toml_file="eventflow.toml",
        pyproject_toml_table_header=("tool", "eventflow"),
    )

    app: str | None = None
    database: Annotated[Address, _one_of("sqlite", "postgresql", "postgres")] = Address("sqlite:///eventflow.db")
    broker: Annotated[Address, _one_of("embedded", "amqp", "amqps", "redis", "rediss", "unix")] = Address("embedded://")
    objects: Annotated[Address, _one_of("file", "s3")] = Address("file://./eventflow-objects")
    lease: _Duration = timedelta(seconds=30)
    threads: int = Field(default=8, gt=0)
    async_concurrency: int = Field(default=200, gt=0)
    max_in_flight: int = Field(default=1000, gt=0)
    snapshot_every: int = Field(default=100, gt=0)
    http_connect_timeout: _Duration = timedelta(seconds=10)
    http_read_timeout: _Duration = timedelta(seconds=30)
    http_total_timeout: _Duration = timedelta(minutes=2)
    http_answer_limit: int = Field(default=64 * 1024 * 1024, gt=0)
    record_limit: int = Field(default=1024 * 1024, gt=0)
    key_lifetime: _Duration = timedelta(days=7)
    archive_after: _Duration = timedelta(minutes=2880)
    archive_ages: dict[str, _Duration | None] = Field(default_factory=dict)
    restored_for: _Duration = timedelta(days=2)
    erasable: bool = False
    master_key: Annotated[SecretStr | None, AfterValidator(_read_masters)] = None
    lock_lease: _Duration = timedelta(seconds=30)
    mail_server: Annotated[Address, _one_of("smtp", "smtps")] | None = None
    mail_from: str = "eventflow@localhost"
    notify_on_lockdown: _Recipients = ()
    notify_on_stale_lock: _Recipients = ()
    notify_on_error: _Recipients = ()

    def __init__(self, **given: Unpack[Given]) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            # Without its cause: that one quotes what was given, passwords and all.
            raise Misconfigured(*(_problem(one) for one in error.errors(include_url=False))) from None
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured(f"eventflow.toml or pyproject.toml cannot be read: {error}") from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - left out on purpose, like the next one
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The places that are looked at, the first one first."""
        files = TomlConfigSettingsSource(settings_cls), PyprojectTomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, *files

    @field_serializer("database", "broker", "objects", "mail_server", when_used="json")
    def _without_secrets(self, address: Address | None) -> str | None:
        return None if address is None else str(address)

    @field_serializer("notify_on_lockdown", "notify_on_stale_lock", "notify_on_error", when_used="json")
    def _without_places(self, some: Sequence[str | Place]) -> list[str]:
        return [str(one) for one in some]

    @model_validator(mode="after")
    def _mails_can_leave(self) -> Self:
        told = (*self.notify_on_lockdown, *self.notify_on_stale_lock, *self.notify_on_error)
        if self.mail_server is None and any(isinstance(one, str) for one in told):
            raise ValueError("mail_server is missing: somebody is to be told by mail. Say smtp://host:port.")
        return self

    def shown(self) -> dict[str, Any]:
        """The settings as plain JSON values that may be shown to anybody."""
        return self.model_dump(mode="json")


def unknown_environment(environment: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each ``EVENTFLOW_…`` in the environment that means nothing.

    >>> unknown_environment({"EVENTFLOW_DATABSE": "sqlite://", "EVENTFLOW_THREADS": "4", "HOME": "/"})
    ['EVENTFLOW_DATABSE means nothing. Did you mean "EVENTFLOW_DATABASE"?']
    """
    known = [*(f"{PREFIX}{name.upper()}" for name in Settings.model_fields), *OTHERS]
    return [f"{name} means nothing.{did_you_mean(name, known)}" for name in _ours(environment) if name not in known]


def _ours(environment: Mapping[str, str] | None) -> Iterable[str]:
    names = (name.upper() for name in (os.environ if environment is None else environment))
    return sorted(name for name in names if name.startswith(PREFIX) and not name.startswith(FOR_TESTS))


def _problem(error: Any) -> str:
    """What is wrong with one setting, in a sentence; ``error`` is one of pydantic's ``ErrorDetails``."""
    name = str(error["loc"][0]) if error["loc"] else "settings"
    if error["type"] == "extra_forbidden":
        return f'There is no setting "{name}".{did_you_mean(name, list(Settings.model_fields))}'
    if error["type"] == "value_error":
        return f"{name}: {error['ctx']['error']}"
    return f"{name}: {error['msg'][0].lower()}{error['msg'][1:]}, not {Masker().text(repr(error['input']))}."
