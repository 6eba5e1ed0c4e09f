"""How a run ended, as files say it -> how it failed, in words. Pure."""

from __future__ import annotations

from .reasons import said

_SUCCESS = ("0", "0.0", "ok", "success", "successful", "succeeded", "finished", "completed", "complete", "done",
            "passed", "true")  # fmt: skip


def failure_text(name: str, text: str) -> str:
    """``exit code 3``, ``status FAILED``; "" for a success and for an empty cell.

    ``name`` is what the file calls it. Whatever is not known to be a success is a failure: a run that still runs, or
    was killed, has done less than a whole one.
    """
    text = text.strip()
    if not text or text.lower() in _SUCCESS:
        return ""
    try:
        return said("exit_code", code=f"{float(text):g}")
    except ValueError:
        return f"{name.replace('_', ' ')} {text[:80]}"
