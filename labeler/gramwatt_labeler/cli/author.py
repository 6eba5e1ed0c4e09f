"""Who changed something, as the audit and the pages name it, where a command did it."""

from __future__ import annotations

BY = "the command line"
