"""Europe: generation by type of the transparency platform of ENTSO-E (document A75, realised A16). Needs a token.

A quarter of an hour to an hour a value, published about an hour later. Shares and a life-cycle intensity are made from
it; imports are not in it. https://transparencyplatform.zendesk.com (guide of the API), areas by their EIC.
"""

from __future__ import annotations

import csv
import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from msgspec import Struct

from gramwatt_exporter.intensity.providers import parse, words
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Format, Http
from gramwatt_exporter.intensity.providers.mix import GenerationFactor
from gramwatt_exporter.intensity.providers.produced import BACK_SECONDS, by_way, intensities
from gramwatt_exporter.intensity.providers.secret import Secret
from gramwatt_exporter.model import Aspect, Basis, Fetched

# Lignite (B02), oil shale (B07) and peat (B08) are burnt like coal and waste (B17) like biomass, as Electricity Maps
# counts them.
_WAYS = {
    "B01": "biomass", "B02": "coal", "B03": "gas", "B04": "gas", "B05": "coal", "B06": "oil", "B07": "coal",
    "B08": "coal", "B09": "geothermal", "B11": "hydro", "B12": "hydro", "B13": "marine", "B14": "nuclear",
    "B15": "other", "B16": "solar", "B17": "biomass", "B18": "wind_offshore", "B19": "wind", "B20": "other",
}  # fmt: skip
_STORAGE = ("B10", "B25")
_SECONDS = {"PT15M": 900.0, "PT30M": 1800.0, "PT60M": 3600.0}
_MOST_STEPS = 1000  # of one period; a day has 96 quarters
_DETAIL = 160


@functools.cache
def areas() -> Mapping[str, str]:
    """Zone -> the EIC of its area."""
    text = (Path(__file__).parents[1] / "data" / "entsoe_areas.csv").read_text(encoding="utf-8")
    return {row["zone"]: row["area"] for row in csv.DictReader(text.splitlines())}


class EntsoeProvider:
    """One call brings the last day: the value, its history and the shares."""

    kind = "entsoe"
    basis: Basis = "average"
    aspects: Sequence[Aspect] = ("latest",)

    def __init__(self, http: Http, token: Secret, factors: Mapping[str, GenerationFactor]) -> None:
        self.origin = http.host
        self._http = http
        self._token = token
        self._factors = factors

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:  # noqa: ARG002 - there is only one
        """One call. Refused for a zone outside of the platform."""
        area = areas().get(zone)
        if area is None:
            raise Refused(
                "unknown_zone",
                f"entsoe knows {', '.join(areas())}, not {zone}",
                "set intensity.zone to one of them, or remove the provider",
            )
        token = self._token.read()
        document = self._http.get(
            "/api",
            {
                "securityToken": token,
                "documentType": "A75",
                "processType": "A16",
                "in_Domain": area,
                "periodStart": parse.utc(now - BACK_SECONDS, "%Y%m%d%H00"),
                "periodEnd": parse.utc(now, "%Y%m%d%H00"),
            },
            now,
            secrets=(token,),
            form=_XML,
        )
        return Fetched(values=intensities(_amounts(document, area), self._factors, zone, self.kind))


def _read(body: bytes) -> ElementTree.Element:
    """The root. Raises Unavailable for what is no document of the platform's, or says why it has no data."""
    root = _root(body)
    if root is None:
        raise Unavailable(
            "bad_answer", "the answer is no XML", fix="check base_url, and whether a proxy answers"
        )
    name = _name(root)
    if name == "Acknowledgement_MarketDocument":
        raise Unavailable("no_value", f"the platform has no value: {_reason(root)}")
    if name != "GL_MarketDocument":
        raise Unavailable("bad_answer", f"the answer is a {name[:64]}, not generation by type")
    return root


def _explain(body: bytes) -> str:
    """The reason in an answer that is a failure. The platform answers in XML, a gateway before it in any form."""
    root = _root(body)
    return words.explanation_of(body) if root is None else _reason(root)


_XML = Format("application/xml", _read, _explain)


def _root(body: bytes) -> ElementTree.Element | None:
    if b"<!" in body[:2000].replace(b"<!--", b""):  # a document of the platform declares no entities
        return None
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - no declarations, and at most 4 MB
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def _amounts(root: ElementTree.Element, area: str) -> dict[str, dict[float, float]]:
    """MW by way and Unix seconds; an unknown type keeps its code, so that it has no factor.

    A country may report some types by the hour and others by the quarter: the mean of an hour is that of its quarters.
    """
    periods: list[tuple[str, _Steps]] = []
    for series in _all(root, "TimeSeries"):
        given = _text(series, "inBiddingZone_Domain.mRID")
        code = _text(series, "psrType")
        if not given or code in _STORAGE:
            continue  # without that name it is consumption, of pumps
        if given != area:
            raise Unavailable("wrong_zone", f"asked for {area}, got an answer for {parse.text(given)}")
        is_blocks = _text(series, "curveType") == "A03"
        periods += [(code, _steps(period, is_blocks)) for period in _all(series, "Period")]
    shortest = min((steps.seconds for _, steps in periods), default=0.0)
    types: dict[str, dict[float, float]] = {}
    for code, steps in periods:
        types.setdefault(code, {}).update(steps.in_steps_of(shortest))
    return by_way((_WAYS.get(code, f"type {parse.text(code)[:16]}"), row) for code, row in types.items())


class _Steps(Struct, frozen=True):
    """What a period says: MW by Unix seconds at which a step of ``seconds`` begins."""

    seconds: float
    amounts: Mapping[float, float]

    def in_steps_of(self, seconds: float) -> dict[float, float]:
        """The same in shorter steps."""
        parts = round(self.seconds / seconds)
        return {at + part * seconds: amount for at, amount in self.amounts.items() for part in range(parts)}


def _steps(period: ElementTree.Element, is_blocks: bool) -> _Steps:
    """In blocks of variable size a step that is not named has the value of the one before."""
    start, end = parse.moment(_text(period, "start")), parse.moment(_text(period, "end"))
    step = _SECONDS.get(_text(period, "resolution"))
    if start is None or end is None or step is None:
        raise Unavailable("bad_answer", "a period has no start, end or known resolution")
    named: dict[int, float | None] = {}
    for point in _all(period, "Point"):
        position, quantity = _text(point, "position"), _text(point, "quantity")
        try:
            amount = float(quantity) if quantity else math.nan
            named[int(position[:9])] = amount if math.isfinite(amount) else None
        except ValueError:
            raise Unavailable("bad_answer", "a point has no position or quantity") from None
    count = int(min(max(0.0, (end - start) / step), _MOST_STEPS))
    found: dict[float, float] = {}
    last: float | None = None
    for number in range(1, count + 1):
        last = named.get(number, last if is_blocks else None)
        if last is not None:
            found[start + (number - 1) * step] = last
    return _Steps(step, found)


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (one for one in element.iter() if _name(one) == name)


def _text(element: ElementTree.Element, name: str) -> str:
    found = next(_all(element, name), None)
    return (found.text or "").strip() if found is not None else ""


def _reason(root: ElementTree.Element) -> str:
    reason = next(_all(root, "Reason"), None)
    text = "" if reason is None else _text(reason, "text")
    return "".join(letter for letter in text if letter.isprintable())[:_DETAIL]
