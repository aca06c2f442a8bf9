"""A git remote: its branches fetched, and pushed to when they still are what they were taken for.

The token reaches git by variables of its process, for the remote's own scheme and host alone. It is never an argument,
on disk or in a message, and neither is the user of an address. Nobody is asked for another one.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

from pipeline.digests import sha256
from pipeline.errors import PipelineError
from pipeline.publishing.git import Repository, reason
from pipeline.services import forge_token
from pipeline.text import one_line

# Settings of the user that would ask somebody, wait for ever or do more than was asked for. A redirect would take the
# token along to another host. 1000 bytes a second for 30 seconds is what git's manual calls slow.
SETTINGS = {
    "credential.helper": "",
    "core.askPass": "",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "push.gpgSign": "false",
    "push.useForceIfIncludes": "false",
}
QUIETLY = (
    "--no-tags",
    "--no-prune",
    "--no-recurse-submodules",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--refmap=",
)
# A user, and a password that is longer, stand before the host: `https://user:secret@host/`.
_USER = re.compile(r"(?<=//)[^/\s@]{1,1000}@")
# What git and the servers that it talks to say (in the C locale), by what it means. Looked for in lower case.
_REFUSED = (
    "returned error: 401",
    "returned error: 403",
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied",
    "terminal prompts disabled",
    "access denied",
)
_PROTECTED = ("protected branch", "gh006", "gh013", "repository rule violations")
_LOST = (
    "stale info",
    "fetch first",
    "non-fast-forward",
    "reference already exists",
    "incorrect old value",
    "but expected",
)


class Push(Enum):
    """What came of a push."""

    DONE = auto()
    LOST = auto()
    """Somebody else has moved the branch since it was looked at."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A remote of a checkout, by its name there. Whoever uses it holds the lock of the root."""

    repository: Repository
    name: str
    token: str

    def fetch(self, branch: str, *, tip_only: bool = False) -> str | None:
        """Return the last commit of a branch, which is here afterwards; None when the remote has no such branch.

        With `tip_only`, a shallow clone gets that commit alone: the history of a branch that others need not share.
        """
        name = self._own_name(branch)
        depth = ("--depth=1",) if tip_only and self.is_shallow() else ()
        wanted = f"+refs/heads/{branch}:refs/recipeline/{name}"
        code, _, err = self._talk("fetch", "--quiet", *QUIETLY, *depth, self.name, wanted)
        if code and "couldn't find remote ref" in err:
            self.repository.forget(name)
            return None
        if code:
            raise self._error("fetch", branch, err)
        return self.repository.noted(name)

    def push(self, branch: str, commit: str, *, expected: str | None) -> Push:
        """Have a branch be at a commit, unless it is not where it was seen; None for one that was not there."""
        code, out, err = self._talk(
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--recurse-submodules=no",
            f"--force-with-lease=refs/heads/{branch}:{expected or ''}",
            self.name,
            f"{commit}:refs/heads/{branch}",
        )
        told = f"{out.decode(errors='replace')}\n{err}"
        if code == 0:
            return Push.DONE
        if "exists; cannot create" not in told and any(words in told.lower() for words in _LOST):
            return Push.LOST
        raise self._error("push", branch, told)

    def branches(self, *patterns: str) -> dict[str, str]:
        """Return the branches that match one of some patterns (`batch`, `batch/*`), with their commits."""
        code, out, err = self._talk("ls-remote", "--heads", self.name, *(f"refs/heads/{each}" for each in patterns))
        if code:
            raise self._error("ls-remote", "", err)
        lines = (line.partition("\t") for line in out.decode(errors="replace").splitlines())
        return {name.removeprefix("refs/heads/"): commit for commit, _, name in lines}

    def refuse_blocked(self, branch: str) -> None:
        """Raise `PipelineError` when a branch cannot stand beside those of the remote: `batch` excludes `batch/1`."""
        above = branch.split("/")
        names = ["/".join(above[:count]) for count in range(1, len(above))]
        for name in self.branches(*names, f"{branch}/*"):
            # `ls-remote` looks for the end of a name, too: `x/batch` is in nobody's way.
            if name in names or name.startswith(f"{branch}/"):
                raise _blocked(self.name, branch, name)

    def is_shallow(self) -> bool:
        """Return whether the checkout has only a part of the history, as CI checks it out."""
        return self.repository.tried("rev-parse", "--is-shallow-repository")[1].strip() == b"true"

    def address(self, *, push: bool = False) -> str:
        """Return the remote's address, as git makes it from the user's settings; raises `PipelineError` without one.

        It may hold a user and a password: it is not for messages.
        """
        asked = ("--push",) if push else ()
        code, out, _ = self.repository.tried("remote", "get-url", *asked, "--", self.name)
        found = out.decode(errors="surrogateescape").split("\n")[0]
        if code or not found:
            raise PipelineError(
                f"publish.remote is {self.name}, and this checkout has no such remote",
                remedy=f"`git remote add {self.name} <address>`, or set publish.remote to one that `git remote` lists",
            )
        return found

    # ------------------------------------------------------------------------------------ inside

    def _own_name(self, branch: str) -> str:
        """Return where a fetched branch is kept. A digest: `batch` and `batch/1` do not exclude each other there."""
        return f"fetched/{sha256(f'{self.repository.prefix}:{self.name}:{branch}'.encode())[:16]}"

    def _talk(self, command: str, *arguments: str) -> tuple[int, bytes, str]:
        address = self.address(push=command == "push")
        bare = {key: "" for key in ("GH_TOKEN", "GITHUB_TOKEN") if key in self.repository.environment}
        code, out, err = self.repository.tried(command, *arguments, extra={**bare, **variables(address, self.token)})
        return code, out, self._without_secrets(err)

    def _without_secrets(self, text: str) -> str:
        for secret in filter(None, (self.token, _basic(self.token))):
            text = text.replace(secret, "***")
        return _USER.sub("", text)

    def _error(self, command: str, branch: str, told: str) -> PipelineError:
        """Return what is wrong, in words for whoever can mend it."""
        whole = told.lower()
        what = f"git {command} {self.name} {branch}".rstrip()
        said = one_line(_reason(self._without_secrets(told)))
        if any(words in whole for words in _PROTECTED):
            return PipelineError(
                f"{what}: the branch is protected ({said})",
                remedy=f"let whoever the token belongs to push {branch}, or set another branch in `publish`",
            )
        if "exists; cannot create" in whole:
            return _blocked(self.name, branch, "another branch whose name is the beginning of it, or begins with it")
        if any(words in whole for words in _REFUSED):
            held = "the token in GH_TOKEN or GITHUB_TOKEN" if self.token else "nobody's token: none is set"
            return PipelineError(
                f"{what} was refused, with {held} ({said})",
                remedy="set GH_TOKEN to a token that may read and write the contents of this repository",
            )
        if "shallow" in whole:
            return PipelineError(f"{what}: {said}", remedy="`git fetch --unshallow`, or check out the whole history")
        if "remote rejected" in whole:
            return PipelineError(f"{what}: {said}", remedy="see the rules of the repository, then repeat the command")
        return PipelineError(
            f"{what}: the remote was not reached ({said})",
            remedy="see whether its address and the network are right; nothing is lost: repeat the command",
        )


def remote_of(repository: Repository, name: str, environment: Mapping[str, str]) -> Remote:
    """Return a remote of a checkout, with the token that the environment holds."""
    return Remote(repository=repository, name=name, token=forge_token(environment))


def variables(address: str, token: str) -> dict[str, str]:
    """Return the variables that git needs to talk to an address, and that keep it from asking a person."""
    settings = list(SETTINGS.items())
    parts = urlsplit(address) if "://" in address else None
    if token and parts is not None and parts.scheme in {"http", "https"}:
        # The empty one forgets what other programs have left in the configuration: a server refuses two of them.
        key = f"http.{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.extraHeader"
        settings += [(key, ""), (key, f"Authorization: Basic {_basic(token)}")]
    given = {
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
    }
    for number, (key, value) in enumerate(settings):
        given |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return given


def _basic(token: str) -> str:
    """Return what git's own protocol over HTTP wants of a token: a password, of any user."""
    return b64encode(f"x-access-token:{token}".encode()).decode() if token else ""


def _reason(told: str) -> str:
    """Return the line that tells: what the server said of the branch, else what git says."""
    lines = [line.strip() for line in told.splitlines()]
    rejected = [line[1:].strip() for line in lines if line.startswith("!")]
    return rejected[0].partition("\t")[2] if rejected else reason(told)


def _blocked(remote: str, branch: str, by: str) -> PipelineError:
    return PipelineError(
        f"{remote} cannot hold the branch {branch} beside {by}",
        remedy="rename or delete that branch there, then repeat",
    )
