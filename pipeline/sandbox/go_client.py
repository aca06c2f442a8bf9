"""Running the go command in the sandbox, and what its failures mean.

The module cache is shared by all jobs and writable in `fetch` only; the build cache is the job's own. It begins as a
copy of the compiled standard library, which is made once for each release of Go and by nothing but Go: that takes 43 s
of processor time, and 13 of the 15 s that a small command takes without it.
"""

import re
from collections.abc import Mapping

import msgspec

from pipeline.model import Category, Subcategory
from pipeline.recipe import installed_package
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Mount, Phase, PhaseOutput
from pipeline.sandbox.course import CACHE, PREFIX, SYSTEM_PATH
from pipeline.sandbox.diagnose import Diagnosis, Rule, install, network
from pipeline.sandbox.runtimes import Runtime

_BUILD = "/build"
_LIBRARY = "/library"
# The copy is the job's own, to be written to; the library is not.
_COPY_FIRST = 'mkdir "$GOCACHE" && cp -R "$0/." "$GOCACHE" && exec "$@"'
_SETTINGS = {
    # Without it the same sources give other programs where a C compiler is installed.
    "CGO_ENABLED": "0",
    "GOENV": "off",
    # `build/` may be deleted at any time, by a user who is not root as well.
    "GOFLAGS": "-modcacherw -trimpath",
    "GOMODCACHE": CACHE,
    "GOTOOLCHAIN": "local",
    "GOVCS": "*:off",
    "GOWORK": "off",
}
_OFFLINE = {"GOPROXY": f"file://{CACHE}/cache/download", "GOSUMDB": "off"}
_EXCLUDED = re.compile(r"build constraints exclude all Go files in \S+")
_GO_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_COMPILER_ERROR = re.compile(r"^\S+\.go:\d+(?::\d+)?: .+$", re.MULTILINE)
_NAMED_MODULE = re.compile(r"(?:^|\s)([^\s@]+)@v\d")
# A reason is one line of a table.
_REASON_CHARACTERS = 240


# What go 1.21 to 1.27 print. Those that the registry's state explains come first.
_RULES = (
    Rule(
        re.compile(r"requires go >= ?\S+ \(running go \S+"),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_TOO_OLD,
        infra=True,
    ),
    install(r"SECURITY ERROR|checksum mismatch|verifying \S+: .*does not match", Subcategory.DIGEST_MISMATCH),
    network(r"\b429 Too Many Requests", Subcategory.RATE_LIMITED),
    network(r": 5\d\d (?:Internal|Bad|Service|Gateway)\b", Subcategory.UPSTREAM_UNAVAILABLE),
    network(r": 40[137] (?:Unauthorized|Forbidden|Proxy)|module lookup disabled", Subcategory.UPSTREAM_REFUSED),
    network(r"no such host|server misbehaving|Temporary failure in name resolution", Subcategory.DNS_ERROR),
    network(r"x509: |tls: ", Subcategory.TLS_ERROR),
    network(r"i/o timeout|TLS handshake timeout|context deadline exceeded", Subcategory.TIMEOUT),
    network(r"connection re(?:fused|set)|network is unreachable|unexpected EOF|: EOF$", Subcategory.CONNECTION_ERROR),
    install(r"must not contain directives that would cause", Subcategory.NOT_INSTALLABLE),
    install(_EXCLUDED.pattern, Subcategory.NO_PLATFORM_BUILD),
    install(r"is not a main package", Subcategory.NO_EXECUTABLES),
    install(
        r": 4(?:04 Not Found|10 Gone)|unknown revision|no matching versions|does not contain package",
        Subcategory.NOT_FOUND,
    ),
)


def package_at_version(job: Job) -> str:
    """Return what `go install` is told: the package and the tag of the version."""
    return f"{installed_package(job.steps)}@v{job.version}"


def fetch_phase(job: Job, go: Runtime, name: str, target: Mapping[str, str]) -> Phase:
    """Return the phase that downloads what an installation needs, and no more: `go install -n` builds nothing.

    It prints the commands instead. `target` holds GOOS and GOARCH, or nothing for this machine.
    """
    return Phase(
        name=name,
        argv=(*go.argv, "install", "-n", package_at_version(job)),
        environment={**go.environment, "PATH": SYSTEM_PATH, **job.client_environment, **_SETTINGS, **target},
        mounts=(*go.mounts, Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True)),
        network=True,
        limits=job.limits.fetch,
    )


def library_phase(job: Job, go: Runtime, build: Mount) -> Phase:
    """Return the phase that compiles the standard library; `build` is where it goes. It runs go alone."""
    return Phase(
        name="library",
        argv=(*go.argv, "build", "std"),
        environment={**go.environment, "PATH": SYSTEM_PATH, **_SETTINGS, "GOCACHE": _BUILD, "GOPROXY": "off"},
        mounts=(*go.mounts, msgspec.structs.replace(build, inside=_BUILD)),
        network=False,
        limits=job.limits.compile,
    )


def build_phase(job: Job, go: Runtime, prefix: Mount, build: Mount, library: Mount | None) -> Phase:
    """Return the phase that compiles from the module cache, without a network; `build` is for what compilers write."""
    install = (*go.argv, "install", package_at_version(job))
    return Phase(
        name="build",
        argv=("/bin/sh", "-c", _COPY_FIRST, _LIBRARY, *install) if library else install,
        environment={
            **go.environment,
            "PATH": SYSTEM_PATH,
            **_SETTINGS,
            **_OFFLINE,
            "GOBIN": f"{PREFIX}/bin",
            "GOCACHE": f"{_BUILD}/cache",
            "GOTMPDIR": _BUILD,
        },
        mounts=(
            *go.mounts,
            prefix,
            msgspec.structs.replace(build, inside=_BUILD),
            Mount(host=job.cache_folder, inside=CACHE, cache=True),
            *((msgspec.structs.replace(library, inside=_LIBRARY),) if library else ()),
        ),
        network=False,
        limits=job.limits.compile,
    )


def inspect_phase(job: Job, go: Runtime, prefix: Mount, executable: str) -> Phase:
    """Return the phase that reads which module an executable was built from; it runs go alone."""
    return Phase(
        name="inspect",
        argv=(*go.argv, "version", "-m", f"{PREFIX}/bin/{executable}"),
        environment={**go.environment, "PATH": SYSTEM_PATH, **_SETTINGS},
        mounts=(*go.mounts, prefix),
        network=False,
        limits=job.limits.verify,
    )


def built_version(output: str, package: str) -> str:
    """Return the module's version that `go version -m` reads from a program of this package, without the `v`."""
    fields = [line.split("\t")[1:] for line in output.splitlines() if line.startswith("\t")]
    paths = {field[1] for field in fields if field[0] == "path" and len(field) > 1}
    versions = {field[2] for field in fields if field[0] == "mod" and len(field) > 2}
    return versions.pop().removeprefix("v") if paths == {package} and len(versions) == 1 else ""


def too_old(job: Job, go: Runtime) -> Diagnosis | None:
    """Return that the module's `go` line wants a newer Go than is here: nothing was learnt about the package."""
    wanted, here = (_GO_RELEASE.search(text) for text in (job.runtime_requirement, go.version))
    if wanted is None or here is None or _numbers(wanted[0]) <= _numbers(here[0]):
        return None
    return Diagnosis(
        category=Category.MISSING_DEP,
        subcategory=Subcategory.RUNTIME_TOO_OLD,
        reason=f"it wants Go {job.runtime_requirement}, and {go.version} is here",
        infra=True,
    )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def fetch_failure(job: Job, answer: PhaseOutput) -> Diagnosis:
    """Return why the modules could not be had."""
    known = diagnose.fetch_failure(answer, job.limits.fetch)
    found = known if _ended(answer) else _first_match(answer) or known
    # The last module that is named is the one that is missing; those before it are the way to it.
    modules = _NAMED_MODULE.findall(found.reason)
    own = not modules or f"{installed_package(job.steps)}/".startswith(f"{modules[-1]}/")
    return found if own else diagnose.of_dependency(found)


def build_failure(job: Job, answer: PhaseOutput) -> Diagnosis:
    """Return why nothing was built: a limit, a known cause, or what the compiler says first."""
    known = diagnose.build_failure(answer, job.limits.compile)
    if _ended(answer):
        return known
    said = _COMPILER_ERROR.search(answer.output)
    if (found := _first_match(answer)) is not None or said is None:
        return found or known
    return msgspec.structs.replace(
        known, category=Category.INSTALL_FAILED, subcategory=Subcategory.INSTALL_ERROR, reason=_one_line(said[0])
    )


def _ended(answer: PhaseOutput) -> bool:
    return bool(answer.limit_hit or answer.infra_error)


def _first_match(answer: PhaseOutput) -> Diagnosis | None:
    for rule in _RULES:
        for line in answer.output.splitlines():
            if rule.pattern.search(line):
                return Diagnosis(
                    category=rule.category, subcategory=rule.subcategory, reason=_one_line(line), infra=rule.infra
                )
    return None


def _one_line(text: str) -> str:
    line = " ".join(text.split()).removeprefix("go: ")
    return line if len(line) <= _REASON_CHARACTERS else f"{line[: _REASON_CHARACTERS - 1]}…"
