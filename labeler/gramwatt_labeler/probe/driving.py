"""Calling an endpoint many times, in several threads, with a limit on everything it may answer."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from .asked import Asked
from .hosts import Endpoint

MOST_ANSWER = 1024 * 1024
TIMEOUT = 30.0
LONGEST_SECONDS = 1800.0  # of a whole probe
_PROGRESS_SECONDS = 1.0
_FAILED = "the endpoint failed"


@dataclass(frozen=True, slots=True)
class Call:
    """One request: Unix seconds of its start and end, tokens where the answer says how many, "" or what failed."""

    start: float
    end: float
    tokens: int | None = None
    failure: str = ""


@dataclass(slots=True)
class Drive:
    """What was called. ``cut`` says that time ran out before all requests were made."""

    calls: list[Call] = field(default_factory=list)
    cut: bool = False

    @property
    def good(self) -> list[Call]:
        return [one for one in self.calls if not one.failure]

    @property
    def failures(self) -> Counter[str]:
        return Counter(one.failure for one in self.calls if one.failure)

    @property
    def start(self) -> float:
        return min(one.start for one in self.calls)

    @property
    def end(self) -> float:
        return max(one.end for one in self.calls)

    def latency(self, share: float) -> float:
        """The quantile of the seconds of good calls (nearest rank)."""
        ordered = sorted(one.end - one.start for one in self.good)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def within(self, start: float, end: float) -> float:
        """How many good calls lie between two moments; one that is in it by half counts half."""
        return sum(_overlap(one, start, end) for one in self.good)

    def tokens_within(self, start: float, end: float) -> float | None:
        """Their tokens; None where an answer does not say."""
        counted = [(one.tokens, _overlap(one, start, end)) for one in self.good]
        if not counted or any(tokens is None for tokens, _ in counted):
            return None
        return sum((tokens or 0) * share for tokens, share in counted)


def _overlap(one: Call, start: float, end: float) -> float:
    if one.end <= one.start:
        return 1.0 if start <= one.start <= end else 0.0
    return max(0.0, min(one.end, end) - max(one.start, start)) / (one.end - one.start)


def drive(
    endpoint: Endpoint, asked: Asked, progress: Callable[[int, int], None], longest: float = LONGEST_SECONDS
) -> Drive:
    """Warm up, then make the calls. ``progress`` gets how many of all are done and may raise to end it."""
    limits = httpx.Limits(max_connections=asked.concurrency)
    with httpx.Client(follow_redirects=False, timeout=TIMEOUT, limits=limits, trust_env=False) as client:
        deadline = time.monotonic() + longest
        for number in range(asked.warm_up):
            if time.monotonic() > deadline:
                break
            _call(client, endpoint, asked, number)
            progress(0, asked.requests)
        return _drive(client, endpoint, asked, progress, deadline)


def _drive(
    client: httpx.Client, endpoint: Endpoint, asked: Asked, progress: Callable[[int, int], None], deadline: float
) -> Drive:  # fmt: skip
    found, lock, stop = Drive(), threading.Lock(), threading.Event()
    numbers = iter(range(asked.requests))

    def work() -> None:
        while not stop.is_set():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            if time.monotonic() > deadline:
                found.cut = True
                return
            one = _call(client, endpoint, asked, number)
            with lock:
                found.calls.append(one)

    workers = [
        threading.Thread(target=work, name=f"probe-{n}", daemon=True) for n in range(asked.concurrency)
    ]
    try:
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            workers[0].join(_PROGRESS_SECONDS) if workers[0].is_alive() else _join_any(workers)
            progress(len(found.calls), asked.requests)
    finally:
        stop.set()
        for worker in workers:
            worker.join(TIMEOUT)
    return found


def _join_any(workers: Sequence[threading.Thread]) -> None:
    next((one for one in workers if one.is_alive()), workers[0]).join(_PROGRESS_SECONDS)


def _call(client: httpx.Client, endpoint: Endpoint, asked: Asked, number: int) -> Call:
    """One request. Whatever the endpoint does ends here as a failure in a few words."""
    content = asked.inputs[number % len(asked.inputs)].encode("utf-8", "replace") if asked.inputs else b""
    headers = {"Host": endpoint.host, "Accept": "*/*", "User-Agent": "gramwatt-probe"}
    if asked.method == "POST":
        headers["Content-Type"] = asked.content_type
    start = time.time()
    begun = time.monotonic()
    body, failure = bytearray(), ""
    try:
        request = client.build_request(
            asked.method, endpoint.url, headers=headers, content=content if asked.method == "POST" else None,
            extensions={"sni_hostname": endpoint.name},
        )  # fmt: skip
        with contextlib.closing(client.send(request, stream=True)) as answer:
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > MOST_ANSWER:
                    failure = f"an answer of more than {MOST_ANSWER // 1024} kB"
                    break
                if time.monotonic() - begun > TIMEOUT:
                    failure = f"no whole answer within {TIMEOUT:g} s"
                    break
            if not failure and not 200 <= answer.status_code < 300:
                failure = f"status {answer.status_code}"
    except httpx.TimeoutException:
        failure = f"no answer within {TIMEOUT:g} s"
    except httpx.ConnectError:
        failure = "connection refused"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        failure = type(error).__name__ or _FAILED
    return Call(start, start + time.monotonic() - begun, None if failure else _tokens(bytes(body)), failure)


def _tokens(body: bytes) -> int | None:
    """Output tokens as OpenAI's API and Ollama count them in their answers."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict):
        return None
    usage = tree.get("usage")
    found = usage.get("completion_tokens") if isinstance(usage, dict) else tree.get("eval_count")
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 10**9 else None
