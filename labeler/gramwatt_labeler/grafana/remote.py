"""A Grafana by its HTTP API. Every error is one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaServerError, TokenAuth

from ..errors import Rejected, TryAgain
from .wanted import FOLDER_TITLE, FOLDER_UID, own

_NO_ENTRY = (401, 403)
_NOT_THERE = 404
_MOST_ANNOTATIONS = 5000
# What an update of a data source may hold by Grafana's OpenAPI document, its UpdateDataSourceCommand.
_WRITABLE = frozenset(
    (
        "access", "basicAuth", "basicAuthUser", "database", "isDefault", "jsonData", "name", "secureJsonData", "type",
        "uid", "url", "user", "version", "withCredentials",
    )
)  # fmt: skip


class Remote:
    """Reads and writes with the token of a service account that is an editor, and an admin for the data source.

    Errors: TryAgain when Grafana is away or out of order, Rejected when it says no.
    """

    def __init__(self, url: str, token: str, timeout: float = 15.0) -> None:
        self._url = url
        self._api = GrafanaApi.from_url(url, credential=TokenAuth(token), timeout=timeout)  # type: ignore[no-untyped-call]

    def datasource(self, uid: str) -> Mapping[str, Any] | None:
        """The data source, or None."""
        found: Mapping[str, Any] | None = self._found(lambda: self._api.datasource.get_datasource_by_uid(uid))
        return found

    def save_datasource(self, definition: Mapping[str, Any], *, new: bool) -> None:
        """Create it, or replace what it has of these keys."""
        if new:
            self._call("the data source", lambda: self._api.datasource.create_datasource(dict(definition)))
            return
        uid = definition["uid"]
        known = self.datasource(uid) or {}
        kept = {name: value for name, value in known.items() if name in _WRITABLE}
        merged = {**kept, **definition, "jsonData": {**known.get("jsonData", {}), **definition["jsonData"]}}
        if known.get("readOnly"):
            raise Rejected(
                "the data source is provisioned by a file: set timeInterval there, to "
                f"{definition['jsonData']['timeInterval']}"
            )
        self._call("the data source", lambda: self._api.datasource.update_datasource_by_uid(uid, merged))

    def make_folder(self) -> bool:
        """Make the folder unless it is there; says whether it was made."""
        if self._found(lambda: self._api.folder.get_folder(FOLDER_UID)) is not None:
            return False
        self._call("the folder", lambda: self._api.folder.create_folder(FOLDER_TITLE, FOLDER_UID))
        return True

    def dashboard(self, uid: str) -> tuple[dict[str, Any], str] | None:
        """The dashboard without what Grafana adds to it, and the uid of its folder; None where it is not there."""
        found = self._found(lambda: self._api.dashboard.get_dashboard(uid))
        if found is None:
            return None
        return own(found["dashboard"]), str(found.get("meta", {}).get("folderUid", ""))

    def save_dashboard(self, definition: Mapping[str, Any]) -> None:
        """Create or replace it, in the folder."""
        body = {
            "dashboard": {**definition, "id": None},
            "folderUid": FOLDER_UID,
            "overwrite": True,
            "message": "gramwatt-grafana push",
        }
        self._call(
            f"dashboard {definition['uid']}", lambda: self._api.dashboard.update_dashboard(dashboard=body)
        )

    def dashboards_in_folder(self) -> Sequence[str]:
        """The uids of all dashboards of the folder."""
        found = self._found(
            lambda: self._api.search.search_dashboards(type_="dash-db", folder_uids=FOLDER_UID, limit=5000)
        )
        return [str(one["uid"]) for one in found or ()]

    def annotated(self, since: float, until: float) -> set[tuple[int, int]]:
        """Begin and end, in milliseconds, of the annotations of runs that are there. Times are Unix seconds."""
        found = self._found(
            lambda: self._api.annotations.find_annotations(
                time_from=round(since * 1000),
                time_to=round(until * 1000),
                tags=["gramwatt"],
                limit=_MOST_ANNOTATIONS,
            )
        )
        return {(int(one["time"]), int(one["timeEnd"])) for one in found or ()}

    def annotate(self, begin: int, end: int, tags: Sequence[str], what: str) -> None:
        """Add one annotation; times in milliseconds."""
        # The client's own method adds "panelId": null, which Grafana's OpenAPI document does not have.
        body = {"time": begin, "timeEnd": end, "tags": list(tags), "text": what}
        self._call("an annotation", lambda: self._api.client.POST("/annotations", json=body))

    def _found(self, ask: Callable[[], Any]) -> Any:
        return self._call("", ask, absent=None)

    def _call(self, what: str, ask: Callable[[], Any], **absent: Any) -> Any:
        """What ``ask`` gives. With ``absent`` something that is not there is that."""
        try:
            return ask()
        except GrafanaServerError as error:
            raise TryAgain(f"Grafana at {self._url} failed: {error.message}") from None
        except GrafanaClientError as error:
            if error.status_code == _NOT_THERE and "absent" in absent:
                return absent["absent"]
            if error.status_code in _NO_ENTRY:
                raise Rejected(
                    f"Grafana at {self._url} does not let the token in: {error.message}. Folder and dashboards need "
                    "the role Editor, the data source needs Admin"
                ) from None
            raise Rejected(f"Grafana at {self._url} refused {what or 'the call'}: {error.message}") from None
        except (GrafanaException, OSError) as error:  # what its HTTP library raises are OSErrors
            raise TryAgain(f"no answer from Grafana at {self._url}: {type(error).__name__}") from None
