"""Who tells people of incidents: by mail, and by a request to a place on the web."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import parse_qs, unquote, urlsplit

from eventflow.errors import AnswerRefused, Misconfigured, Refused, Unavailable
from eventflow.model.exchange import Request
from eventflow.model.incident import Incident
from eventflow.model.masking import Masker
from eventflow.model.plain import plain_error
from eventflow.runtime.network import Network

PATIENCE = timedelta(seconds=30)
"""How long a mail server may take for each of its answers."""

PORTS = {"smtp": 25, "smtps": 465}
SUBJECT = 200
"""Characters of a subject."""


@dataclass(frozen=True)
class Server:
    """A mail server: ``smtp://user:password@host:587`` or, with TLS from the first byte, ``smtps://host``.

    With ``smtp://`` the connection is encrypted when the server offers it, whoever it is. Once a user is named it has
    to be, and the server has to prove its name, unless the address says otherwise (``?tls=none``); ``?tls=required``
    asks for that without a user. Raises ``Misconfigured``.
    """

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        parts, tls = urlsplit(self.url), self.tls
        if parts.scheme not in PORTS or not parts.hostname:
            shown = Masker().url(self.url)
            raise Misconfigured(f"{shown} is no mail server: wanted is smtp://host:port or smtps://host.")
        if tls not in ("auto", "required", "none"):
            raise Misconfigured(f"tls={tls} of a mail server: known are auto, required and none.")

    @property
    def tls(self) -> str:
        """Whether the connection is encrypted: ``auto``, ``required`` or ``none``."""
        parts = urlsplit(self.url)
        return parse_qs(parts.query).get("tls", ["required" if parts.username else "auto"])[-1]

    def send(self, message: EmailMessage) -> None:
        """Hand a message over. Raises ``Unavailable`` when the server does not take it now, ``Refused`` if never."""
        parts = urlsplit(self.url)
        where = f"The mail server {parts.hostname}"
        try:
            with self._connected() as connection:
                if parts.username:
                    connection.login(unquote(parts.username), unquote(parts.password or ""))
                connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refusal(where, code, said) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(where, error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(where, plain_error(str(error))) from error

    def _connected(self) -> smtplib.SMTP:
        parts, seconds = urlsplit(self.url), PATIENCE.total_seconds()
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        if parts.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=seconds, context=ssl.create_default_context())
        connection = smtplib.SMTP(host, port, timeout=seconds)
        try:
            self._encrypt(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _encrypt(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        if self.tls == "none":
            return
        if connection.has_extn("starttls"):
            connection.starttls(context=_context(proven=self.tls == "required"))
        elif self.tls == "required":
            raise smtplib.SMTPNotSupportedError("it offers no encryption, which its address asks for")


@dataclass(frozen=True)
class Mail:
    """Mails incidents of these ``kinds`` (or of all) to one address. ``app`` stands before the subject."""

    server: Server
    to: str
    sender: str
    app: str = "eventflow"
    kinds: Collection[str] | None = None

    @property
    def name(self) -> str:
        """Who is told."""
        return f"mail:{self.to}"

    def wants(self, kind: str) -> bool:
        """Whether it tells of incidents of this kind."""
        return self.kinds is None or kind in self.kinds

    def tell(self, incident: Incident, notice: str) -> None:
        """Send the mail. One that comes twice has the same Message-ID."""
        self.server.send(self._message(incident, notice))

    def _message(self, incident: Incident, notice: str) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = plain_error(f"{self.app}: {incident.subject}", SUBJECT)
        message["From"], message["To"] = self.sender, self.to
        message["Date"] = format_datetime(incident.at)
        message["Message-ID"] = f"<{notice}@{self.sender.rpartition('@')[2] or 'eventflow'}>"
        message["Auto-Submitted"] = "auto-generated"
        facts = "\n".join(f"{name}: {value}" for name, value in incident.facts.items())
        message.set_content(f"{incident.text}\n\n{facts}\n")
        return message


class Webhook:
    """Posts incidents of these ``kinds`` (or of all) as JSON. Holds the connections."""

    def __init__(
        self, url: str, *, app: str = "eventflow", kinds: Collection[str] | None = None, network: Network | None = None
    ) -> None:
        self.name, self.kinds = _named(url), kinds
        self._url, self._app, self._network = url, app, network or Network()

    def wants(self, kind: str) -> bool:
        """Whether it tells of incidents of this kind."""
        return self.kinds is None or kind in self.kinds

    def tell(self, incident: Incident, notice: str) -> None:
        """Post it, with the same idempotency key each time. Raises ``Unavailable``, ``AnswerRefused``.

        Neither says the address: whoever knows that of a chat may write there.
        """
        body = {"app": self._app, "notice": notice, **incident.model_dump(mode="json")}
        # Chats of several makers show "text" and pass over the rest.
        body["text"] = f"{self._app}: {incident.subject}\n{incident.text}"
        request = Request("POST", self._url, json=body, headers={"Idempotency-Key": notice})
        try:
            answer = self._network.send(request)
        except Unavailable as error:
            raise Unavailable(self.name, error.reason.replace(urlsplit(self._url).path or "/", "/…")) from None
        if not answer.ok or answer.is_redirect:
            raise AnswerRefused("POST", self.name, answer.status, answer.retry_after)

    def close(self) -> None:
        """Close the connections."""
        self._network.close()


def configured(
    told: Mapping[str, Sequence[str]], *, server: str | None, sender: str, app: str, network: Network
) -> list[Mail | Webhook]:
    """Who is told of what, by the kind of the incident: mail addresses and places on the web, one notifier for each."""
    kinds: dict[str, list[str]] = {}
    for kind, recipients in told.items():
        for one in recipients:
            kinds.setdefault(one, []).append(kind)
    return [_notifier(one, some, server, sender, app, network) for one, some in kinds.items()]


def _notifier(
    to: str, kinds: Collection[str], server: str | None, sender: str, app: str, network: Network
) -> Mail | Webhook:
    if to.startswith(("http://", "https://")):
        return Webhook(to, app=app, kinds=kinds, network=network)
    if server is None:
        raise Misconfigured(
            f"{to} is to be told by mail, but there is no mail server: set mail_server=smtp://host:port."
        )
    return Mail(Server(server), to=to, sender=sender, app=app, kinds=kinds)


def _named(url: str) -> str:
    """A place on the web without its secrets, which may be anywhere in its path; two of one host are told apart."""
    return f"webhook:{urlsplit(url).hostname}#{sha256(url.encode()).hexdigest()[:8]}"


def _refusal(where: str, code: int, said: bytes | str) -> Exception:
    told = f"{code} {plain_error(said)}"
    # In the four hundreds a server says: later. In the five hundreds: never, in this way.
    return Unavailable(where, told) if 400 <= code < 500 else Refused(f"{where} refuses the mail: {told}")


def _context(*, proven: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not proven:
        # Of a server that need not encrypt at all, encryption without a proof of its name is more than nothing.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
