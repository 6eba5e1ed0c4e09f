"""docs/estimate-errors.svg: how far off the estimate is on CPU models that were left out, by class. Needs numpy."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 720, 196, 24, 96, 30
_MOST = 0.8  # the axis ends here; what is beyond is cut and marked
_BUSY, _IDLE, _TEXT, _FAINT, _GRID = "#1f6f5c", "#b06a1c", "#1c2321", "#5d6864", "#d9dfdc"


def draw(servers: Any, errors: Any) -> str:
    """``errors`` are true / estimate - 1 of every server at the eleven loads."""
    order = sorted(set(servers.classes), key=lambda name: (servers.years[servers.classes == name][0], name))
    height = _TOP + _ROW * len(order) + 56
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="system-ui, sans-serif"'
        f' font-size="12" fill="{_TEXT}" role="img" aria-label="Errors of the estimate by class">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="26" font-size="16" font-weight="600">Wall power of servers whose CPU the fit never saw</text>',
        f'<text x="16" y="46" fill="{_FAINT}">How far the true value lies from the estimate:'
        " middle 68 % (thick), middle 95 % (thin), median (white)</text>",
        *_legend(16, 66),
    ]
    for percent in range(-80, 81, 20):
        x, label = _x(percent / 100), f"{percent:+d}" if percent else "0"
        parts.append(
            f'<path d="M{x:.1f} {_TOP - 6}V{height - 50}" stroke="{_TEXT if not percent else _GRID}"'
            f' stroke-width="{1.2 if not percent else 1}"/>'
            f'<text x="{x:.1f}" y="{height - 34}" text-anchor="middle" fill="{_FAINT}">{label} %</text>'
        )
    for place, name in enumerate(order):
        parts += _row(_TOP + _ROW * place, name, servers, errors)
    parts.append(
        f'<text x="16" y="{height - 12}" fill="{_FAINT}">{len(servers.classes)} results of SPECpower_ssj2008'
        f" (spec.org), {len(set(servers.models))} CPU models left out one by one</text></svg>"
    )
    return "\n".join(parts) + "\n"


def _row(top: float, name: str, servers: Any, errors: Any) -> list[str]:
    rows = servers.classes == name
    count = len(set(servers.models[rows]))
    label = f"{rows.sum()} servers, {count} model" + ("s" if count > 1 else "")
    return [
        f'<text x="16" y="{top + 11}">{escape(name)}</text>',
        f'<text x="16" y="{top + 23}" font-size="9.5" fill="{_FAINT}">{label}</text>',
        *_bar(top + 9, errors[rows][:, 1:].ravel(), _BUSY),
        *_bar(top + 19, errors[rows][:, 0], _IDLE),
    ]


def _bar(y: float, values: Any, colour: str) -> list[str]:
    low, left, middle, right, high = (_x(v) for v in np.quantile(values, (0.025, 0.16, 0.5, 0.84, 0.975)))
    return [
        f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{colour}" stroke-width="1.5"/>',
        f'<path d="M{left:.1f} {y}H{max(right, left + 2):.1f}" stroke="{colour}" stroke-width="7"/>',
        f'<path d="M{middle:.1f} {y - 3.5}V{y + 3.5}" stroke="#ffffff" stroke-width="2"/>',
    ]


def _legend(x: float, y: float) -> list[str]:
    return [
        f'<path d="M{x} {y}h22" stroke="{_BUSY}" stroke-width="7"/>',
        f'<text x="{x + 28}" y="{y + 4}">10 to 100 % load</text>',
        f'<path d="M{x + 150} {y}h22" stroke="{_IDLE}" stroke-width="7"/>',
        f'<text x="{x + 178}" y="{y + 4}">idle</text>',
    ]


def _x(error: float) -> float:
    share = (min(_MOST, max(-_MOST, error)) + _MOST) / (2 * _MOST)
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)
