"""The hub's mail: sent beside the answer that it belongs to, and never holding it up."""

import asyncio
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Literal
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from email_validator import validate_email

from coalition.errors import SettingError

log = structlog.get_logger()

SMTP_TIMEOUT_S = 20
PORTS = {"smtp": 25, "smtps": 465}
# So many mails at once; more wait, and past the second number they are dropped and logged.
SENDING_MAX = 4
WAITING_MAX = 1_000
LAST_MAILS_S = 5


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes. `is_tls` from the start; without it the connection turns to TLS where the server offers it."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    is_tls: bool


def parse_smtp_url(url: str) -> MailServer:
    """Read smtp://user:password@host:port or smtps://...; raises SettingError that says what was expected."""
    expected = "COALITION_SMTP_URL: expected smtp://user:password@host:port or smtps://..."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"{expected}: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname:
        # The password may be in it, so what came is not told.
        raise SettingError(f"{expected}; scheme {parts.scheme!r} with host {parts.hostname!r} came")
    return MailServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        is_tls=parts.scheme == "smtps",
    )


Outcome = Literal["sent", "failed", "refused"]


class Post:
    """Sends mails in the background; `close` lets those under way finish."""

    def __init__(self, server: MailServer, *, sender: str) -> None:
        self._server = server
        self._sender = sender
        self._sending = asyncio.Semaphore(SENDING_MAX)
        self._mails: set[asyncio.Task[Outcome]] = set()

    def send(self, *, to: str, subject: str, text: str) -> None:
        """Send a mail soon; a failure is logged, without the address."""
        if len(self._mails) >= WAITING_MAX:
            log.error("mail.dropped", waiting=len(self._mails), waiting_max=WAITING_MAX)
            return
        # Written there as well: whoever asks for a code must not see by the time whether a mail was to be written.
        mail = asyncio.create_task(self.deliver(to=to, subject=subject, text=text))
        self._mails.add(mail)
        mail.add_done_callback(self._mails.discard)

    async def deliver(self, *, to: str, subject: str, text: str) -> Outcome:
        """Send a mail now; return what the server said: `refused`, to this address for good, or `failed` for now."""
        return await self._send(self._compose(to, subject, text))

    async def close(self) -> None:
        """Wait a little for mails under way, then give up."""
        if self._mails:
            _, late = await asyncio.wait(self._mails, timeout=LAST_MAILS_S)
            for mail in late:
                mail.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _compose(self, to: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        # As any server takes it, where only the domain is beyond ASCII.
        mail["To"] = validate_email(to, check_deliverability=False, test_environment=True).ascii_email or to
        mail["Subject"] = subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2] or "localhost")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail

    async def _send(self, mail: EmailMessage) -> Outcome:
        server = self._server
        async with self._sending:
            try:
                await aiosmtplib.send(
                    mail,
                    hostname=server.host,
                    port=server.port,
                    username=server.user,
                    password=server.password,
                    use_tls=server.is_tls,
                    timeout=SMTP_TIMEOUT_S,
                )
            except (aiosmtplib.SMTPException, OSError) as error:
                log.error("mail.failed", host=server.host, port=server.port, **_told(error))
                return "refused" if _is_for_good(error, to=mail["To"]) else "failed"
            log.info("mail.sent", host=server.host, port=server.port)
            return "sent"


def _is_for_good(error: aiosmtplib.SMTPException | OSError, *, to: str) -> bool:
    """Whether it is the address that was refused, by a code that says: never try again (RFC 5321, 4.2.1).

    An address beyond ASCII is as good as refused by a server that takes none (RFC 6531)."""
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        # Else it is the sender's: a setting, which can be mended.
        return not to.isascii()
    if not isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return False
    return all(refused.code >= 500 for refused in error.recipients)


def _told(error: aiosmtplib.SMTPException | OSError) -> dict[str, object]:
    """Return what a log may say: a server's refusal repeats the address that it refused, so of that only the code."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return {"kind": type(error).__name__, "reply_codes": [refused.code for refused in error.recipients]}
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return {"kind": type(error).__name__, "reply_code": error.code}
    return {"kind": type(error).__name__, "error": str(error)}
