"""Text for people: cleaning the names, descriptions and addresses that upstream wrote, and counting things."""

import re
import unicodedata
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

DESCRIPTION_LIMIT = 200  # characters; the recipe format's
URL_LIMIT = 500  # characters; longer addresses are trackers or mistakes
NAME_LIMIT = 100  # characters; model.Recipe.name
DAYS_FROM = 48  # hours; from there on days are easier to read

# A recipe may only name https addresses. These hosts, and all below them, answer on https for every page that
# they answer on http, so an old http address of theirs can be upgraded; any other http address is left out.
HTTPS_HOSTS = frozenset({
    "bitbucket.org", "codeberg.org", "github.com", "github.io", "gitlab.com", "gitlab.io",
    "netlify.app", "readthedocs.io", "readthedocs.org", "sourceforge.net", "sr.ht", "vercel.app",
})  # fmt: skip
# The short forms that npm documents for `repository`.
FORGES = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}

# A full stop after one of these ends no sentence.
_ABBREVIATIONS = frozenset({"e.g", "i.e", "etc", "vs", "cf", "approx", "a.k.a", "mr", "dr", "no", "st", "incl"})
_SENTENCE_END = re.compile(r"(?<=[.!?])([\"')\]]*)\s+(?=[^a-z\s])")
_SHORTHAND = re.compile(r"(?:(github|gitlab|bitbucket):)?([A-Za-z0-9][\w.-]*)/([\w.-]+)")
_SCP = re.compile(r"(?:ssh://)?git@([A-Za-z0-9.-]+)[:/]([\w./~-]+)")
_HOST = re.compile(r"(?=.{4,253}$)[a-z0-9](?:[a-z0-9-]{0,62}\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_FORGE_PAGE = re.compile(r"https://(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)/[\w.-]+/[\w.-]+")
_URL_CHARS = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*")


def one_line(text: str) -> str:
    """Return text on one line without control, format (bidirectional, ...) and unassigned characters."""
    spaced = "".join(" " if char.isspace() else char for char in text)
    kept = "".join(char for char in spaced if unicodedata.category(char) not in {"Cc", "Cf", "Cn", "Co", "Cs"})
    return " ".join(kept.split())


def counted(number: int, one: str, many: str = "") -> str:
    """Return `1 batch`, `1,234 batches`; the plural is that with an `s` unless it is given."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def duration(hours: float) -> str:
    """Return hours for people: seconds and minutes below one, days from two days on."""
    seconds = round(hours * 3600)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{hours:.1f} h" if hours < DAYS_FROM else f"{hours / 24:.1f} d"


def description(text: str) -> str:
    """Return the first sentence on one line without its full stop, at most `DESCRIPTION_LIMIT` characters."""
    # Nobody reads beyond that, and some registries hand out whole manuals here.
    sentence = _first_sentence(one_line(text[:5_000])).rstrip(". ")
    if len(sentence) <= DESCRIPTION_LIMIT:
        return sentence
    head, _, rest = sentence[: DESCRIPTION_LIMIT - 1].rpartition(" ")
    return f"{(head or rest).rstrip('.,;: ')}…"


def _first_sentence(line: str) -> str:
    for match in _SENTENCE_END.finditer(line):
        sentence = line[: match.end(1)]
        last_word = sentence.rsplit(" ", 1)[-1].lower().strip("\"'()[]").rstrip(".")
        if not sentence.endswith(".") or (last_word not in _ABBREVIATIONS and len(last_word) > 1):
            return sentence
    return line


def homepage(declared: str) -> str:
    """Return an https address without user data, or "" when there is none to be had without guessing.

    Understands `git+https://…`, `git://…`, `git@host:owner/repo`, `github:owner/repo`, `owner/repo`, and a
    `.git` at the end. An http address is upgraded on `HTTPS_HOSTS` and left out elsewhere.
    """
    text = declared.strip().removeprefix("git+")
    if not text or len(text) > URL_LIMIT or not _URL_CHARS.fullmatch(text):
        return ""
    if short := _SHORTHAND.fullmatch(text):
        forge, owner, repository = short.groups(default="github")
        return f"https://{FORGES[forge]}/{owner}/{repository.removesuffix('.git')}"
    if scp := _SCP.fullmatch(text):
        text = f"git://{scp[1]}/{scp[2]}"
    return _https(text)


def _https(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:  # an impossible port or IPv6 address
        return ""
    known = any(host == name or host.endswith(f".{name}") for name in HTTPS_HOSTS)
    upgraded = parts.scheme in {"http", "git", "ssh"} and known
    if not _HOST.fullmatch(host) or not (parts.scheme == "https" or upgraded):
        return ""
    keep_port = parts.scheme == "https" and port not in {None, 443}
    return _join(parts, host if not keep_port else f"{host}:{port}", forge=known)


def _join(parts: SplitResult, netloc: str, *, forge: bool) -> str:
    path = parts.path.rstrip("/").removesuffix(".git") if forge else parts.path
    path = "" if path == "/" else path
    # npm fills an empty `homepage` with the repository's address and this fragment.
    fragment = "" if forge and parts.fragment == "readme" else parts.fragment
    return urlunsplit(("https", netloc, path, parts.query, fragment))


def repository(*declared: str) -> str:
    """Return the first address that can be looked at, a home page only when it is a repository on a forge.

    `declared` begins with what upstream calls its repository, and goes on with its home pages.
    """
    first, *others = (homepage(address) for address in declared)
    pages = (page for page in others if _FORGE_PAGE.fullmatch(page))
    return first or next(pages, "")


def is_web_address(url: str) -> bool:
    """Return whether `url` is an absolute http or https address with a host."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
        return named and parts.scheme in {"http", "https"} and _URL_CHARS.fullmatch(url) is not None
    except ValueError:  # an impossible port or IPv6 address
        return False


def absolute(page: str, url: str) -> str:
    """Return the http or https address that `url` means on a page, "" when it means none."""
    try:
        joined = urljoin(page, url)
    except ValueError:  # an impossible IPv6 address
        return ""
    return joined if is_web_address(joined) else ""


def without_secrets(url: str) -> str:
    """Return an address without user, password, query and fragment: evidence is published, credentials are not."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def kebab(name: str) -> str:
    """Return a recipe's name for a tool's: lower case, words joined by `-`; "" when nothing can be kept."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return "-".join(words)[:NAME_LIMIT].rstrip("-")
