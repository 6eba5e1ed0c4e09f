"""The error of a refused request. The socket answers it as JSON; nothing has changed when it is raised."""

from __future__ import annotations

from ..errors import GramwattError


class ApiError(GramwattError):
    """A refused request: HTTP ``status``, the ``field`` it is about ("" for none), what is wrong, the fix."""

    def __init__(self, status: int, field: str, message: str, fix: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.status = status
        self.field = field
        self.message = message
        self.fix = fix
