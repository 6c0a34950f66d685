"""The one error a person can act on: a code, a place, what was found, what was expected, and the cure."""

from __future__ import annotations

__all__ = ["Cancelled", "TenbinError"]


class TenbinError(Exception):
    """A request or a file cannot be used, and the reader can do something about it.

    Parameters
    ----------
    code : str
        Stable code such as ``E_NO_ITEM_COLUMN``; its words are ``error.<code>`` in ``diagnostics.messages``.
    **values
        What the words need: usually ``file``, ``row`` (1-based, as a spreadsheet shows it), ``column``, ``found``,
        ``expected``, ``choices``. Values are the user's own words and are escaped by whoever shows them.
    """

    def __init__(self, code: str, **values: object) -> None:
        self.code = code
        self.values = values
        super().__init__(code, values)

    def words(self, lang: str = "en") -> str:
        """The message in one language, code first, as the command line prints it."""
        from diagnostics.messages import text

        return f"{self.code}: {text(f'error.{self.code}', lang, **self.values)}"

    def __str__(self) -> str:
        return self.words("en")


class Cancelled(Exception):
    """The person pressed Cancel; whatever was finished is kept."""
