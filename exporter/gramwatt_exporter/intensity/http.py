"""One GET for JSON, made safe: bounded in time and size, no redirects, and errors that name no secret.

requests is imported at the first call: it costs the exporter 17 MB, which a machine without a network provider
should not pay. Proxies and a private CA work requests' usual way (HTTPS_PROXY, REQUESTS_CA_BUNDLE).
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from gramwatt_exporter import __version__
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.intensity.failures import Refused, Unavailable

if TYPE_CHECKING:
    import requests

SessionFactory = Callable[[], "requests.Session"]

_PATIENCE = (5.0, 10.0, 20.0)  # seconds to connect, to wait for more of the answer, and for the whole of it
_LARGEST = 4 * 1024 * 1024  # bytes; a day of five-minute values is about 60 kB
_DETAIL = 160  # characters of the server's own words that are passed on


class Rejected(Unavailable):
    """The server refused the request itself (400, 404, 422). ``detail`` is its own short explanation."""

    def __init__(self, status: int, host: str, detail: str) -> None:
        words = f": {detail}" if detail else ""
        super().__init__("bad_answer", f"{host} rejected the request ({status}){words}")
        self.status = status
        self.detail = detail


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
        self._factory = session_factory or default_session
        self._session: requests.Session | None = None

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        now: float,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> Any:
        """The decoded JSON answer. ``now`` (Unix seconds) is what a Retry-After date is compared with.

        Raises Unavailable, Rejected (400, 404, 422) or Refused (401, 403).
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
                    "Accept": "application/json",
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
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise Unavailable(
                "network",
                f"cannot reach {self.host}",
                fix="check the network and DNS; behind a proxy set HTTPS_PROXY",
            ) from None
        if response.status_code != 200:
            self._refuse(response, body, now, secrets)
        return self._decoded(body)

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

    def _slow(self) -> Unavailable:
        return Unavailable("timeout", f"{self.host} did not answer in time")

    def _decoded(self, body: bytes) -> Any:
        try:
            return json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError):  # JSONDecodeError, UnicodeDecodeError, a million brackets
            start = body.lstrip()[:1]
            what = "a web page" if start == b"<" else "something that is not JSON"
            raise Unavailable(
                "bad_answer",
                f"{self.host} sent {what}",
                fix="check base_url, and whether a proxy or login page answers instead",
            ) from None

    def _refuse(
        self, response: requests.Response, body: bytes, now: float, secrets: Sequence[str]
    ) -> NoReturn:
        status, detail = response.status_code, _detail(body, secrets)
        words = f": {detail}" if detail else ""
        wait = retry_after(response.headers.get("Retry-After", ""), now)
        if 300 <= status < 400:
            target = urlsplit(response.headers.get("Location", "")).hostname or "another place"
            raise Unavailable(
                "redirected", f"{self.host} redirects to {target}", fix="set base_url of the provider"
            )
        if status in (401, 403):
            raise Refused(
                "unauthorized",
                f"{self.host} refused the token ({status}){words}",
                "check the token and the zone it is for; a free token's hourly limit answers the same way",
            )
        if status == 429:
            raise Unavailable("rate_limited", f"{self.host} asks for fewer calls (429)", retry_after=wait)
        if status >= 500:
            raise Unavailable("server_error", f"{self.host} is failing ({status})", retry_after=wait)
        if status in (400, 404, 422):
            raise Rejected(status, self.host, detail)
        raise Unavailable("bad_answer", f"{self.host} answered with status {status}{words}")


def retry_after(header: str, now: float) -> float | None:
    """Seconds a Retry-After header asks for (a number or an HTTP date); None when it says nothing usable."""
    text = header.strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _detail(body: bytes, secrets: Sequence[str]) -> str:
    """The server's own explanation, short, printable and without our secrets."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    for key in ("message", "error", "detail"):
        text = answer.get(key)
        if isinstance(text, str) and text.strip():
            for secret in secrets:
                text = text.replace(secret, "***")
            return "".join(letter if letter.isprintable() else " " for letter in text)[:_DETAIL].strip()
    return ""
