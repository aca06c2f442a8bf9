"""How the cpanm of this machine is set up: which CPAN mirror it takes releases from."""

import shlex
from collections.abc import Mapping

# Says in the sandbox which mirror to ask; cpanm's own variable may hold more than may go there.
MIRROR = "RECIPELINE_CPAN_MIRROR"
_OPTIONS = ("--mirror", "--from", "-M")


def mirror_in(environment: Mapping[str, str]) -> str:
    """Return the first mirror that PERL_CPANM_OPT names, "" when it names none or cannot be read."""
    try:
        words = shlex.split(environment.get("PERL_CPANM_OPT", ""))
    except ValueError:  # a quotation without an end
        return ""
    for at, word in enumerate(words):
        option, _, value = word.partition("=")
        if option in _OPTIONS:
            return value or next(iter(words[at + 1 :]), "")
    return ""
