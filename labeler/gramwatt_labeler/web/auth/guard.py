"""Who makes a request, by its token or its cookie, and whether they may.

A token is for programs: it is in a header that no other site can make a browser send. A cookie is for browsers: a
request that changes something must carry the session's CSRF token besides.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request

from ...store.people import People, Role, may
from ..api.errors import ApiError
from ..pages.visitors import Visitor
from .rates import Rate

COOKIE = "gramwatt_session"
CSRF_HEADER = "x-csrf-token"
WRITES_PER_MINUTE = 30
_WRONG_PER_MINUTE = 20
_LONGEST_QUERY = 2000


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks. ``role`` is None for an unknown user; ``csrf`` is that of a session, "" of a token."""

    name: str = ""
    role: Role | None = None
    csrf: str = ""


class Guard:
    """Over the people of the database. ``clock`` is Unix seconds."""

    def __init__(
        self,
        people: People,
        writes_per_minute: int = WRITES_PER_MINUTE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.people = people
        self.clock = clock
        self._writes = Rate(writes_per_minute)
        self._wrong = Rate(_WRONG_PER_MINUTE)

    def requester(self, request: Request) -> Requester:
        """Found once a request. Raises ApiError 401 for a token that is none, 429 for many of them."""
        found = getattr(request.state, "requester", None)
        if not isinstance(found, Requester):
            found = self._find(request)
            request.state.requester = found
        return found

    def _find(self, request: Request) -> Requester:
        header = request.headers.get("authorization", "")
        if is_token(header):
            return self._of_token(request, header)
        secret = request.cookies.get(COOKIE, "")
        session = self.people.session(secret, self.clock()) if 0 < len(secret) <= 100 else None
        return (
            Requester() if session is None else Requester(session.user.name, session.user.role, session.csrf)
        )

    def _of_token(self, request: Request, header: str) -> Requester:
        kind, _, secret = header.partition(" ")
        secret = secret.strip()
        found = None
        if kind.lower() == "bearer" and 0 < len(secret) <= 200 and secret.isascii():
            found = self.people.bearer(secret, self.clock())
        if found is None:
            wait = self._wrong.take(client_of(request))
            if wait:
                raise ApiError(429, "too_many", "too many wrong tokens", retry_after=wait)
            raise ApiError(401, "unauthorized", f"this token is wrong, expired or revoked; {_how()}")
        user, role = found
        return Requester(user.name, role)

    def allow(self, request: Request, wanted: Role, csrf: str = "") -> Requester:
        """The user, if the role suffices; counts as a write. ``csrf`` is a form's field, else the header counts.

        Raises ApiError 401 without a login, 403 without the role or the CSRF token, 429 for too many writes.
        """
        who = self.requester(request)
        if who.role is None:
            raise ApiError(401, "unauthorized", f"this needs a login; {_how(wanted)}")
        if not may(who.role, wanted):
            raise ApiError(
                403, "forbidden", f"this needs the role {wanted.value}; {who.name} has {who.role.value}"
            )
        if request.method not in ("GET", "HEAD"):
            given = csrf or request.headers.get(CSRF_HEADER, "")
            if who.csrf and not hmac.compare_digest(given.encode("utf-8", "replace"), who.csrf.encode()):
                raise ApiError(403, "csrf", f"a request of a session carries its CSRF token in {CSRF_HEADER}")
            wait = self._writes.take(who.name)
            if wait:
                raise ApiError(
                    429,
                    "too_many",
                    f"at most {self._writes.per_minute} writes a minute; send many at once",
                    retry_after=wait,
                )
        return who

    def needs(self, wanted: Role) -> Callable[[Request], Requester]:
        """A dependency of a call of the REST API."""

        def allowed(request: Request) -> Requester:
            return self.allow(request, wanted)

        return allowed

    def visitor(self, request: Request) -> Visitor:
        """For the pages; a wrong token is an unknown user there."""
        try:
            who = self.requester(request)
        except ApiError:
            return Visitor()
        writes = may(who.role, Role.CONTRIBUTOR)
        login = "" if who.role else _login_from(request)
        return Visitor(who.name, writes, who.csrf, login, may_manage=who.role is Role.MANAGER)


def _login_from(request: Request) -> str:
    """The login page, and the page to come back to: this one, or the form that was sent."""
    path, query = request.url.path, request.url.query
    if path == "/login" or len(query) > _LONGEST_QUERY:
        return "/login"
    if request.method not in ("GET", "HEAD"):  # such an address has no page of its own
        path, query = "/" + path.split("/", 2)[1], ""
    return "/login?" + urlencode({"then": f"{path}?{query}" if query else path}, safe="/")


def is_token(header: str) -> bool:
    """Whether an Authorization header brings a token of ours.

    What a browser answers a proxy's password with (Basic) comes with every request and says nothing to us.
    """
    return header.strip().lower().split(" ", 1)[0] not in ("basic", "digest", "negotiate", "ntlm", "")


def client_of(request: Request) -> str:
    """The address of the other end; behind a proxy that is the proxy."""
    return request.client.host if request.client else ""


def _how(wanted: Role = Role.CONTRIBUTOR) -> str:
    return (
        "send a token as Authorization: Bearer, or log in; on the labeler's machine "
        f"`gramwatt-labeler user add NAME --role {wanted.value}` makes a user and prints a token"
    )
