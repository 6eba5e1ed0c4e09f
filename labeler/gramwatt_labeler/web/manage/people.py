"""Users and tokens by form."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import LabelerError
from ...store.people import People, Role, Scope


def do(people: People, form: Mapping[str, str], by: str, now: float) -> tuple[str, str]:
    """What was done, or what is wrong, in a sentence."""
    name, action = form.get("name", ""), form.get("action", "")
    try:
        match action:
            case "add":
                people.add(name, _role(form), form.get("password", ""), by, now)
                return f"User {name} was added.", ""
            case "role":
                people.change(name, by, now, role=_role(form))
                return f"User {name} has the role {form.get('role')} now.", ""
            case "disable" | "enable":
                people.change(name, by, now, disabled=action == "disable")
                return f"User {name} was {action}d.", ""
            case "token":
                scope = Scope(form.get("scope", "write"))
                secret = people.new_token(name, form.get("label", ""), scope, by, now)
                return f"The token of {name}, shown this once: {secret}", ""
            case "revoke":
                for token in people.tokens(name):
                    people.revoke(name, token.sha256, by, now)
                return f"All tokens of {name} were revoked.", ""
    except (LabelerError, ValueError) as error:
        return "", str(error)
    return "", "Nothing was chosen."


def _role(form: Mapping[str, str]) -> Role:
    return Role(form.get("role", ""))
