"""One GET for JSON, made safe: bounded in time and size, no redirects, and errors that name no secret.

requests is imported at the first call: it costs the exporter 17 MB, which a machine without a network provider
should not pay. Proxies and a private CA work requests' usual way (HTTPS_PROXY, REQUESTS_CA_BUNDLE).
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from msgspec import Struct

from gramwatt_exporter import __version__
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.intensity.providers import refusals, words
from gramwatt_exporter.intensity.providers.failures import Unavailable
from gramwatt_exporter.intensity.providers.refusals import Answer, Question

if TYPE_CHECKING:
    import requests

SessionFactory = Callable[[], "requests.Session"]

_PATIENCE = (5.0, 10.0, 20.0)  # seconds to connect, to wait for more of the answer, and for the whole of it
_LARGEST = 4 * 1024 * 1024  # bytes; a day of five-minute values is about 60 kB
_ANYTHING = Question()


class Format(Struct, frozen=True):
    """How an answer that is no JSON is read; ``read`` raises Unavailable, ``explain`` finds the reason of a failure."""

    accept: str
    read: Callable[[bytes], Any]
    explain: Callable[[bytes], str]


def default_session() -> requests.Session:
    """A plain session of requests."""
    import requests

    return requests.Session()


class Http:
    """Calls to one host. ``base_url`` without a trailing slash; raises ConfigError when it is not a URL."""

    def __init__(
        self,
        base_url: str,
        session_factory: SessionFactory | None = None,
        path: str = "",
        patience: tuple[float, float, float] = _PATIENCE,
    ) -> None:
        """``path`` is the configuration key of ``base_url``, for the error; ``patience`` in seconds."""
        self._connect, self._read, self._total = patience
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(path or "base_url", f"expected http(s)://HOST, got {base_url!r}")
        self.base_url = base_url.rstrip("/")
        port = f":{parts.port}" if parts.port else ""
        self.host = f"{parts.hostname}{port}"
        self._address = f"{parts.scheme}://{self.host}{parts.path.rstrip('/')}"  # without a user and password
        self._factory = session_factory or default_session
        self._session: requests.Session | None = None
        self.clock_ahead: float | None = (
            None  # seconds this machine's clock is ahead of the host's, by its Date
        )

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        now: float,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        secrets: Sequence[str] = (),
        question: Question = _ANYTHING,
        form: Format | None = None,
    ) -> Any:
        """The decoded JSON answer, or what ``form`` makes of it.

        ``now`` (Unix seconds) is what the host's clock is compared with.

        Raises Unavailable or Refused: an answer that says it is no real data or an error is one, whatever its status.
        """
        import requests
        import urllib3

        if self._session is None:
            self._session = self._factory()
        deadline = time.monotonic() + self._total
        try:
            response = self._session.get(
                self.base_url + path,
                params=dict(params),
                headers={
                    "User-Agent": f"gramwatt-exporter/{__version__}",
                    "Accept": "application/json" if form is None else form.accept,
                    **(headers or {}),
                },
                auth=auth,
                timeout=(self._connect, self._read),
                allow_redirects=False,  # a redirect would carry the token to another host
                stream=True,
            )
            with response:
                body = self._body(response, deadline)
        except requests.exceptions.ProxyError:
            raise Unavailable(
                "proxy", f"the proxy does not connect to {self.host}", fix="check HTTPS_PROXY and NO_PROXY"
            ) from None
        except requests.exceptions.SSLError:
            raise Unavailable(
                "tls",
                f"the certificate of {self.host} is not trusted",
                fix="set REQUESTS_CA_BUNDLE to the file of your certificate authority",
            ) from None
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            raise self._slow() from None
        except (
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.ProtocolError,
            urllib3.exceptions.DecodeError,
        ):
            raise Unavailable("bad_answer", f"the answer of {self.host} ended early or is damaged") from None
        except ValueError as malformed:
            if isinstance(malformed, requests.exceptions.RequestException):
                raise self._unreachable() from None
            # requests reads the address of a redirect that it does not follow, too.
            raise Unavailable(
                "redirected",
                f"{self.host} redirects to something that is no address",
                fix="set base_url of the provider",
            ) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise self._unreachable() from None
        answered = _moment(response.headers.get("Date", ""))
        self.clock_ahead = None if answered is None else now - answered
        if 300 <= response.status_code < 400:
            target = urlsplit(response.headers.get("Location", "")).hostname or "another place"
            raise Unavailable(
                "redirected", f"{self.host} redirects to {target}", fix="set base_url of the provider"
            )
        wait = retry_after(response.headers.get("Retry-After", ""), now, answered)
        text = words.explanation_of(body) if form is None else form.explain(body)
        shown = _shown(text, secrets)
        answer = Answer(self.host, response.status_code, text, shown, wait, self._address + path)
        if response.status_code != 200:
            raise refusals.of_status(answer, question)
        if form is not None:
            try:
                return form.read(body)
            except Unavailable as unread:  # it may quote the answer, which may quote the question
                said = _shown(str(unread), secrets)
                raise Unavailable(
                    unread.reason, said, fix=unread.fix, retry_after=unread.retry_after
                ) from None
        decoded = self._decoded(body, answer, question)
        mark = words.sandbox_mark(decoded) or words.sandbox_mark(_own_headers(response.headers))
        if mark:
            raise refusals.sandbox(self.host, _shown(mark, secrets))
        refusal = refusals.of_content(answer, decoded, question)
        if refusal is not None:
            raise refusal
        return decoded

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        # requests' timeout is per read: a server that sends a byte now and then would hold us for hours.
        read = getattr(response.raw, "read1", response.raw.read)  # urllib3 1 has no read1
        body = bytearray()
        while True:
            chunk = read(65536, decode_content=True)
            if not chunk:
                return bytes(body)
            body += chunk
            if len(body) > _LARGEST:
                raise Unavailable("bad_answer", f"the answer of {self.host} is larger than {_LARGEST} bytes")
            if time.monotonic() > deadline:
                raise self._slow()

    def _unreachable(self) -> Unavailable:
        return Unavailable(
            "network",
            f"cannot reach {self.host}",
            fix="check the network and DNS; behind a proxy set HTTPS_PROXY",
        )

    def _slow(self) -> Unavailable:
        return Unavailable("timeout", f"{self.host} did not answer in time")

    def _decoded(self, body: bytes, answer: Answer, question: Question) -> Any:
        try:
            return json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError):  # JSONDecodeError, UnicodeDecodeError, a million brackets
            error = refusals.by_words(answer, question) if answer.text else None
            if error is not None:
                raise error from None
            start = body.lstrip()[:1]
            what = "a web page" if start == b"<" else "something that is not JSON"
            raise Unavailable(
                "bad_answer",
                f"{self.host} sent {what}",
                fix="check base_url, and whether a proxy or login page answers instead",
            ) from None


def retry_after(header: str, now: float, answered: float | None = None) -> float | None:
    """Seconds a Retry-After header asks for (a number or an HTTP date); None when it says nothing usable.

    A date is of the host's clock: it is compared with ``answered`` (the answer's own Date, Unix seconds) where that
    lies before it, else with ``now``, so that a wrong clock here does not change the wait.
    """
    text = header.strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    at = _moment(text)
    if at is None:
        return None
    return at - answered if answered is not None and at >= answered else max(0.0, at - now)


def _moment(text: str) -> float | None:
    """An HTTP date -> Unix seconds."""
    try:
        return email.utils.parsedate_to_datetime(text.strip()).timestamp() if text.strip() else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers a service made up for itself, by their names without the ``X-``; ids of requests are left out."""
    named = ((name.lower(), value) for name, value in headers.items())
    return {name[2:]: value for name, value in named if name.startswith("x-") and not name.endswith("-id")}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _shown(text: str, secrets: Sequence[str]) -> str:
    """A server's own text: shortened, printable and without our secrets."""
    for secret in secrets:
        # A short secret is a part of ordinary words: only where it stands alone is it the secret.
        text = re.sub(
            rf"(?<!\w){re.escape(secret)}(?!\w)" if len(secret) < 8 else re.escape(secret), "***", text
        )
    return "".join(letter if letter.isprintable() else " " for letter in text)[: refusals.DETAIL].strip()
