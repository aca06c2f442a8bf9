"""Whether git can be used here, who acts, and whether the forge can be reached with the right to publish."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from pipeline.config import PublishConfig, PublishMode
from pipeline.decoding import decode_json
from pipeline.doctor.base import Finding, Machine, Ran, Unanswered, failed, not_asked, not_needed, of_error, ok, warning
from pipeline.errors import PipelineError
from pipeline.forge.connect import api_of, repository_of
from pipeline.http_failures import shown
from pipeline.publishing.git import repository_around
from pipeline.publishing.remote import variables
from pipeline.services import TOKENS, forge_token, token_variable
from pipeline.text import one_line

# Before 2.30, `git rev-parse --verify --end-of-options NAME` answers with its own option.
OLDEST = (2, 30)
_VERSION = re.compile(r"git version (\d+)\.(\d+)\S*")
# Classic tokens that may push to a private and to a public repository.
_SCOPES = frozenset({"repo", "public_repo"})
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
_API_RATE = 1.0  # requests a second; GitHub asks for a second between those that write


class _Permissions(msgspec.Struct, frozen=True):
    push: bool | None = None


class _Repository(msgspec.Struct, frozen=True):
    """What GitHub tells of a repository, as far as it is read; without a token there are no permissions."""

    permissions: _Permissions | None = None
    archived: bool = False


def examine(machine: Machine) -> Iterable[Finding]:
    """Look at git, the checkout and who acts."""
    ran = machine.ask(("git", "--version"), _QUIET)
    found = _VERSION.match(ran.out)
    if ran.exit_code or found is None:
        yield failed("git", "it is not on this machine, or does not answer", "install the system's package git")
        return
    version = found[0].removeprefix("git version ")
    if (int(found[1]), int(found[2])) < OLDEST:
        yield failed("git", f"{version} is older than {'.'.join(map(str, OLDEST))}", "install a newer git")
        return
    yield ok("git", version)
    yield _checkout(machine)
    yield _identity(machine)


def _checkout(machine: Machine) -> Finding:
    paths = machine.paths
    try:
        repository = repository_around(paths.root, machine.environment, paths.build / "doctor-index")
        head = repository.head() if repository else None
    except PipelineError as error:
        if "dubious ownership" in error.message:
            remedy = f"run as the owner of {paths.root}, or `git config --global --add safe.directory {paths.root}`"
            return failed("checkout", error.message, remedy)
        return of_error("checkout", error)
    if repository is None:
        if machine.config.publish.mode is PublishMode.GITHUB:
            return failed("checkout", f"{paths.root} lies in no git checkout", "clone the repository, and work there")
        return ok("checkout", "none: recipes are written to the folder itself")
    where = f"{repository.top}, at {head[:12] if head else 'no commit yet'}"
    shallow = machine.ask(("git", "-C", str(repository.top), "rev-parse", "--is-shallow-repository"), _QUIET)
    if shallow.out.strip() == "true":
        return warning(
            "checkout",
            f"{where}, is a shallow clone: whether a batch is merged cannot be told from its history",
            "`git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout",
        )
    return ok("checkout", where)


def _identity(machine: Machine) -> Finding:
    name = machine.acting()
    if name is None:
        seen = "nobody is named: switches will not say who threw them"
        return warning("identity", seen, "set USER, or git's user.name")
    return ok("identity", f"{name} acts; commits are recipeline's own")


def forge(machine: Machine) -> Iterable[Finding]:
    """See whether the remote, its branches and the token allow to publish."""
    publish = machine.config.publish
    if publish.mode is not PublishMode.GITHUB:
        yield not_needed("forge", f"`publish.mode` is `{publish.mode}`")
        return
    address = machine.ask(("git", "-C", str(machine.paths.root), "remote", "get-url", publish.remote), _QUIET)
    if address.exit_code:
        yield failed(
            "remote",
            f"there is no remote {publish.remote} (`publish.remote`)",
            f"`git remote add {publish.remote} ADDRESS`, or set `publish.remote` to one that `git remote` shows",
        )
    elif machine.prober is None:
        yield not_asked("remote", "nobody was asked (--offline)")
    else:
        yield from _remote(machine, publish, address.out.strip())
    yield _token(machine, address.out.strip())


def _remote(machine: Machine, publish: PublishConfig, address: str) -> Iterable[Finding]:
    token = forge_token(machine.environment)
    asked = ("git", "-C", str(machine.paths.root), "ls-remote", "--heads", publish.remote)
    listed = machine.ask(asked, {**_QUIET, **_ssh(machine.environment), **variables(address, token)})
    if listed.exit_code:
        seen = f"{shown(address)}: {_words(listed)}"
        yield failed("remote", seen, "see that this user may read it, as by `git fetch`")
        return
    heads = {line.partition("refs/heads/")[2] for line in listed.out.splitlines()}
    yield ok("remote", f"{publish.remote} answers, with {len(heads)} branches")
    if publish.base in heads:
        yield ok("base branch", publish.base)
    else:
        yield failed("base branch", f"{publish.remote} has no {publish.base}", "push it, or set `publish.base`")
    there = publish.state_branch in heads
    yield ok("state branch", publish.state_branch + ("" if there else ": the first `doit publish` makes it"))


def _ssh(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return what keeps ssh from asking and from waiting, unless the user calls it in a way of his own."""
    named = environment.get("GIT_SSH_COMMAND") or environment.get("GIT_SSH")
    return {} if named else {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=4"}


def _words(ran: Ran) -> str:
    if ran.exit_code < 0:
        return "no answer in time"
    lines = [one_line(line) for line in ran.err.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "no reason")


def _token(machine: Machine, address: str) -> Finding:
    name = token_variable(machine.environment)
    if not name:
        return failed(
            "token",
            f"neither {' nor '.join(TOKENS)} is set: branches are pushed, no pull request is opened",
            "set GH_TOKEN to a token that may read and write contents and pull requests",
        )
    token = forge_token(machine.environment)
    if not token:
        return failed("token", f"{name} holds what no token can hold", "set it again, without blanks and line ends")
    try:
        repository = repository_of(machine.config, machine.environment, address)
        api = api_of(machine.config, machine.environment)
    except PipelineError as error:
        return of_error("token", error)
    if machine.prober is None:
        return not_asked("token", f"{name} is set; nobody was asked what it may do (--offline)")
    reply = machine.prober.get(
        f"{api}/repos/{repository}",
        rate=_API_RATE,
        authorization=f"Bearer {token}",
        accept="application/vnd.github+json",
    )
    if isinstance(reply, Unanswered) and reply.paced:
        return not_asked("token", f"{name} is set; {reply.message}")
    if isinstance(reply, Unanswered):
        seen = f"{name} is set, but {api} does not answer: {reply.message}"
        return failed("token", seen, "see `publish.api`")
    return of_reply(name, repository, reply.status, reply.headers.get("x-oauth-scopes"), reply.content)


def of_reply(name: str, repository: str, status: int, scopes: str | None, content: bytes) -> Finding:
    """Return what a token may do, from the answer to `GET /repos/OWNER/NAME`.

    A classic token's scopes stand in `X-OAuth-Scopes`; a fine-grained one, and that of a workflow, have no such header.
    """
    write = "give it read and write access to contents and pull requests"
    match status:
        case 200:
            pass
        case 401:
            return failed("token", f"{name} is refused: it has expired or was revoked", "make a new one")
        case 403 | 404:
            return failed("token", f"{name} does not see {repository} ({status})", f"see its name; {write} there")
        case _:
            return warning("token", f"{repository}: the API answers {status}", "ask again later")
    try:
        told = decode_json(content, _Repository)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return warning("token", f"{repository}: the API's answer cannot be read", "see that `publish.api` is GitHub's")
    if told.archived:
        return failed("token", f"{repository} is archived: nobody can write to it", "unarchive it, or name another")
    if told.permissions is not None and told.permissions.push is False:
        return failed("token", f"{name} may not push to {repository}", write)
    if scopes is None:
        return ok("token", f"{name} reads {repository}; of fine-grained tokens, and workflows', the API tells no more")
    given = frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())
    if not given & _SCOPES:
        shown_scopes = one_line(scopes)[:200] or "none"
        return failed("token", f"{name} has the scopes {shown_scopes}; `repo` or `public_repo` is needed", write)
    return ok("token", f"{name} may push to {repository}, with {', '.join(sorted(given & _SCOPES))}")
