"""Homebrew casks: macOS applications whose commands a recipe can link, read from the cask's JSON alone.

The recipe names no file: its reader takes address and digest from the version source, for the machine that it is on.
What runs an installer or a script, or puts files elsewhere than into the application, is for a person.
"""

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from pipeline import text
from pipeline.decoding import convert
from pipeline.ecosystems import brew
from pipeline.ecosystems.base import Answer, Fetcher, Made
from pipeline.ecosystems.brew import needs_manual, string, strings
from pipeline.ecosystems.drafting import Cited, Facts, bad_metadata, decode, draft, seen, settled, shown
from pipeline.model import Artifact, Build, Failed, License, Origin, Skipped, Step, Subcategory, When, WorkOrder
from pipeline.platforms import ALL_PLATFORMS, READER_ARCH
from pipeline.source import identifier_of

NAME = "cask"
REVISION = 1

_TAP = "homebrew/cask"
# What the recipe's reader fills in from its version source `cask`.
URL, CHECKSUM = "{{version.url}}", "{{version.checksum}}"
_ARCHIVES = (".zip", ".dmg")  # what the reader's action unpacks, by the end of the address
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+:~,_-]{0,99}")
_APP = re.compile(r"[^/\\]{1,100}\.app")
# What installs something by running it, or puts it where only a script could take it away again.
_MANUAL = ("pkg", "installer", "suite", "preflight", "postflight", "artifact", "stage_only")
# What is no part of an installation, or is nothing but help for the commands.
_ASIDE = frozenset({
    *("uninstall", "zap", "uninstall_preflight", "uninstall_postflight"),
    *("manpage", "bash_completion", "zsh_completion", "fish_completion", "generate_completions_from_executable"),
})  # fmt: skip
# Where Homebrew puts applications, as the API, `brew info` and the cask's own text write it.
_APPLICATIONS = re.compile(r"(?:\$APPDIR|#\{appdir\}|\{\{appdir\}\}|/Applications)/")
_BIN = ("", "$HOMEBREW_PREFIX/bin", "/usr/local/bin", "/opt/homebrew/bin")


class Cask(brew.Withdrawal, frozen=True, kw_only=True):
    """`GET <registry>/cask/<token>.json`. Before 2023 the artifacts did not say what they are."""

    token: str
    url: str
    version: str
    sha256: str
    artifacts: list[object]
    full_token: object = ""
    tap: object = ""
    old_tokens: object = ()
    desc: object = ""
    homepage: object = ""
    url_specs: object = None
    depends_on: object = None
    container: object = None
    rename: object = ()
    variations: dict[str, object] = {}


class File(msgspec.Struct, frozen=True, kw_only=True):
    """What a cask says for one architecture: the newest macOS on it."""

    url: str
    version: str
    sha256: str
    artifacts: list[object]
    depends_on: object = None


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """What a cask installs: one application and, by their names, the paths of the commands inside of it."""

    app: str
    commands: dict[str, str]
    # Other things than the application and its commands, which the recipe leaves out.
    left_out: tuple[str, ...] = ()


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """The application of a cask, and its file for each architecture that has the same one."""

    version: str
    application: Application
    files: dict[str, File]
    unlike: tuple[str, ...]


def identifier_defect(identifier: str) -> str:
    """Return why no cask of Homebrew's own can be called this, "" when one can."""
    refused = brew.refused_name(identifier, "cask")
    return refused.message if refused else ""


def make(order: WorkOrder, *, registry: str, fetcher: Fetcher, now: datetime) -> Made:
    """Return the recipe of one cask with its evidence, or why there is none."""
    token = identifier_of(order.source)
    refused = brew.refused_name(token, "cask")
    if refused is not None:
        return settled(refused, NAME)
    answer = fetcher.get(f"{registry}/cask/{token}.json", accept="application/json")
    if not isinstance(answer, Answer):
        return answer
    cask = decode(answer.content, Cask, f"the cask {token}")
    if isinstance(cask, Failed):
        return cask
    release = _choose(token, cask)
    if isinstance(release, Skipped | Failed):
        return settled(release, NAME)
    facts = _facts(cask, release)
    return seen(draft(order, facts, now), NAME, *_semantic(facts))


# ------------------------------------------------------------------------------------------- release


def _choose(token: str, cask: Cask) -> Release | Skipped | Failed:
    """Return what there is to install, or why no recipe can say it."""
    excluded = (
        brew.other_identity(token, cask.token, (cask.old_tokens,), "cask")
        or brew.tapped(cask.tap, cask.full_token, _TAP, "cask")
        or brew.withdrawn(cask, token)
    )
    if excluded is not None:
        return excluded
    files: dict[str, File] = {}
    for arch in READER_ARCH:
        file = _file(cask, arch)
        if isinstance(file, Failed):
            return file
        if _admits(file.depends_on, arch):
            files[arch] = file
    # Homebrew's own answer is that for Apple's processors.
    main = files.get("arm64") or files.get("x86_64")
    if main is None:
        return bad_metadata(f"the cask {token} is for no architecture")
    refused = _refused(token, cask, main)
    if refused is not None:
        return refused
    application = _application(token, main)
    if not isinstance(application, Application):
        return application
    alike = {arch for arch, file in files.items() if _is_alike(token, cask, file, main, application)}
    return Release(
        version=main.version,
        application=application,
        files={arch: file for arch, file in files.items() if arch in alike},
        unlike=tuple(sorted(set(files) - alike)),
    )


def _file(cask: Cask, arch: str) -> File | Failed:
    """Return what holds for one architecture. A variation only of an older macOS is the same on both."""
    base = {key: getattr(cask, key) for key in File.__struct_fields__}
    over: object = {}
    if arch == "x86_64":
        tag = brew.newest_macos(cask.variations, arm=False)
        if tag is not None and cask.variations.get(f"{brew.ARM}{tag}") != cask.variations[tag]:
            over = cask.variations[tag]
    changed = {key: value for key, value in over.items() if key in base} if isinstance(over, dict) else {}
    try:
        return convert({**base, **changed}, File)
    except msgspec.ValidationError as error:
        return bad_metadata(f"a variation of the cask {cask.token[:128]!r}: {error}")


def _admits(depends_on: object, arch: str) -> bool:
    """Say whether `depends_on` admits an architecture: `arch` lists `{type: arm | intel, bits: 64}`, if it is there."""
    found = depends_on.get("arch") if isinstance(depends_on, dict) else None
    kinds = {string(one.get("type")) for one in found if isinstance(one, dict)} if isinstance(found, list) else set()
    return not kinds or ("arm" if arch == "arm64" else "intel") in kinds


def _is_alike(token: str, cask: Cask, file: File, main: File, application: Application) -> bool:
    if file is main:
        return True
    same = file.version == main.version and _refused(token, cask, file) is None
    return same and _application(token, file) == application


def _refused(token: str, cask: Cask, file: File) -> Skipped | Failed | None:
    """Return why a recipe's one step cannot install a file, None when it can."""
    kinds = _kinds(file.artifacts)
    if kinds is None:
        return bad_metadata(f"the cask {token}: artifacts that do not say what they are, as before 2023")
    if by_hand := sorted({kind for kind, _ in kinds if kind in _MANUAL}):
        return needs_manual(token, [f"it has {_article(kind)} {kind}" for kind in by_hand])
    if not any(kind == "binary" for kind, _ in kinds):
        message = f"the cask {token} names no binary: it brings no command"
        return Skipped(subcategory=Subcategory.NO_EXECUTABLES, message=message)
    if file.version == "latest":
        message = f"the cask {token} has no versions, only a newest file"
        return Skipped(subcategory=Subcategory.NO_STABLE_VERSION, message=message)
    if not _VERSION.fullmatch(file.version):
        return bad_metadata(f"the cask {token}: {file.version[:100]!r} is no version")
    if not text.is_web_address(file.url):
        # Not shown: it may hold a password or a token, and what this says is published.
        return bad_metadata(f"the cask {token}: `url` is no web address")
    if file.sha256 != "no_check" and not _SHA256.fullmatch(file.sha256):
        return bad_metadata(f"the cask {token}: `sha256` is no digest")
    specs = cask.url_specs if isinstance(cask.url_specs, dict) else {}
    obstacles = {
        "it has no digest of its file (no_check)": file.sha256 == "no_check",
        "its file is called neither .zip nor .dmg": not file.url.lower().endswith(_ARCHIVES),
        "its application lies in an archive inside of another": bool(cask.container),
        "Homebrew renames what it unpacks": bool(cask.rename),
        "its file is not simply downloaded": bool({"using", "data"} & specs.keys()),
    }
    why = [obstacle for obstacle, holds in obstacles.items() if holds]
    return needs_manual(token, why) if why else None


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" else "a"


# --------------------------------------------------------------------------------------- application


def _kinds(artifacts: list[object]) -> list[tuple[str, object]] | None:
    """Return each artifact with its kind; None when one does not say it. `brew info` adds the place as `target`."""
    found: list[tuple[str, object]] = []
    for artifact in artifacts:
        if not isinstance(artifact, dict):
            return None
        found += [(str(kind), value) for kind, value in artifact.items() if kind != "target"]
    return found


def _moved(value: object) -> tuple[str, str] | None:
    """Return the path and the target of an artifact, `[path]` or `[path, {target: name}]`; None when it is neither."""
    items = value if isinstance(value, list) else []
    paths = [item for item in items if isinstance(item, str)]
    targets = [string(item.get("target")) for item in items if isinstance(item, dict)]
    if len(paths) != 1 or len(targets) > 1 or len(paths) + len(targets) != len(items):
        return None
    return paths[0], targets[0] if targets else ""


def _application(token: str, file: File) -> Application | Skipped | Failed:
    """Return the one application and its commands, as the recipe's action can link them: each by its file's name."""
    kinds = _kinds(file.artifacts) or []
    apps = [_moved(value) for kind, value in kinds if kind == "app"]
    binaries = [_moved(value) for kind, value in kinds if kind == "binary"]
    if None in apps or None in binaries:
        return bad_metadata(f"the cask {token}: an app or a binary that names no file")
    if not apps:
        return needs_manual(token, ["its commands lie outside of an application"])
    if len(apps) > 1 or apps[0] is None:
        return needs_manual(token, [f"it has {len(apps)} applications"])
    app = apps[0][0].rpartition("/")[2]
    installed = apps[0][1].rpartition("/")[2] or app
    if not _APP.fullmatch(app) or not app.isprintable():
        return needs_manual(token, [f"its application is called {app[:100]!a}"])
    commands: dict[str, str] = {}
    for path, target in (binary for binary in binaries if binary is not None):
        name, place = target.rpartition("/")[2] or path.rpartition("/")[2], _inside(path, installed)
        if place is None or place.rpartition("/")[2] != name or target.rpartition("/")[0] not in _BIN:
            return needs_manual(token, [f"{name[:100]!a} is not a file of {app}, or not called so there"])
        if commands.setdefault(name, place) != place:
            return needs_manual(token, [f"two files are called {name[:100]!a}"])
    left_out = sorted({kind for kind, _ in kinds if kind not in _ASIDE | {"app", "binary"}})
    return Application(app=app, commands=commands, left_out=tuple(left_out))


def _inside(path: str, app: str) -> str | None:
    """Return a command's path below its application, None when it lies elsewhere."""
    head, _, below = _APPLICATIONS.sub("", path, count=1).partition("/")
    parts = below.split("/")
    if head != app or not below.isprintable() or any(part in ("", ".", "..") for part in parts):
        return None
    return below


# -------------------------------------------------------------------------------------------- facts


def _facts(cask: Cask, release: Release) -> Facts:
    application = release.application
    builds = tuple(
        Build(platforms=[platform.id], artifact=_artifact(release.files[platform.arch]))
        for platform in ALL_PLATFORMS
        if platform.os == "darwin" and platform.arch in release.files
    )
    return Facts(
        version=Cited(value=release.version, detail="version"),
        artifact=builds[0].artifact,
        license=License(spdx=None, declared="", origin=Origin.REGISTRY),  # casks name none
        released="",
        description=Cited(value=string(cask.desc), detail="desc"),
        homepages=(Cited(value=string(cask.homepage), detail="homepage"),),
        repository="",
        executables=frozenset(application.commands),
        executables_from=Cited(value="executables", detail="artifacts: binary"),
        steps=lambda executables: [_step(application, executables)],
        version_source={"source": "cask", "cask": cask.token},
        risks=_risks(cask, release),
        builds=builds,
    )


def _step(application: Application, executables: list[str]) -> Step:
    return Step(
        action="app_bundle",
        # No measurement says it, and none is needed: an application of macOS is for nothing else.
        when=When(os=["darwin"]),
        params={
            "url": URL,
            "checksum": CHECKSUM,
            "app_name": application.app,
            "binaries": [application.commands[name] for name in executables],
        },
    )


def _artifact(file: File) -> Artifact:
    url = text.without_secrets(file.url)
    name = text.one_line(urlsplit(url).path.rpartition("/")[2])
    return Artifact(name=name, url=url, digest=f"sha256:{file.sha256}")


def _risks(cask: Cask, release: Release) -> tuple[str, ...]:
    depends = cask.depends_on if isinstance(cask.depends_on, dict) else {}
    needed = [*strings(depends.get("cask")), *strings(depends.get("formula"))]
    specs = cask.url_specs if isinstance(cask.url_specs, dict) else {}
    wanted = sorted(key for key in specs if key != "verified")
    announced = brew.announced(cask)
    return brew.only_risks({
        announced: bool(announced),
        f"Homebrew installs {shown(needed)} before it": bool(needed),
        f"Homebrew downloads it with settings of its own: {shown(wanted)}": bool(wanted),
        f"the recipe leaves out {shown(list(release.application.left_out))}": bool(release.application.left_out),
        f"{shown(list(release.unlike))} has another version or application": bool(release.unlike),
        "its version has parts that a tool seldom prints": "," in release.version,
    })  # fmt: skip


def _semantic(facts: Facts) -> tuple[object, ...]:
    """Return what the recipe and its evidence depend on; where the files lie is not part of it."""
    return (
        facts.version.value,
        [(build.platforms, build.artifact.digest) for build in facts.builds],
        [msgspec.to_builtins(step) for step in facts.steps(sorted(facts.executables))],
        facts.description.value,
        [cited.value for cited in facts.homepages],
        facts.risks,
    )
