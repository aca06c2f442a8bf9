"""What formulae and casks have in common: taps, withdrawals, other names, and the names of macOS versions."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from pipeline import text
from pipeline.ecosystems.drafting import bad_metadata, shown
from pipeline.model import Category, Failed, Skipped, Subcategory

# Newest first, as Homebrew's tags spell them. One that is not here is taken for newer than all of these.
MACOS = (
    *("tahoe", "sequoia", "sonoma", "ventura", "monterey", "big_sur", "catalina", "mojave", "high_sierra", "sierra"),
    *("el_capitan", "yosemite", "mavericks", "mountain_lion"),
)
ARM = "arm64_"
LINUX = "_linux"
# What Homebrew's documentation allows in the names of formulae and casks, with `@` for versions and `+` as in `gtk+3`.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@+._-]{0,127}")
_TAPPED = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9@+._-]+")


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """What a formula or cask says of its end; dates and reasons are "" or absent in old answers."""

    deprecated: object = False
    deprecation_date: object = None
    deprecation_reason: object = None
    deprecation_replacement_formula: object = None
    deprecation_replacement_cask: object = None
    disabled: object = False
    disable_date: object = None
    disable_reason: object = None
    disable_replacement_formula: object = None
    disable_replacement_cask: object = None


def string(value: object) -> str:
    """Return a text without blanks around it, "" for anything else."""
    return value.strip() if isinstance(value, str) else ""


def strings(value: object) -> list[str]:
    """Return the texts of a list, sorted; none for anything else."""
    return sorted({item for item in value if isinstance(item, str)}) if isinstance(value, list) else []


def refused_name(identifier: str, what: str) -> Skipped | None:
    """Return why an identifier names nothing of Homebrew's own, None when it may."""
    if _TAPPED.fullmatch(identifier):
        message = f"{identifier} is in a tap, a repository of its own; only Homebrew's own {what}s can be asked for"
        return Skipped(subcategory=Subcategory.NOT_INSTALLABLE, message=message)
    if not _NAME.fullmatch(identifier):
        return Skipped(subcategory=Subcategory.BAD_NAME, message=f"no {what} can be called {identifier!r}")
    return None


def other_identity(asked: str, answered: str, known_as: Iterable[object], what: str) -> Failed | None:
    """Return that an answer is about something else than what was asked for, None when it is not.

    `known_as` holds its aliases and former names: a text, or a list of texts.
    """
    if answered == asked:
        return None
    names = {name for names in known_as for name in (strings(names) or [string(names)])}
    if asked not in names:
        return bad_metadata(f"asked for the {what} {asked}, the answer is about {answered!r}")
    return Failed(
        category=Category.RECIPE_NOT_FOUND,
        subcategory=Subcategory.NOT_FOUND,
        transient=False,
        message=text.one_line(f"{asked} is another name of the {what} {answered[:128]}: queue that one"),
    )


def tapped(tap: object, full_name: object, own: str, what: str) -> Skipped | None:
    """Return that an answer comes from another repository than Homebrew's own; answers before 2021 name none."""
    named = string(tap) or own
    if named == own and "/" not in string(full_name):
        return None
    message = text.one_line(
        f"{string(full_name)[:200]} is a {what} of the tap {named[:100]}, not one of Homebrew's own"
    )
    return Skipped(subcategory=Subcategory.NOT_INSTALLABLE, message=message)


def withdrawn(said: Withdrawal, name: str) -> Skipped | None:
    """Return that Homebrew refuses to install it (disabled), or is about to (deprecated)."""
    if said.disabled is True:
        word, date, reason = "disabled", said.disable_date, said.disable_reason
        successors = (said.disable_replacement_formula, said.disable_replacement_cask)
    elif said.deprecated is True:
        word, date, reason = "deprecated", said.deprecation_date, said.deprecation_reason
        successors = (said.deprecation_replacement_formula, said.deprecation_replacement_cask)
    else:
        return None
    since = f" since {string(date)[:20]}" if string(date) else ""
    # A reason is a sentence, or one of Homebrew's own words with underscores.
    why = text.description(string(reason).replace("_", " ")) or "no reason given"
    successor = next((string(one) for one in successors if string(one)), "")
    instead = f"; {successor[:128]} replaces it" if successor else ""
    message = text.one_line(f"{name} is {word}{since}: {why}{instead}")
    return Skipped(subcategory=Subcategory.DEPRECATED, message=message)


def announced(said: Withdrawal) -> str:
    """Return the risk that its end has been announced for a later date, "" when none has."""
    dates = {"deprecated": string(said.deprecation_date), "disabled": string(said.disable_date)}
    found = [f"{word} on {date[:20]}" for word, date in dates.items() if date]
    return f"it is to be {' and '.join(found)}" if found else ""


def newest_macos(tags: Iterable[str], *, arm: bool) -> str | None:
    """Return the tag of the newest macOS on one architecture: Homebrew takes it on that version and on later ones."""
    names = [tag.removeprefix(ARM) for tag in tags if is_macos(tag) and tag.startswith(ARM) == arm]
    newest = min(names, key=_macos_order, default=None)
    return None if newest is None else f"{ARM if arm else ''}{newest}"


def is_macos(tag: str) -> bool:
    """Say whether a tag is for a version of macOS."""
    return tag != "all" and not tag.endswith(LINUX)


def _macos_order(name: str) -> tuple[int, str]:
    return (MACOS.index(name) if name in MACOS else -1, name)


def only_risks(found: Mapping[str, bool]) -> tuple[str, ...]:
    """Return the risks that hold, each on one line."""
    return tuple(text.one_line(risk[:300]) for risk, holds in found.items() if holds)


def needs_manual(name: str, why: list[str]) -> Skipped:
    """Return that installing something takes what a recipe has no action for."""
    message = text.one_line(f"{name}: {shown(why)}"[:600])
    return Skipped(subcategory=Subcategory.NEEDS_MANUAL, message=message)
