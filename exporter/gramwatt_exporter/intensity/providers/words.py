"""The meaning of a server's own words: which failure an error text reports, and which marks mean "no real data". Pure.

A status code alone has several causes: 404 is sent for a zone that does not exist, for a zone without a recent value
and for a path that does not exist; 401 for a wrong token and for a used-up hourly limit; 200 for an error as well.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

# zone: the place does not exist there. no_value: the place exists and has no data now. route: the path does not exist.
Meaning = Literal["sandbox", "quota", "token", "no_value", "zone", "route", ""]

_DEPTH = 8  # levels of an answer that are read; real ones have three
_EXPLANATIONS = (
    "message",
    "error",
    "errors",
    "detail",
    "description",
    "reason",
    "title",
    "msg",
    "error_description",
)
_PLAIN = 400  # characters of a plain text that is taken for an explanation

# Patterns are kept as text: `re` compiles one at its first use, which an exporter without a network never makes.
_QUOTA = (
    r"quota|rate.?limit|too many|call volume|throttl|over (the |your )?limit|try again in \d"
    r"|limit (is |was |has been )?(exceeded|reached|hit)|exceed\w*\b.{0,40}\b(limit|allowance|calls|requests)"
    r"|(usage|request|requests|hourly|daily|monthly|call|calls) limit|maximum number of (calls|requests)"
    r"|\blimit of \d+\b.{0,60}\b(exceeded|reached|hit|used)\b|\bslow down\b"
    r"|\b(calls|requests|credits|allowance)\b.{0,40}\b(exceeded|used up|exhausted|spent|all used)\b"
    r"|\b(used|spent) (up )?all (of )?(your|the) (\w+ )?(calls|requests|credits)\b|\b(usage|call|request) cap\b"
)
_NO_VALUE = (
    r"\bno (\w+ ){0,3}(data|values?|measurements?|observations?|results?|records?|intensit(y|ies)|forecasts?|history"
    r"|breakdown|content)\b"
    r"|\b(data|values?|intensity|measurements?|forecasts?|history|breakdown)\b[^.;]{0,60}\b"
    r"(not (yet |currently |be )?(available|found|exist|known)|unavailable|missing|delayed|outdated|too old|pending"
    r"|stale|lacking)"
    r"|\b(cannot|could not|can ?t|couldn ?t|did not|didn ?t|unable to) (find|retrieve|compute|determine)"
    r" (\w+ ){0,4}(data|values?|measurements?|results?|records?|intensit(y|ies)|forecasts?|history|breakdown)\b"
    r"|\b(missing|outdated|insufficient|not enough|without|lacks|stale) (recent |current |any )?"
    r"(data|values?|measurements?)\b"
    r"|\b(empty|no) (result|response|series)\b|\bnothing (is )?(available|found|known)\b"
    r"|\b(temporarily|currently) (un|not )available\b|\bat the moment\b|\bright now\b"
    # French, German, Spanish, Italian, Dutch: behind a proxy or a national portal.
    r"|\b(pas|aucune?s?) (de )?(donnees?|valeurs?)\b|\bdonnees? (indisponibles?|manquantes?|non disponibles?)"
    r"|\bkeine?n? (\w+ ){0,2}(daten|werte?|messwerte?)\b|\b(daten|werte?) (\w+ ){0,4}nicht verfugbar"
    r"|\b(no hay|sin) (\w+ ){0,2}(datos|valores)\b|\b(nessun|non ci sono) (\w+ ){0,2}(dati|dato|valori|valore)\b"
    r"|\bgeen (\w+ ){0,2}(gegevens|waarden)\b"
)
_PLACE = (
    r"\b(zones?|zone ?keys?|countr(y|ies)|country ?codes?|regions?|areas?|price ?areas?|location|ba|pays|lander|zonas?)"
    r"\b"
)
# About the place itself: wins over a "no data" in the same sentence.
_NO_PLACE = (
    r"\b(unknown|invalid|unsupported|unrecogni[sz]ed|inexistent|nonexistent|non existent)"
    r" (zones?|zone ?keys?|country|country ?codes?|region|area|location)\b"
    r"|\b(zones?|zone ?keys?|country|country ?codes?|region|area|location)( [a-z0-9]{1,12}){0,4}"
    r" (does not exist|doesnt exist|is (unknown|invalid|unsupported|not (known|supported|valid|recogni[sz]ed)))\b"
    r"|\bnot the code for an? (\w+ )?(zone|country|region|area)\b"
)
_WRONG = (
    r"not (be )?(exist|found|supported|valid|recogni[sz]ed|known|available|covered)|\bno such\b|unknown|invalid"
    r"|unsupported|unrecogni[sz]ed|does ?n.t exist|(cannot|could not|can ?t|couldn ?t) find|must be one of"
    r"|not an? (valid|known|supported)|\bno (zones?|countr|regions?|areas?|location)|not have an? (zone|country|region)"
    r"|misspelled|must match|\binconnue?s?\b|\bunbekannte?\b|\bdesconocid[ao]\b|existe pas|existiert nicht|no existe"
)
_ACCESS = (
    r"token|\bapi.?key|\bauth(?!orit(y|ies))|\b(no|not have) access\b|credential|unauthori[sz]ed|forbidden|permission"
    r"|access denied|\bnot allowed\b|subscription|\b(your|this|current|free|paid) (plan|tier)\b|\blog ?in\b|password"
    r"|not (permitted|entitled|included)|\baccount\b[^.;]{0,40}\b(suspended|disabled|expired|blocked|closed)"
    r"|\b(trial|licen[cs]e)\b[^.;]{0,40}\b(expired|ended|over)\b|\bjwt\b|\bsignature\b|\bupgrade (to|your)\b"
    r"|\bnot authori[sz]ed\b|\bsign ?in\b"
)
_ROUTE = (
    r"\b(route|path|endpoint|resource|page|url|uri|api|method|version|dataset)\b[^.;]{0,80}"
    r"(not (be )?(exist|found|supported|matched|available)|unknown|invalid|does ?n.t exist|deprecated|gone|shut down"
    r"|removed|retired|discontinued|moved)"
    r"|cannot (get|post)\b|no route|not found|does not exist|no such"
)
_INVENTED = (
    r"(inaccurate|incorrect|imprecise|invented|random\w*|wrong|false|altered|modified|scrambled|distorted|perturbed"
    r"|obfuscated|shuffled|noisy|degraded)"
)
_ON_PURPOSE = r"(deliberately|intentionally|purposely|purposefully|artificially)"
_SANDBOX = (
    r"\bsand ?box\w*|\bdemo(nstration)?\b"
    r"|\b(test(ing)?|development|dev|evaluation|staging|trial|preview|playground)"
    r" (data|mode|token|key|values?|purposes?|environment|account|only|use)\b(?! (has |is |was )?(expired|ended|over))"
    r"|\b(mock|mocked|dummy|fake|fictional|fictitious|fabricated|falsified|made up|stub|stubbed|fixture|invented)"
    r" ?(data|values?|answer|numbers?|response|mode)?\b"
    r"|\b(sample|example|simulated|synthetic) (data|values?|numbers?)\b|\bplaceholder\b"
    r"|\bnot (real|actual|genuine|accurate|representative)\b(?! time)|\bunreal\b"
    r"|\bnot (be used |intended |meant |suitable |ready )?(for|in) (\w+ )?production\b"
    r"|\bnot production (ready|grade|quality|data|use)\b|\bnon production\b"
    rf"|\b{_ON_PURPOSE} (\w+ )?{_INVENTED}\b|\b{_INVENTED} ({_ON_PURPOSE}|on purpose)\b"
    r"|\b(perturbed|obfuscated|scrambled|distorted|randomi[sz]ed|shuffled)\b|\b(noise|jitter) (\w+ ){0,2}added\b"
    r"|\badded (noise|jitter)\b|\bfor test(ing|s)?\b|\bnot be relied (up)?on\b"
    r"|\brandom(ly)? (generated |data|values?|numbers?)"
    r"|\b(donnees?|valeurs?) (de test|d essai|fictives?)\b|\bbac a sable\b|\btest(daten|modus|werte)\b"
    r"|\babsichtlich (\w+ )?(ungenau|falsch|verfalscht)|\b(datos|valores) (de prueba|ficticios)\b|\bdati di prova\b"
)
_SANDBOX_KEYS = frozenset(
    f"{before}{word}{after}"
    for word in ("sandbox", "test", "demo", "mock", "fake", "dummy", "synthetic")
    for before, after in (("", ""), ("is", ""), ("", "mode"), ("", "data"), ("is", "mode"), ("is", "data"))
)
_REAL_KEYS = frozenset(("livemode", "isreal", "realdata", "isrealdata", "production", "isproduction"))
_ENVIRONMENT_KEYS = ("environment", "env", "mode", "tokentype", "keytype", "dataset", "plan", "tier", "stage")
_ENVIRONMENTS = frozenset(("test", "testing", "demo", "mock", "sandbox", "staging", "development", "dev"))
_SECRETS = ("token", "accesstoken", "refreshtoken", "jwt")  # random letters mean nothing


def meaning(text: str) -> Meaning:
    """Which refusal ``text`` is; "" when it says nothing known. Letters' case and punctuation do not matter."""
    words = _plain(text)
    if not words:
        return ""
    if re.search(_SANDBOX, words):
        return "sandbox"
    if re.search(_QUOTA, words):
        return "quota"
    if re.search(_ACCESS, words):
        return "token"
    if re.search(_NO_PLACE, words):
        return "zone"
    if re.search(_NO_VALUE, words):
        return "no_value"
    if re.search(_PLACE, words) and re.search(_WRONG, words):
        return "zone"
    return "route" if re.search(_ROUTE, words) else ""


def names(text: str, place: str) -> bool:
    """Whether ``text`` speaks of ``place``, a zone's key."""
    return (
        bool(place) and re.search(rf"(?<![\w-]){re.escape(place)}(?![\w-])", text, re.IGNORECASE) is not None
    )


def sandbox_mark(answer: Any) -> str:
    """The words by which a decoded answer, or one text of it, says that it is no real data; "" when it does not."""
    for key, value in _leaves(answer, "", _DEPTH):
        name = re.sub(r"[^a-z]", "", key.lower())
        if name in _SECRETS:
            continue
        if name in _REAL_KEYS and (value is False or value in ("false", "False", "no")):
            return key
        if name in _SANDBOX_KEYS and value in (True, 1, "true", "True", "yes", "1"):
            return key
        if isinstance(value, str):
            words = _plain(value)
            if re.search(_SANDBOX, words) or (name in _ENVIRONMENT_KEYS and words.strip() in _ENVIRONMENTS):
                return value
    return ""


def explanation(answer: Any) -> str:
    """The error text of a decoded answer in any of the usual shapes, at the top or nested; "" when there is none."""
    return _explained(answer, _DEPTH)


def explanation_of(body: bytes) -> str:
    """The same for a body that was not decoded; a short plain text counts as one, a web page does not."""
    try:
        return explanation(json.loads(body))
    except UnicodeDecodeError:  # an old portal's Latin-1
        with contextlib.suppress(ValueError, RecursionError):
            return explanation(json.loads(body.decode("latin-1")))
    except (ValueError, RecursionError):
        pass
    text = body[: _PLAIN * 4].decode("utf-8", "replace").strip()
    return "" if text.startswith("<") or len(text) > _PLAIN else text


def says_error(answer: Any) -> bool:
    """Whether a decoded answer names an error, whatever its HTTP status."""
    if isinstance(answer, str):
        return True
    if not isinstance(answer, dict):
        return False
    status = answer.get("status", answer.get("statusCode"))
    if isinstance(status, str) and _plain(status).strip() in ("error", "fail", "failed", "failure"):
        return True
    if isinstance(status, int) and not isinstance(status, bool) and status >= 400:
        return True
    return any(answer.get(key) for key in ("error", "errors", "error_code", "errorcode"))


def seconds_to_wait(text: str) -> float | None:
    """Seconds to wait as the text asks: ``try again in 42 seconds``, ``replenished in 01:12:04``. None without such
    words."""
    words = text.lower()
    clock = re.search(r"\bin (\d{1,3}):(\d\d):(\d\d)\b", words)
    if clock:
        hours, minutes, seconds = (int(part) for part in clock.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    plain = re.search(r"\bin (\d{1,6}) ?(s|sec|second|m|min|minute|h|hour|d|day)s?\b", words)
    if plain is None:
        return None
    return float(plain[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[plain[2][0]]


def _plain(text: str) -> str:
    """Lower case, camelCase and snake_case taken apart, accents and punctuation but the sentence's own gone."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text[:2000])
    if not apart.isascii():
        import unicodedata  # here, because nearly all answers are ASCII

        letters = unicodedata.normalize("NFKD", apart)
        apart = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9.;]+", " ", apart.lower().replace("'", "").replace("\u2019", ""))


def _explained(answer: Any, depth: int) -> str:
    if isinstance(answer, str):
        return " ".join(answer.split())
    if depth <= 0:
        return ""
    if isinstance(answer, list):
        texts = [_explained(item, depth - 1) for item in answer[:3]]
        return "; ".join(text for text in texts if text)
    if not isinstance(answer, dict):
        return ""
    lowered = {str(key).lower(): value for key, value in answer.items()}
    texts = [_explained(lowered.get(key), depth - 1) for key in _EXPLANATIONS]
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _leaves(answer: Any, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(answer, dict):
        for name, value in answer.items() if depth > 0 else ():
            yield from _leaves(value, str(name), depth - 1)
    elif isinstance(answer, list):
        for value in answer if depth > 0 else ():
            yield from _leaves(value, key, depth - 1)
    else:
        yield key, answer
