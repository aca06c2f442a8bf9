"""From what upstream calls its licence to an SPDX expression, or a loud None."""

import re
from collections.abc import Sequence
from functools import cache

import license_expression  # type: ignore[import-untyped]  # ships no types

from pipeline.model import License, Origin
from pipeline.text import one_line

# Longer texts are the licence itself, not its name.
_EXPRESSION_LIMIT = 200  # characters

# Names in wide use that mean exactly one SPDX licence. "BSD", "GPL", "Apache" and the like, which may mean
# several, are left out on purpose: a wrong licence is worse than an unknown one.
_NAMES = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache2.0": "Apache-2.0",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "gplv2": "GPL-2.0-only",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "gnu gplv3": "GPL-3.0-only",
    "agplv3": "AGPL-3.0-only",
    "agplv3+": "AGPL-3.0-or-later",
    "lgplv3": "LGPL-3.0-only",
    "lgplv3+": "LGPL-3.0-or-later",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "the mit license": "MIT",
    "the mit license (mit)": "MIT",
    "mpl 2.0": "MPL-2.0",
    "mpl2": "MPL-2.0",
    "mozilla public license 2.0": "MPL-2.0",
    "the unlicense": "Unlicense",
    "the unlicense (unlicense)": "Unlicense",
}
# The trove classifiers below `License :: OSI Approved ::` that mean exactly one SPDX licence. Not here:
# "Apache Software License" (1.1 or 2.0), "BSD License" (2 or 3 clauses), "GNU General Public License (GPL)".
_CLASSIFIERS = {
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "zlib/libpng License": "Zlib",
}
# The words of CPAN::Meta::Spec, chapter "license", that mean exactly one SPDX expression; `perl_5` is "the same
# terms as Perl itself". Not here: `open_source`, `restricted`, `unrestricted`, `unknown`, and what SPDX has no
# name for (`ssleay`).
_CPAN = {
    "agpl_3": "AGPL-3.0-only",
    "apache_1_1": "Apache-1.1",
    "apache_2_0": "Apache-2.0",
    "artistic_1": "Artistic-1.0",
    "artistic_2": "Artistic-2.0",
    "bsd": "BSD-3-Clause",
    "freebsd": "BSD-2-Clause",
    "gfdl_1_2": "GFDL-1.2-only",
    "gfdl_1_3": "GFDL-1.3-only",
    "gpl_1": "GPL-1.0-only",
    "gpl_2": "GPL-2.0-only",
    "gpl_3": "GPL-3.0-only",
    "lgpl_2_1": "LGPL-2.1-only",
    "lgpl_3_0": "LGPL-3.0-only",
    "mit": "MIT",
    "mozilla_1_0": "MPL-1.0",
    "mozilla_1_1": "MPL-1.1",
    "openssl": "OpenSSL",
    "perl_5": "Artistic-1.0-Perl OR GPL-1.0-or-later",
    "qpl_1_0": "QPL-1.0",
    "sun": "SISSL",
    "zlib": "Zlib",
}
# license-expression fails with IndexError or AssertionError on these (fuzzed), instead of its own exception.
_NOTHING_IN_PARENTHESES = re.compile(r"\(\s*(?:\)|(?:and|or|with)\b|$)", re.IGNORECASE)
_CLASSIFIER_PREFIX = "License :: "


@cache
def _spdx() -> license_expression.Licensing:
    return license_expression.get_spdx_licensing()


def normalise(declared: str) -> str | None:
    """Return the SPDX expression in its usual spelling, or None when the text is not surely one.

    `LicenseRef-…` is None: it points to a text that nobody here has read. So are npm's `UNLICENSED` (all
    rights reserved) and `SEE LICENSE IN …`.
    """
    text = " ".join(declared.split())
    if not text or len(text) > _EXPRESSION_LIMIT or _NOTHING_IN_PARENTHESES.search(text):
        return None
    text = _NAMES.get(text.lower(), text)
    try:
        parsed = _spdx().parse(text, validate=True, strict=True)
    except license_expression.ExpressionError:
        return None
    if parsed is None or any(key.startswith("LicenseRef") for key in _spdx().license_keys(parsed)):
        return None
    return str(parsed.render())


def from_npm(license_: object, licenses: object = None) -> License:
    """Return the licence of a package.json: a string, `{type}`, or a list of these."""
    forms = [_npm_name(form) for form in (license_, *(licenses if isinstance(licenses, list) else [licenses]))]
    if isinstance(license_, list):
        forms = [_npm_name(form) for form in license_]
    names = list(dict.fromkeys(name for name in forms if name))
    # The old list form always meant "any of these".
    declared = names[0] if len(names) == 1 else " OR ".join(f"({name})" for name in names)
    return _license(declared, normalise(declared))


def _npm_name(form: object) -> str:
    match form:
        case str():
            return form.strip()
        case {"type": str(name)}:
            return name.strip()
        case _:
            return ""


def from_cargo(declared: str) -> License:
    """Return the licence of a Cargo.toml. Old ones write `MIT/Apache-2.0` and mean either."""
    return _license(declared, normalise(declared.replace("/", " OR ")), Origin.ARTIFACT)


def from_gem(names: Sequence[str]) -> License:
    """Return the licence of a gem. Several are no answer: RubyGems does not say whether all hold, or any."""
    declared = "; ".join(dict.fromkeys(names))
    return _license(declared, normalise(names[0]) if len(set(names)) == 1 else None, Origin.ARTIFACT)


def from_cpan(names: Sequence[str]) -> License:
    """Return the licence of a CPAN release, by the words of CPAN::Meta::Spec.

    Several are no answer: by that document each may hold for a part of the files.
    """
    spdx = _CPAN.get(names[0]) if len(set(names)) == 1 else None
    return _license("; ".join(dict.fromkeys(names)), spdx)


def from_core_metadata(expression: str, text: str, classifiers: list[str], *, origin: Origin) -> License:
    """Return the licence of a distribution: `License-Expression`, else `License`, else the one classifier.

    Several licence classifiers are no answer, as they do not say "and" or "or".
    """
    found = [item.removeprefix(_CLASSIFIER_PREFIX) for item in classifiers if item.startswith(_CLASSIFIER_PREFIX)]
    # `OSI Approved` alone says nothing.
    names = [name for item in dict.fromkeys(found) if (name := item.removeprefix("OSI Approved").removeprefix(" :: "))]
    if expression:
        return _license(expression, normalise(expression), origin)
    if spdx := normalise(text):
        return _license(text, spdx, origin)
    by_classifier = _CLASSIFIERS.get(names[0]) if len(names) == 1 else None
    if names and (by_classifier or not text):
        return _license("; ".join(names), by_classifier, origin)
    return _license(text, None, origin)


def _license(declared: str, spdx: str | None, origin: Origin = Origin.REGISTRY) -> License:
    line = one_line(declared[:_EXPRESSION_LIMIT])
    return License(spdx=spdx, declared=line, origin=origin)
