"""Recognising a licence by its text, where a package has no other word on it. What is not unmistakable is unknown."""

import re

import msgspec

from pipeline.model import License, Origin
from pipeline.text import one_line

# A module's root holds no longer licence; the longest here, the GPL, has 35,000 characters.
TEXT_LIMIT = 256 * 1024  # bytes


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    """A licence is it when all of `holds`, and none of `lacks`, are in a text no longer than `characters`.

    `characters` is the licence's own text with generous room for names; what is longer has more to say than the
    licence. A text that names a version but not whether later ones are meant too has no SPDX name.
    """

    name: str
    spdx: str | None
    holds: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    characters: int


_BSD = "redistribution and use in source and binary forms, with or without modification, are permitted"
_OPEN_VERSION = "only, or later versions too, is not said"

_TEXTS = (
    _Text(
        name="Apache License 2.0",
        spdx="Apache-2.0",
        holds=("apache license version 2.0, january 2004", "grant of patent license"),
        characters=13_000,
    ),
    _Text(
        name="MIT License",
        spdx="MIT",
        holds=(
            "permission is hereby granted, free of charge, to any person obtaining a copy of this software",
            'associated documentation files (the "software"), to deal in the software without restriction',
            "this permission notice shall be included in all copies or substantial portions of the software",
        ),
        lacks=("permission notice (including the next paragraph)",),
        characters=2_500,
    ),
    _Text(
        name="BSD 3-Clause License",
        spdx="BSD-3-Clause",
        holds=(_BSD, "endorse or promote products derived from this software"),
        lacks=("advertising materials",),
        characters=3_000,
    ),
    _Text(
        name="BSD 2-Clause License",
        spdx="BSD-2-Clause",
        holds=(_BSD, "redistributions in binary form must reproduce the above copyright notice"),
        lacks=("advertising materials", "endorse or promote"),
        characters=2_500,
    ),
    _Text(
        name="ISC License",
        spdx="ISC",
        holds=(
            "distribute this software for any purpose with or without fee is hereby granted, provided that the above",
            "copyright notice and this permission notice appear in all copies",
        ),
        characters=1_800,
    ),
    _Text(
        name="Mozilla Public License 2.0",
        spdx="MPL-2.0",
        holds=("mozilla public license", "version 2.0", 'incompatible with secondary licenses" means'),
        characters=19_000,
    ),
    _Text(
        name="The Unlicense",
        spdx="Unlicense",
        holds=("this is free and unencumbered software released into the public domain",),
        characters=2_000,
    ),
    _Text(name="CC0 1.0 Universal", spdx="CC0-1.0", holds=("cc0 1.0 universal", "affirmer"), characters=9_000),
    *(
        _Text(
            name=f"GNU {prefix}General Public License {version}; {_OPEN_VERSION}",
            spdx=None,
            holds=(f"gnu {prefix.lower()}general public license version {version}, {month}",),
            characters=60_000,
        )
        for prefix, version, month in (
            ("", "2", "june 1991"),
            ("", "3", "29 june 2007"),
            ("Affero ", "3", "19 november 2007"),
            ("Lesser ", "3", "29 june 2007"),
        )
    ),
)
# Words that take back a part of a licence whose text they stand in or after.
_CONDITIONS = ("commons clause", "business source license", "server side public license", "elastic license")


def from_text(content: bytes, *, origin: Origin, place: str) -> License:
    """Return the licence whose text this is. `declared` names it, or the place of a text that is not recognised."""
    text = " ".join(re.sub(r"[#*=_`>]+", " ", content[:TEXT_LIMIT].decode(errors="replace")).lower().split())
    text = text.replace("“", '"').replace("”", '"').replace("''", '"').replace("``", '"')
    found = [each for each in _TEXTS if _is(each, text)]
    if len(found) != 1 or any(words in text for words in _CONDITIONS) or len(content) > TEXT_LIMIT:
        return License(spdx=None, declared=one_line(f"the text in {place}"[:200]), origin=origin)
    return License(spdx=found[0].spdx, declared=found[0].name, origin=origin)


def _is(each: _Text, text: str) -> bool:
    return (
        len(text) <= each.characters
        and all(words in text for words in each.holds)
        and not any(words in text for words in each.lacks)
    )
