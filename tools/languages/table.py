"""The languages, and what each needs on the PATH."""

from __future__ import annotations

from typing import Final

from attrs import frozen

#: Seconds for one run of a program: the rule about endless dripping costs all of them.
TIMEOUT: Final = 12


@frozen
class Language:
    """A folder in `languages/`: the programs that build it, the rules that may stay not checked for it."""

    name: str
    needs: tuple[str, ...]
    not_checked: tuple[str, ...] = ()


LANGUAGES: Final = {
    language.name: language
    for language in (
        Language("go", ("go",)),
        Language("java", ("java", "javac", "mvn")),
        Language("typescript", ("node", "npm")),
    )
}
