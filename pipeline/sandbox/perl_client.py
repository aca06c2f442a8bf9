"""Perl and cpanm in the sandbox, and what their failures mean.

cpanm runs Makefile.PL to learn what a release wants, so it has no part in `fetch`: `cpan_fetch.pl` reads META files and
downloads what they name, as a small CPAN mirror. `build` is cpanm on that mirror, without a network.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from pipeline.cpan_client import MIRROR
from pipeline.decoding import decode_json
from pipeline.digests import digest_of
from pipeline.model import Artifact, Category, Subcategory
from pipeline.sandbox.base import Job, Mount, Phase, Tmpfs
from pipeline.sandbox.course import CACHE, PREFIX, SYSTEM_PATH, runtime_missing
from pipeline.sandbox.diagnose import Diagnosis, Rule, install, lacking, network
from pipeline.sandbox.runtimes import Runtime, Which
from pipeline.sandbox.rust_toolchain import ask

_FETCH = Path(__file__).with_name("cpan_fetch.pl")
_FETCH_INSIDE = "/cpan_fetch.pl"
_CPANM_INSIDE = "/opt/cpanm/cpanm"
# In memory: where releases are unpacked and built.
_SCRATCH = "/build"
# What the release needs lies apart, so that its commands are not taken for those of the release.
_NEEDS = f"{PREFIX}/needs"
_LIBRARIES = "lib/perl5"
_ASK = "use Config; print join qq{\\n}, substr($^V, 1), $Config{perlpath}, $Config{prefix}"
# The first cpanm installs what the release needs, in a library of its own; the second finds it there.
_BUILD = f"""set -e
cd /tmp
cpanm() {{
  "$PERL" "$CPANM" --notest --no-man-pages --no-interactive --quiet \\
    --mirror "file://$MIRROR" --mirror-only --mirror-index "$INDEX" "$@" || {{
      tail -c 4000 "$PERL_CPANM_HOME"/work/*/build.log >&2; exit 1; }}
}}
cpanm --local-lib-contained {_NEEDS} --installdeps "$RELEASE"
PERL5LIB={_NEEDS}/{_LIBRARIES} cpanm --local-lib {PREFIX} "$RELEASE"
"""
_RELEASE = re.compile(r"/authors/id/([A-Z]/[A-Z][A-Z0-9-]/[A-Z0-9-]+/[A-Za-z0-9_.+/-]+)\Z")
_MISSING = re.compile(r"Couldn't find module or a distribution ([A-Za-z0-9_]+(?:::[A-Za-z0-9_]+)*)")

# What cpan_fetch.pl, HTTP::Tiny and curl say.
FETCH_RULES = (
    network(r"download: 429 |returned error: 429", Subcategory.RATE_LIMITED),
    network(r"download: 5(?!99)\d\d |returned error: 5\d\d", Subcategory.UPSTREAM_UNAVAILABLE),
    network(r"download: 40[137] |returned error: 40[137]", Subcategory.UPSTREAM_REFUSED),
    network(r"Could not resolve|Name or service not known|Temporary failure in name", Subcategory.DNS_ERROR),
    network(r"SSL connection failed|curl: \((?:35|51|53|54|58|59|60|77|80|83|91)\)", Subcategory.TLS_ERROR),
    network(r"Timed out|curl: \(28\)", Subcategory.TIMEOUT),
    network(r"download: 599 |curl: \((?:7|16|18|52|55|56|92)\)", Subcategory.CONNECTION_ERROR),
    Rule(
        re.compile(r"neither IO::Socket::SSL nor curl is on this machine"),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_MISSING,
        infra=True,
    ),
    Rule(re.compile(r"perl: \S+ wants Perl"), Category.MISSING_DEP, Subcategory.RUNTIME_TOO_OLD, infra=True),
    install(r"checksum mismatch: ", Subcategory.DIGEST_MISMATCH),
    lacking(r"no release of \S+ is known"),
    install(r"download: (?:404|410) |returned error: (?:404|410)", Subcategory.NOT_FOUND),
    install(r"archive: \S+ cannot be read|more than \d+ releases are wanted", Subcategory.BAD_METADATA),
)
BUILD_RULES = (
    Rule(
        re.compile(r"Perl v?\S+ required--this is only|perl: \S+ wants Perl"),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_TOO_OLD,
        infra=True,
    ),
    # On Debian the headers are a package of their own.
    Rule(
        re.compile(r"(?:EXTERN|perl|XSUB)\.h: No such file or directory|make: not found|Can't find make"),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_MISSING,
        infra=True,
    ),
    lacking(r"Couldn't find module or a distribution \S+"),
)


class Fetched(msgspec.Struct, frozen=True):
    """What was downloaded: the releases below authors/id, those of them that hold C, and an index of their modules."""

    paths: list[str]
    compiled: list[str]
    index: list[str]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A release: its mirror, its path below authors/id there, its SHA-256 digest or "", modules that it wants too."""

    mirror: str
    path: str
    sha256: str
    modules: tuple[str, ...] = ()


def find_perl(which: Which = shutil.which, ask: Callable[[tuple[str, ...]], str] = ask) -> Runtime | Diagnosis:
    """Return this machine's Perl, `argv` with cpanm behind it, or which of them is missing and what to do."""
    perl, cpanm = which("perl"), which("cpanm")
    said = ask((perl, "-e", _ASK)).splitlines() if perl else []
    if len(said) != 3:
        return runtime_missing("Perl" if perl is None else "a Perl that answers", "install Perl, as the package perl")
    if cpanm is None:
        return runtime_missing("cpanm", "install it, as the package cpanminus, or with `cpan App::cpanminus`")
    version, program, prefix = said
    shown = Path(cpanm).resolve().is_relative_to("/usr")
    mounts = (
        *(() if Path(prefix).is_relative_to("/usr") else (Mount(host=Path(prefix), inside=prefix),)),
        *(() if shown else (Mount(host=Path(cpanm).resolve(), inside=_CPANM_INSIDE),)),
    )
    argv = (program, str(Path(cpanm).resolve()) if shown else _CPANM_INSIDE)
    return Runtime(argv=argv, folder=str(Path(program).parent), version=version, mounts=mounts)


def wanted_release(job: Job) -> Wanted | Diagnosis:
    """Return what is to be installed, by the address of the archive that the recipe was made from."""
    artifact = job.builds[0].artifact if job.builds else Artifact(name="", url="")
    found = _RELEASE.search(artifact.url)
    if found is None or ".." in found[1]:
        return Diagnosis(
            category=Category.INSTALL_FAILED,
            subcategory=Subcategory.BAD_METADATA,
            reason="the archive's address is none of a CPAN mirror: it names no authors/id",
        )
    mirror = job.client_environment.get(MIRROR) or artifact.url[: found.start()]
    sha256 = artifact.digest.removeprefix("sha256:") if artifact.digest.startswith("sha256:") else ""
    return Wanted(mirror=mirror.rstrip("/"), path=found[1], sha256=sha256)


def fetch_phase(job: Job, perl: Runtime, wanted: Wanted, name: str, stdout: Path) -> Phase:
    """Return the phase that downloads a release with all that it wants, and lists it in `stdout`."""
    argv = (perl.argv[0], _FETCH_INSIDE, _folder(wanted), wanted.mirror, wanted.path, wanted.sha256, *wanted.modules)
    return Phase(
        name=name,
        argv=argv,
        environment={"PATH": f"{perl.folder}:{SYSTEM_PATH}", "LC_ALL": "C.UTF-8", **job.client_environment},
        mounts=(
            *perl.mounts,
            Mount(host=_FETCH, inside=_FETCH_INSIDE),
            Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True),
        ),
        network=True,
        limits=job.limits.fetch,
        stdout=stdout,
    )


def fetched(content: bytes) -> Fetched | None:
    """Return what `fetch` listed, None when that is nothing to read."""
    try:
        found = decode_json(content, Fetched)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if found.paths else None


def index_of(found: Fetched) -> bytes:
    """Return the index of a mirror that has only these releases, as CPAN's own is written."""
    return "".join(line + "\n" for line in ("File: 02packages.details.txt", "", *found.index)).encode()


def install_phase(job: Job, perl: Runtime, wanted: Wanted, found: Fetched, index: Path, prefix: Mount) -> Phase:
    """Return the phase that configures, compiles and installs from what was fetched, without a network."""
    limits = job.limits.compile if found.compiled else job.limits.build
    return Phase(
        name="build",
        argv=("/bin/sh", "-c", _BUILD, "build"),
        environment={
            "PATH": f"{perl.folder}:{SYSTEM_PATH}",
            "LC_ALL": "C.UTF-8",
            "PERL": perl.argv[0],
            "CPANM": perl.argv[1],
            "MIRROR": _folder(wanted),
            "INDEX": "/index.txt",
            "RELEASE": wanted.path,
            "PERL_CPANM_HOME": _SCRATCH,
            # Old Makefile.PLs look for their own folder there; new Perls leave it out.
            "PERL_USE_UNSAFE_INC": "1",
            "PERL_MM_USE_DEFAULT": "1",
        },
        mounts=(
            *perl.mounts,
            prefix,
            Mount(host=index, inside="/index.txt"),
            Mount(host=job.cache_folder, inside=CACHE, cache=True),
        ),
        network=False,
        limits=limits,
        tmpfs=(Tmpfs(inside=_SCRATCH, size_mb=limits.disk_mb),),
    )


def run_setting(job: Job, perl: Runtime, prefix: Path) -> Phase:
    """Return the phase in which installed executables run: no network, nothing to write to but the fresh home."""
    return Phase(
        name="verify",
        argv=("true",),
        environment={
            "PATH": f"{PREFIX}/bin:{perl.folder}:{SYSTEM_PATH}",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
            "PERL5LIB": f"{PREFIX}/{_LIBRARIES}:{_NEEDS}/{_LIBRARIES}",
        },
        mounts=(*perl.mounts, Mount(host=prefix, inside=PREFIX)),
        network=False,
        limits=job.limits.verify,
    )


def missing_modules(output: str) -> tuple[str, ...]:
    """Return the modules that cpanm did not find: a Makefile.PL wants more than the META file of its release says."""
    return tuple(dict.fromkeys(_MISSING.findall(output)))


def _folder(wanted: Wanted) -> str:
    """Return where a mirror's files are kept: one path of two mirrors is two files."""
    return f"{CACHE}/{digest_of(wanted.mirror)[:16]}"
