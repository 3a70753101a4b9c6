"""One POST to a webhook: what came of it, whatever the receiver does."""

from dataclasses import dataclass

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from coalition import __version__
from coalition.webhooks.addresses import public_socket, url_fault

ANSWER_TIMEOUT_S = 15
CONNECT_TIMEOUT_S = 5
# An answer's body says nothing to us; so much of it is read that the connection can be used again.
ANSWER_BYTES_MAX = 16_384
FAULT_CHARS_MAX = 200
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """`fault` None: delivered. `is_gone`: the receiver wants no more; `retry_after_s`: it asked for patience."""

    fault: str | None = None
    is_gone: bool = False
    retry_after_s: int = 0


def open_client(*, is_http_allowed: bool, connections_max: int) -> ClientSession:
    """Return what posts; where plain http is allowed (trials, tests), so are addresses that are not public.

    No proxy from the environment, no cookies, nothing unpacked."""
    connector = TCPConnector(limit=connections_max, socket_factory=None if is_http_allowed else public_socket)
    return ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=ANSWER_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
        headers={"User-Agent": f"coalition/{__version__}"},
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def post(
    client: ClientSession, url: str, *, body: bytes, headers: dict[str, str], is_http_allowed: bool
) -> Outcome:
    """Post once; 200 to 299 is delivered, all else is not. Redirects are answers, not followed."""
    # Anew each time: what a setting allowed when it was added, it may forbid now.
    fault = url_fault(url, is_http_allowed=is_http_allowed)
    if fault is not None:
        return Outcome(fault)
    try:
        async with client.post(url, data=body, headers=headers, allow_redirects=False) as response:
            await _read_little(response)
            if 200 <= response.status < 300:
                return Outcome()
            return Outcome(f"answered {response.status}", response.status == GONE, _retry_after_s(response))
    except TimeoutError:
        return Outcome(f"no answer within {ANSWER_TIMEOUT_S} s")
    except (ClientError, OSError, ValueError) as error:
        return Outcome(_told(error))


async def _read_little(response: ClientResponse) -> None:
    left = ANSWER_BYTES_MAX
    while left and (chunk := await response.content.read(left)):
        left -= len(chunk)


def _retry_after_s(response: ClientResponse) -> int:
    # Seconds only; a date is taken for no wish.
    asked = response.headers.get("Retry-After", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 6 else 0


def _told(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or error
    return f"{type(error).__name__}: {cause}"[:FAULT_CHARS_MAX]
