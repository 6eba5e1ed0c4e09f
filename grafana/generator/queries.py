"""PromQL that every dashboard shares: selectors, exact gains of counters, means of young series, sentences.

Three rules hold everywhere. Copies of one series that two replicas of Prometheus collected count once. What was
gained in a range is the difference of two readings of the counter, never an extrapolation. A mean is over the time
that the series has existed, never over a window that began before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Every selector of an exporter's metric carries these; labels of the metric itself follow.
SCOPE = 'job=~"$job",instance=~"$instance"'

# Labels by which replicas of one Prometheus distinguish their copies of a series.
REPLICAS = "prometheus_replica, replica"

# Matchers that several queries use.
AVERAGE = 'basis="average"'
CPU = 'component="cpu"'
GPU = 'component="gpu"'
OPEN = 'state="open"'
FINISHED = 'state="finished"'
THREE_HOURS = 'hours="3"'
LISTED = 'pid!=""'
METERED = 'source!="estimate"'

# The window of "now" for counters that have no gauge: 5 scrapes at the slowest usual interval, 60 s.
RECENT = "5m"

_SELECTOR = re.compile(r"\{[^}]*\}(\[[^]]*\])?")
_STEPS = {"5m": "5s", "1h": "15s", "6h": "1m", "3d": "5m", "7d": "15m"}


def select(metric: str, labels: str = "") -> str:
    """``metric`` of the chosen machines, optionally with more matchers."""
    return f"gramwatt_{metric}{{{SCOPE}{',' if labels else ''}{labels}}}"


def once(expr: str) -> str:
    """``expr`` with the copies that replicas of Prometheus collected taken together."""
    return f"avg without ({REPLICAS}) ({expr})"


def gauge(metric: str, labels: str = "") -> str:
    """A gauge of the chosen machines, each series once."""
    return once(select(metric, labels))


def rate(metric: str, labels: str = "", window: str = "$__rate_interval") -> str:
    """How fast a counter rises, per second, for curves."""
    return once(f"rate({select(metric, labels)}[{window}])")


def gained(metric: str, labels: str = "", window: str = "$__range") -> str:
    """What a counter gained in ``window``, exactly.

    ``increase()`` extrapolates: it adds up to half a scrape interval at both ends of a series, which for a job of a few
    scrapes is a fifth of its energy. Here the last reading less the reading at the start of the window, or less the
    first reading of a series that began within it. Where a counter fell (an exporter that lost its state), the parts
    between the falls are added up as ``increase()`` does; one that fell as the window began has its first reading in it
    as a series that began within it. A window without a reading, as "today" in its first seconds,
    gains nothing, and nothing is 0: the counter stands where it stood.
    """
    series = select(metric, labels)
    before, least = f"{series} offset {window}", f"min_over_time({series}[{window}])"
    # A replica that began later has seen less of the same counter: the largest is the whole.
    return (
        f"max without ({REPLICAS}) ("
        f"(increase({series}[{window}]) and resets({series}[{window}]) > 0) or "
        f"((last_over_time({series}[{window}]) or {series}) - "
        f"(({before} unless {before} > {least}) or {least})))"
    )


def mean(metric: str, labels: str = "", window: str = RECENT) -> str:
    """The mean speed of a counter that still runs, over ``window`` or since it began, per second."""
    series = select(metric, labels)
    first = f"{series} offset {window}"
    return once(
        f"clamp_min({series} - ({first} or min_over_time({series}[{window}])), 0) / "
        f"(timestamp({series}) - (timestamp({first}) or "
        f"min_over_time(timestamp({series})[{window}:{_STEPS[window]}])) > 0)"
    )


def last(metric: str, labels: str = "") -> str:
    """The last value within the range, of series that have ended too."""
    return f"last_over_time({select(metric, labels)}[$__range])"


def previous(expr: str) -> str:
    """``expr`` as it was one range earlier."""
    return f"last_over_time(({expr})[1m:1m] offset $__range)"


def top(count: int, by: str, curve: str, metric: str, labels: str = "") -> str:
    """The curves of the ``count`` series that gained most of ``metric`` in the range: the same ones at every step."""
    ranking = once(f"increase({select(metric, labels)}[$__range] @ end())")
    return f"sum by ({by}) ({curve}) and topk({count}, sum by ({by}) ({ranking}))"


def leading(count: int, curve: str) -> str:
    """The ``count`` curves that are highest on average in the range: the same ones at every step."""
    return f"({curve}) and topk({count}, avg_over_time(({curve})[$__range:$__rate_interval] @ end()))"


def at_end(expr: str) -> str:
    """``expr`` with its selectors fixed to the end of the range, so that curves are of one choice at every step."""
    return _SELECTOR.sub(r"\g<0> @ end()", expr)


def labelled(expr: str, name: str, text: str) -> str:
    """``expr`` with a label that carries a text."""
    return f'label_replace({expr}, "{name}", "{text}", "", "")'


def either(*exprs: str) -> str:
    """The results of all of them, as one query."""
    return " or ".join(f"({one})" for one in exprs)


def verdict(expr: str, cases: Sequence[tuple[str, str]], otherwise: str, label: str = "verdict") -> str:
    """``expr`` with a label that says what its value means.

    ``cases`` are comparisons in PromQL, as ``> 5``, each with its text; the first that holds decides.
    """
    said = [labelled(f"{expr} {condition}", label, text) for condition, text in cases]
    said.append(labelled(expr, label, otherwise))
    return f" or ignoring ({label}) ".join(f"({one})" for one in said)


def as_label(name: str, expr: str) -> str:
    """A vector of 1 whose label ``name`` carries the value of ``expr``, which must be a single number."""
    return f'count_values("{name}", {expr})'


def percent(name: str, ratio: str) -> str:
    """A vector of 1 whose label ``name`` carries ``ratio``, which must be a single number, in whole percent."""
    return as_label(name, f"round(100 * {ratio})")


def with_labels(expr: str, **vectors: str) -> str:
    """``expr`` with the labels that the ``vectors`` of 1 carry, as :func:`as_label` makes them; name -> vector."""
    for name, vector in vectors.items():
        expr = f"({expr}) * on () group_left ({name}) ({vector})"
    return expr


def all_chosen(variable: str) -> str:
    """A vector of 1 while "All" is chosen of a variable whose "All" is ``.*``, else nothing.

    Of all choices that one alone matches the empty text of a label that is not there.
    """
    chosen = f'label_replace(vector(1), "chosen", "all", "none", "${variable}")'
    return f"({chosen} and on (chosen) {labelled('vector(1)', 'chosen', 'all')})"


def sentence(expr: str, *words: str) -> str:
    """``expr`` with the label ``said``: every other word is the name of a label, whose text stands in its place."""
    names = []
    for place, word in enumerate(words):
        if place % 2:
            names.append(f'"{word}"')
        elif word:
            expr = labelled(expr, f"word{place}", word)
            names.append(f'"word{place}"')
    return f'label_join({expr}, "said", " ", {", ".join(names)})'
