"""Addresses as they may be published: statements go into a repository, credentials do not. Pure."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

from pipeline.digests import sha256

# As in `model.Input.url`. Longer ones are signed, or an attack; their digest stands for them.
LONGEST = 2048
MASK = "***"
# Names of query parameters whose value opens a door: those of signed addresses of the large object stores
# (X-Amz-Signature, X-Goog-Credential, sig, Key-Pair-Id), and of the usual access tokens.
_SECRET = re.compile(
    r"(?i)(?<=[?&;])"
    r"([^=&;#]*(?:token|secret|signature|credential|passw|api.?key|access.?key|key-pair)[^=&;#]*|sig|auth|key)=[^&;#]*"
)
_KEPT = "!#$%&'()*+,/:;=?@[]"
_USER = re.compile(r"://[^/?#\s]*@")


def public(url: str) -> str:
    """Return an address without user, password and fragment, and with `***` for what its query keeps secret.

    The same address always gives the same text, so recorded answers are found by it. One that cannot be read, or is
    longer than `LONGEST`, is named by its digest.
    """
    if len(url) <= LONGEST and url.isprintable():
        try:
            parts = urlsplit(url)
        except ValueError:  # an impossible IPv6 address
            parts = None
        if parts is not None:
            bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
            # A URI has neither blanks nor letters beyond ASCII; quoting what is quoted changes nothing.
            masked = _SECRET.sub(rf"\1={MASK}", quote(bare, safe=_KEPT))
            return masked if len(masked) <= LONGEST else f"sha256:{sha256(masked.encode())}"
    return f"sha256:{sha256(url.encode(errors='surrogatepass'))}"


def public_registry(registry: str) -> str:
    """Return a registry's address, or Go's list of them, without users and passwords."""
    return _USER.sub("://", registry)
