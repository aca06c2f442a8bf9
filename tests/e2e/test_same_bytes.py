"""The same packages give the same bytes, however many threads there are and whatever the process is started with.

Compared are all recipes that are generated and constrained, and the pull request with its text and commit message. Of
that only the batch id holds a time, the day. The statements beside the recipes say when each was made: they are left
out, and so are their digests.
"""

import itertools
import json
import random
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from pipeline.store import SHIPPED
from tests.e2e.world import DOIT, PATIENCE, VERSION, WatchedRegistry, World
from tests.fake_packages import crate, npm_tarball, wheel

# Enough that a set's order is almost never the sorted one by chance.
REQUEST, STATEMENTS = "build/payload/pr.json", "build/payload/statements/"
COMMANDS = [f"run-{word}" for word in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")]
PLACES = ["build/generate/**/*.toml", "build/constrain/**/*.toml", "build/payload/**/*"]


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What must not matter. `shuffle` is the seed of the registry's order of keys and lines, 0 for its own order.

    `linked`: the working folder is a link to the checkout.
    """

    threads: int = 1
    hash_seed: str = "0"
    zone: str = "UTC"
    language: str = "C.UTF-8"
    umask: str = "022"
    linked: bool = False
    shuffle: int = 0


PLAIN = Circumstances()
OTHERS = [
    Circumstances(threads=16, hash_seed="1", zone="Asia/Kathmandu", umask="077", linked=True, shuffle=1),
    Circumstances(threads=16, hash_seed="random", zone="America/St_Johns", language="C", shuffle=2),
    Circumstances(threads=4, hash_seed="4294967295", language="tr_TR.UTF-8", umask="000", shuffle=3),
]
WIDER = [
    Circumstances(threads=threads, hash_seed=seed, zone=zone, language=language, umask=umask, shuffle=number)
    for number, (threads, seed, zone, (language, umask)) in enumerate(
        itertools.product(
            (1, 2, 16),
            ("0", "1", "random"),
            ("UTC", "Pacific/Kiritimati"),
            (("C.UTF-8", "022"), ("POSIX", "027")),
        )
    )
]


def publish(registry: WatchedRegistry, world: World) -> list[str]:
    """Publish packages of four ecosystems with many commands, versions, links and files, in no order at all."""
    script = f"#!/usr/bin/env node\nconsole.log({VERSION!r})\n"
    manifest = {"name": "many", "version": VERSION, "bin": dict.fromkeys(COMMANDS, "cli.js"), "license": "MIT"}
    versions = {version: {**manifest, "version": version} for version in ("0.9.0", "1.10.0-beta.1", VERSION)}
    tarballs = {version: npm_tarball(found, {"cli.js": script}) for version, found in versions.items()}
    registry.add_npm("many", versions, tarballs, time={VERSION: "2024-01-01T00:00:00Z"})

    links = "".join(f"Project-URL: {label}, https://{label}.example\n" for label in ("Docs", "Source", "Homepage"))
    scripts = dict.fromkeys(COMMANDS, "several:main")
    modules = {"several.py": f"def main():\n    print({VERSION!r})\n"}
    files = dict(
        wheel("several", version, console_scripts=scripts, modules=modules, metadata=f"License: MIT\n{links}")
        for version in ("1.0.0", VERSION, "2.0.0rc1")
    )
    registry.add_pypi("several", files)

    binaries = "".join(f'[[bin]]\nname = "{name}"\npath = "src/main.rs"\n' for name in COMMANDS)
    sources = {
        "Cargo.toml": f'[package]\nname = "hexing"\nversion = "{VERSION}"\nlicense = "MIT OR Apache-2.0"\n{binaries}',
        "src/main.rs": "fn main() {}",
        "src/bin/other.rs": "fn main() {}",
    }
    archive = crate("hexing", VERSION, sources)
    older = dict.fromkeys(("0.1.0", "1.10.0-rc.1"), archive)
    registry.add_crate("hexing", {**older, VERSION: archive})
    below = [world.npm("@acme/scoped"), world.pypi("blacken"), world.npm("library", bin={})]
    commands = [world.go("git.example/root"), world.go("git.example/below/cmd/below", module="git.example/below")]
    return ["npm:many", "pypi:several", "cargo:hexing", *below, *commands]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Same"]:
    """The registry, and what the first run made of it."""
    with WatchedRegistry() as registry:
        yield Same(registry, tmp_path_factory)


class Same:
    """One registry, and a root of its own for each run."""

    def __init__(self, registry: WatchedRegistry, folders: pytest.TempPathFactory) -> None:
        self._registry = registry
        self._folders = folders
        self._sources = publish(registry, World(folders.mktemp("publisher"), registry))
        self._pages = {path: registry.choose(path) for path in registry.paths()}
        self.made = self.run(PLAIN)

    def run(self, circumstances: Circumstances) -> dict[str, bytes]:
        """Work on the batch in a new root under these circumstances; return what is compared, by path."""
        self._write(circumstances.shuffle)
        world = World(self._folders.mktemp("root"), self._registry)
        runners = {**world.only_here(), "darwin-arm64": {"runner": "static"}}
        # The packages have the same commands, so that the order of these is seen in each.
        world.configure(platforms=runners, gates={"taken_executable": "report"})
        world.queue(*self._sources)
        variables = {
            **world.environment(**world.clients()),
            "PYTHONHASHSEED": circumstances.hash_seed,
            "TZ": circumstances.zone,
            "LANG": circumstances.language,
            "LC_ALL": circumstances.language,
        }
        link = world.folder / "checkout"
        link.symlink_to(SHIPPED)
        done = subprocess.run(
            [DOIT, "-n", str(circumstances.threads)],
            cwd=link if circumstances.linked else SHIPPED,
            env=variables,
            umask=int(circumstances.umask, 8),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done
        return contents(world.root)

    def _write(self, seed: int) -> None:
        """Have the registry write what it knows in another order."""
        for path, reply in self._pages.items():
            body = shuffled(reply.body, random.Random(f"{seed} {path}")) if seed else reply.body
            self._registry.reply(path, msgspec.structs.replace(reply, body=body))


def shuffled(body: bytes, order: random.Random) -> bytes:
    """Return a document in JSON with its keys in another order, lists of lines in another order, all else unchanged."""
    lines = body.splitlines()
    try:
        parsed = [json.loads(line) for line in lines]
    except ValueError:
        is_list = bool(lines) and all(line.startswith(b"v") for line in lines)
        return b"\n".join(order.sample(lines, len(lines))) if is_list else body
    return b"\n".join(json.dumps(mixed(value, order)).encode() for value in order.sample(parsed, len(parsed)))


def mixed(value: object, order: random.Random) -> object:
    match value:
        case dict():
            return {key: mixed(value[key], order) for key in order.sample(list(value), len(value))}
        case list():
            return [mixed(item, order) for item in value]
        case _:
            return value


def contents(root: Path) -> Mapping[str, bytes]:
    """Return the files that are compared, by their path below the root."""
    found = {path for place in PLACES for path in root.glob(place) if path.is_file()}
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(found)}
    compared = {path: content for path, content in files.items() if not path.startswith(STATEMENTS)}
    return compared | {REQUEST: re.sub(rb'"statements_sha256": "[0-9a-f]{64}"', b"", compared[REQUEST])}


def test_the_run_that_others_are_compared_with_made_recipes_of_all_ecosystems(first: Same) -> None:
    """Otherwise equal bytes would say nothing: all commands are in the recipes, and two ecosystems in the request."""
    for path in ("npm/many", "pypi/several", "cargo/hexing"):
        assert set(COMMANDS) <= set(first.made[f"build/generate/{path}.toml"].decode().split('"'))
    assert len([path for path in first.made if path.startswith("build/generate/go/")]) == 2
    included = re.search(rb'"included": (\[[^\]]*\])', first.made[REQUEST])
    assert included
    assert set(json.loads(included[1])) == {"npm:many", "pypi:several", "npm:@acme/scoped", "pypi:blacken"}
    assert {"build/payload/files/recipes/m/many.toml", "build/payload/body.md"} <= set(first.made)


@pytest.mark.parametrize("circumstances", OTHERS, ids=lambda found: f"n{found.threads}-seed-{found.hash_seed}")
def test_the_same_bytes_under_other_circumstances(first: Same, circumstances: Circumstances) -> None:
    """Neither threads, hash seed, zone, language, umask nor working folder, nor the registry's order of keys, show."""
    assert first.run(circumstances) == first.made


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_same_bytes_under_many_circumstances(first: Same) -> None:
    """Each combination of threads, hash seeds, zones, languages and masks, each with an order of its own."""
    for circumstances in WIDER:
        assert first.run(circumstances) == first.made, circumstances
