"""Grids of small images as PNG, each with a few words below it. Without vl-convert the words are missing."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

COLUMNS = 10
_TILE, _GAP, _WORDS, _EDGE = 56, 14, 20, 16  # pixels of the picture
_SCALE = 2  # drawn twice as fine, for dense screens
_PAPER, _INK, _FAINT = "#ffffff", "#2b332e", "#d9dfdb"


def png(values: NDArray[np.uint8]) -> bytes:
    """Grey values (height, width), 0 black to 255 white, as PNG (https://www.w3.org/TR/png-3/)."""
    height, width = values.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), values]).tobytes()  # 0: a line without a filter
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def packed(data: bytes) -> bytes:
    """The same PNG with its pixels packed as small as zlib can; vl-convert packs them quickly, four times as large."""
    chunks: list[tuple[bytes, bytes]] = []
    place = 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    pixels = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    first = next(number for number, (kind, _) in enumerate(chunks) if kind == b"IDAT")
    others = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    others.insert(first, (b"IDAT", zlib.compress(pixels, 9)))
    return data[:8] + b"".join(_chunk(kind, content) for kind, content in others)


def grid(images: Sequence[tuple[NDArray[np.float32], str]], side: int, columns: int = COLUMNS) -> bytes:
    """A PNG of images (side * side, from 0, paper, to 1, ink) with their words; without images it says "none"."""
    try:
        import vl_convert
    except ImportError:
        return _plain([image for image, _ in images], side, columns)
    return packed(vl_convert.svg_to_png(_svg(images, side, columns), scale=_SCALE))


def _svg(images: Sequence[tuple[NDArray[np.float32], str]], side: int, columns: int) -> str:
    lines = max(1, -(-len(images) // columns))
    width = 2 * _EDGE + columns * (_TILE + _GAP) - _GAP
    height = 2 * _EDGE + lines * (_TILE + _WORDS + _GAP) - _GAP
    style = (
        f'font-family="Liberation Sans, Arial, sans-serif" font-size="13" fill="{_INK}" text-anchor="middle"'
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" fill="{_PAPER}"/>',
    ]
    for place, (image, words) in enumerate(images):
        left = _EDGE + place % columns * (_TILE + _GAP)
        top = _EDGE + place // columns * (_TILE + _WORDS + _GAP)
        data = base64.b64encode(png(_enlarged(image, side))).decode()
        parts += [
            f'<image x="{left}" y="{top}" width="{_TILE}" height="{_TILE}" href="data:image/png;base64,{data}"/>',
            f'<rect x="{left}" y="{top}" width="{_TILE}" height="{_TILE}" fill="none" stroke="{_FAINT}"/>',
            f'<text x="{left + _TILE / 2}" y="{top + _TILE + 15}" {style}>{escape(words)}</text>',
        ]
    if not images:
        parts.append(f'<text x="{width / 2}" y="{height / 2}" {style}>none</text>')
    return "".join([*parts, "</svg>"])


def _enlarged(image: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """Each pixel as a square, so that no program that draws it makes it soft."""
    times = max(1, _SCALE * _TILE // side)
    square = np.clip(1 - image.reshape(side, side), 0, 1)
    grey = np.rint(255 * square).astype(np.uint8)
    return grey.repeat(times, axis=0).repeat(times, axis=1)


def _plain(images: Sequence[NDArray[np.float32]], side: int, columns: int) -> bytes:
    lines = max(1, -(-len(images) // columns))
    tile = _enlarged(np.zeros(side * side, np.float32), side).shape[0]
    step = tile + _GAP
    paper = np.full((lines * step + _GAP, columns * step + _GAP), 255, np.uint8)
    for place, image in enumerate(images):
        top, left = _GAP + place // columns * step, _GAP + place % columns * step
        paper[top : top + tile, left : left + tile] = _enlarged(image, side)
    return png(paper)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
