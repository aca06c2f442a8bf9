"""Licences as upstream writes them, and as SPDX or loudly unknown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import licenses
from pipeline.model import License, Origin


@pytest.mark.parametrize(
    ("declared", "expected"),
    {
        "MIT": "MIT",
        "mit": "MIT",
        "MIT License": "MIT",
        "(MIT OR Apache-2.0)": "MIT OR Apache-2.0",
        "MIT and ISC": "MIT AND ISC",
        "Apache 2.0": "Apache-2.0",
        "Apache License, Version 2.0": "Apache-2.0",
        "GPL-3.0": "GPL-3.0-only",
        "GPLv3+": "GPL-3.0-or-later",
        "GPL-2.0-or-later WITH Classpath-exception-2.0": "GPL-2.0-or-later WITH Classpath-exception-2.0",
        "Unlicense": "Unlicense",
        "UNLICENSED": None,
        "SEE LICENSE IN LICENSE.md": None,
        "LicenseRef-scancode-public-domain": None,
        "MIT OR LicenseRef-mine": None,
        "BSD": None,
        "Apache": None,
        "MIT, ISC": None,
        "MIT AND": None,
        "((MIT)": None,
        "()": None,
        "( OR MIT)": None,
        "Commercial": None,
        "MIT " * 100: None,
        "": None,
    }.items(),
)
def test_only_sure_names_become_spdx(declared, expected):
    """A name that means exactly one licence is normalised; all else is unknown rather than guessed."""
    assert licenses.normalise(declared) == expected


@settings(deadline=None)
@given(st.text(max_size=250) | st.text(alphabet="MITOR AND()WH+-.", max_size=40))
def test_any_text_is_answered(declared):
    """No text makes the normaliser raise, and what it returns it returns again."""
    found = licenses.normalise(declared)
    assert found is None or licenses.normalise(found) == found


@pytest.mark.parametrize(
    ("license_", "old", "spdx", "declared"),
    [
        ("MIT", None, "MIT", "MIT"),
        ({"type": "ISC", "url": "https://x.example"}, None, "ISC", "ISC"),
        ([{"type": "MIT"}, "ISC"], None, "MIT OR ISC", "(MIT) OR (ISC)"),
        (None, [{"type": "MIT"}], "MIT", "MIT"),
        (None, {"type": "MIT"}, "MIT", "MIT"),
        ("UNLICENSED", None, None, "UNLICENSED"),
        (None, None, None, ""),
        (7, {"type": 8}, None, ""),
        ("two\nlines\u202e", None, None, "two lines"),
    ],
)
def test_npm_forms(license_, old, spdx, declared):
    """Each form of a package.json's licence, current and long deprecated, is read."""
    assert licenses.from_npm(license_, old) == License(spdx=spdx, declared=declared, origin=Origin.REGISTRY)


@pytest.mark.parametrize(
    ("names", "spdx", "declared"),
    [
        (["MIT"], "MIT", "MIT"),
        (["Apache 2.0"], "Apache-2.0", "Apache 2.0"),
        (["MIT", "MIT"], "MIT", "MIT"),
        (["MIT", "Ruby"], None, "MIT; Ruby"),
        (["Nonstandard"], None, "Nonstandard"),
        ([], None, ""),
    ],
)
def test_licences_of_gems(names, spdx, declared):
    """One name is read; of several nobody says whether all hold or any."""
    assert licenses.from_gem(names) == License(spdx=spdx, declared=declared, origin=Origin.ARTIFACT)


@pytest.mark.parametrize(
    ("names", "spdx"),
    [
        (["perl_5"], "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        (["mit"], "MIT"),
        (["bsd"], "BSD-3-Clause"),
        (["gpl_3"], "GPL-3.0-only"),
        (["unknown"], None),
        (["mit", "perl_5"], None),
        ([], None),
    ],
)
def test_licences_of_cpan(names, spdx):
    """The words of CPAN's metadata mean one expression each; `unknown` and several mean none."""
    found = licenses.from_cpan(names)
    assert (found.spdx, found.declared) == (spdx, "; ".join(names))
    assert spdx is None or licenses.normalise(spdx) == spdx


MIT = "License :: OSI Approved :: MIT License"
BSD = "License :: OSI Approved :: BSD License"


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "spdx", "declared"),
    [
        ("MIT", "BSD", [BSD], "MIT", "MIT"),
        ("LicenseRef-Mine", "MIT", [MIT], None, "LicenseRef-Mine"),
        ("", "BSD-3-Clause", [BSD], "BSD-3-Clause", "BSD-3-Clause"),
        ("", "MIT-ish terms", [MIT], "MIT", "MIT License"),
        ("", "", [MIT, "Topic :: Software Development"], "MIT", "MIT License"),
        ("", "", ["License :: OSI Approved", MIT], "MIT", "MIT License"),
        ("", "", [MIT, BSD], None, "MIT License; BSD License"),
        ("", "", [BSD], None, "BSD License"),
        ("", "BSD", [BSD], None, "BSD"),
        ("", "", [], None, ""),
    ],
)
def test_core_metadata_forms(expression, text, classifiers, spdx, declared):
    """The expression decides, then a sure name, then one sure classifier; several are no answer."""
    found = licenses.from_core_metadata(expression, text, classifiers, origin=Origin.ARTIFACT)
    assert found == License(spdx=spdx, declared=declared, origin=Origin.ARTIFACT)
