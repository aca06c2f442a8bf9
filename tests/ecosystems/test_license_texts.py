"""Licences by their text: the unmistakable ones, and those that must stay unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.license_texts import TEXT_LIMIT, from_text
from pipeline.model import Origin

MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including ...
The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software."""
BSD2 = """\
Redistribution and use in source and binary forms, with or without modification, are permitted provided that ...
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions ..."""
BSD3 = (
    BSD2
    + """
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote
products derived from this software without specific prior written permission."""
)
ISC = """\
Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies."""
APACHE = """\
                                 Apache License
                           Version 2.0, January 2004
3. Grant of Patent License. Subject to ..."""
MPL = 'Mozilla Public License Version 2.0\n1.5. "Incompatible With Secondary Licenses" means ...'
UNLICENSE = "This is free and unencumbered software released into the public domain."
GPL3 = "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n"


def spdx(text: str) -> str | None:
    return from_text(text.encode(), origin=Origin.ARTIFACT, place="LICENSE").spdx


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MIT, "MIT"),
        (BSD2, "BSD-2-Clause"),
        (BSD3, "BSD-3-Clause"),
        (ISC, "ISC"),
        (APACHE, "Apache-2.0"),
        (MPL, "MPL-2.0"),
        (UNLICENSE, "Unlicense"),
    ],
)
@pytest.mark.parametrize("shape", ["plain", "wrapped", "capitals", "markdown", "quotes"])
def test_a_known_text_is_recognised_in_any_layout(text, expected, shape):
    """Line breaks, capitals, Markdown and curly quotes say nothing about the licence."""
    shaped = {
        "plain": text,
        "wrapped": text.replace(" ", "\n   "),
        "capitals": text.upper(),
        "markdown": f"# License\n\n> {text}",
        "quotes": text.replace('"Software"', "“Software”"),
    }[shape]
    assert spdx(f"Copyright (c) 2024 Acme\n\n{shaped}") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "All rights reserved.",
        GPL3,
        MIT + "\n\n" + BSD3,
        MIT + '\n\n"Commons Clause" License Condition v1.0',
        MIT + " and more" * 500,
        BSD3 + "\nAll advertising materials mentioning features must display ...",
        APACHE.replace("2.0", "1.1"),
        MIT.replace("without restriction", "on Sundays"),
    ],
    ids=[
        "nothing",
        "reserved",
        "version open",
        "two",
        "condition",
        "longer",
        "four clauses",
        "other version",
        "changed",
    ],
)
def test_what_is_not_unmistakable_is_unknown(text):
    """A wrong licence is worse than an unknown one."""
    assert spdx(text) is None


def test_the_unknown_is_named():
    """A text with a name but no SPDX one keeps its name; any other is called by its file."""
    assert from_text(GPL3.encode(), origin=Origin.ARTIFACT, place="COPYING").declared.startswith(
        "GNU General Public License 3"
    )
    assert from_text(b"x", origin=Origin.ARTIFACT, place="LICENSE\n.md").declared == "the text in LICENSE .md"


@given(st.binary(max_size=500))
def test_any_bytes_are_answered(content):
    """No text of a stranger ends in an exception."""
    assert from_text(content, origin=Origin.ARTIFACT, place="LICENSE").declared.isprintable()


def test_a_huge_text_is_unknown():
    """Only the beginning of a file would be read, so nothing is said about it."""
    assert spdx(UNLICENSE + "\n" * TEXT_LIMIT) is None
