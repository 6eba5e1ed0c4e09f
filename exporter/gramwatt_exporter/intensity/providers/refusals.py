"""From an answer that brings no value to the error that says why, and what a person can do. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from gramwatt_exporter.intensity.providers import words
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable

DETAIL = 160  # characters of the server's own words that are passed on
_DATA = re.compile(
    r"\b(data|values?|quota|limit)\b", re.IGNORECASE
)  # "service unavailable" is a failing server
_FIX_ACCESS = "check the token and the zone it is for; a free token's hourly limit answers the same way"
_FIX_SANDBOX = (
    "activate a plan for this token with the provider, or use another token; these numbers are invented"
)


class Question(Struct, frozen=True):
    """The question: it decides what an answer without data means.

    ``place`` is the zone as the provider names it, ``place_fix`` what to do when the provider does not know it.
    ``holds`` are keys of which an answer with data has at least one that is not empty.
    """

    place: str = ""
    place_fix: str = ""
    holds: tuple[str, ...] = ()


class Answer(Struct, frozen=True):
    """An answer that cannot be used: its server, its status, its whole text and that text fit to be shown."""

    host: str
    status: int
    text: str
    shown: str
    retry_after: float | None = None
    url: str = ""  # without a query: it may hold a secret


def sandbox(host: str, mark: str) -> Refused:
    """The answer has the right shape, but marks its own numbers as no real data."""
    return Refused("sandbox", f"{host} sends sandbox data, not real values ({mark!r})", _FIX_SANDBOX)


def by_words(answer: Answer, question: Question) -> Refused | Unavailable | None:
    """By what the server's text says, whatever the status; None when the text says nothing known."""
    meaning, host = words.meaning(answer.text), answer.host
    if meaning == "sandbox":
        return sandbox(host, answer.shown)
    if meaning == "quota":
        wait = answer.retry_after if answer.retry_after is not None else words.seconds_to_wait(answer.text)
        return Unavailable(
            "rate_limited",
            f"{host} says that its limit of calls is used up{_quoted(answer)}",
            retry_after=wait,
        )
    if meaning == "token":
        return Refused("unauthorized", f"{host} refused the token{_quoted(answer)}", _FIX_ACCESS)
    if meaning == "no_value":
        where = f" for {question.place}" if question.place else ""
        return Unavailable("no_value", f"{host} has no value{where} just now{_quoted(answer)}")
    if meaning == "zone" and question.place:
        return Refused(
            "unknown_zone",
            f"the provider does not know the zone {question.place}{_quoted(answer)}",
            question.place_fix,
        )
    return None


def of_status(answer: Answer, question: Question) -> Refused | Unavailable:
    """By words and status of an answer that is not 200 and no redirect."""
    status, host = answer.status, answer.host
    if status == 429:
        wait = answer.retry_after if answer.retry_after is not None else words.seconds_to_wait(answer.text)
        return Unavailable(
            "rate_limited", f"{host} asks for fewer calls (429){_said(answer)}", retry_after=wait
        )
    refusal = by_words(answer, question)
    if status >= 500:
        if (
            refusal is not None
            and refusal.reason in ("no_value", "rate_limited")
            and re.search(_DATA, answer.text)
        ):
            return refusal
        return Unavailable("server_error", f"{host} is failing ({status})", retry_after=answer.retry_after)
    if refusal is not None:
        return refusal
    if status in (204, 205):
        return Unavailable("no_value", f"{host} has no value just now ({status}, an empty answer)")
    if status in (401, 402, 403):
        return Refused("unauthorized", f"{host} refused the token ({status}){_said(answer)}", _FIX_ACCESS)
    if status == 404 and words.names(answer.text, question.place) and not words.meaning(answer.text):
        # Words of another language. The address exists, as its answer speaks of the zone.
        return Unavailable(
            "no_value",
            f"{host} has no value for {question.place} just now, or does not know it{_quoted(answer)}",
            fix=question.place_fix,
        )
    if status in (404, 405, 410):
        return Refused(
            "no_such_route",
            f"{host} does not know the address {answer.url or host} ({status}){_said(answer)}",
            "check base_url (and version) of the provider",
        )
    if status in (400, 422):
        return Unavailable("bad_answer", f"{host} rejected the request ({status}){_said(answer)}")
    return Unavailable("bad_answer", f"{host} answered with status {status}{_said(answer)}")


def of_content(answer: Answer, decoded: object, question: Question) -> Refused | Unavailable | None:
    """Of an answer with status 200: None when it holds what was asked for, or says nothing about why not."""
    if isinstance(decoded, dict) and any(_filled(decoded.get(key)) for key in question.holds):
        return None
    refusal = by_words(answer, question) if answer.text else None
    if refusal is not None or not words.says_error(decoded):
        return refusal
    return Unavailable(
        "bad_answer", f"{answer.host} answers with an error{_quoted(answer) or ', and does not say which'}"
    )


def _filled(value: object) -> bool:
    return value is not None and value != [] and value != {} and value != ""


def _quoted(answer: Answer) -> str:
    status = f" ({answer.status})" if answer.status != 200 else ""
    return f"{status}{_said(answer)}"


def _said(answer: Answer) -> str:
    return f": {answer.shown}" if answer.shown else ""
