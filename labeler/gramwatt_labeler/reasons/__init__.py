"""Why there is no letter, and what is said beside one: sentences with values. A language is a data file here.

Code says a sentence in English by its key, and it is kept and published so. A label in another language finds the key
and the values again by the English template, and puts the values into the template of that language.
"""

from __future__ import annotations

from .sentences import said
from .translating import translated

__all__ = ["said", "translated"]
