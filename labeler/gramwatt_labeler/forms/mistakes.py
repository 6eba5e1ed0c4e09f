"""What is wrong with a field, in words for the person who filled it in."""

from __future__ import annotations


class Mistake(ValueError):
    """One field cannot be used. ``str()`` says what is wrong and what to write instead."""


class Mistakes(ValueError):
    """Several fields cannot be used. ``by_field`` maps a field's name to its sentence, in the form's order."""

    def __init__(self, by_field: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in by_field.items()))
        self.by_field = by_field
