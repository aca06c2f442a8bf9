"""A small world for whole runs: a registry with real packages, a root with a queue, and `doit` as its own process."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml

from pipeline.contract import RECORDS, json_schema
from pipeline.host import this_platform
from pipeline.http_requests import USER_AGENT
from pipeline.model import (
    Batch,
    ConstraintsRecord,
    OutcomeRecord,
    PackageList,
    Payload,
    RunRecord,
    StaticRecord,
    Verdict,
)
from pipeline.platforms import BY_ID
from pipeline.store import SHIPPED, Paths
from tests.fake_packages import crate, npm_tarball, wheel
from tests.fake_registry import FakeRegistry, Reply

T = TypeVar("T", bound=msgspec.Struct)

VERSION = "1.2.3"
HOST = this_platform().platform
DOIT = str(Path(sys.executable).parent / "doit")
# A real run takes a second or two; one that hangs must not hold up the suite.
PATIENCE = 120


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended: its exit code, negative for a signal, and what it wrote."""

    exit_code: int
    out: str
    err: str


class WatchedRegistry(FakeRegistry):
    """Does something when a certain request arrives, before it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[tuple[str, int, Callable[[], object]]] = []
        self._arrived: Counter[str] = Counter()
        self._watch = threading.Lock()

    def at_request(self, beginning: str, number: int, action: Callable[[], object]) -> None:
        """Have `action` run when the so many-th request arrives whose path begins so."""
        self._arrived[beginning] = 0
        self._waiting.append((beginning, number, action))

    def choose(self, path: str) -> Reply:
        with self._watch:
            for beginning in {beginning for beginning, _, _ in self._waiting if path.startswith(beginning)}:
                self._arrived[beginning] += 1
            due = [item for item in self._waiting if path.startswith(item[0]) and self._arrived[item[0]] >= item[1]]
            for item in due:
                self._waiting.remove(item)
                item[2]()
        return super().choose(path)


class World:
    """Everything that one pipeline sees."""

    def __init__(self, folder: Path, registry: WatchedRegistry) -> None:
        self.folder = folder
        self.registry = registry
        self.checkout = SHIPPED
        self.root = folder / "root"
        self.home = folder / "home"
        self.paths = Paths(self.root)
        for made in (self.root / "data" / "queues", self.home):
            made.mkdir(parents=True)
        self.configure()

    # ------------------------------------------------------------------------------------ upstream

    def npm(
        self, name: str, *, program: str | None = None, released: str = "2024-01-01T00:00:00.000Z", **manifest: object
    ) -> str:
        """Publish an npm package whose executable prints its version, or runs `program`; return its source."""
        stem = name.rpartition("/")[2]
        package: dict[str, object] = {
            "name": name,
            "version": VERSION,
            "description": f"Makes {stem} easy.",
            "license": "MIT",
            "homepage": "https://tools.example",
            "repository": {"type": "git", "url": f"git+https://git.example/{stem}.git"},
            "bin": {stem: "cli.js"},
            **manifest,
        }
        script = "#!/usr/bin/env node\n" + (program or f"console.log({VERSION!r})") + "\n"
        times = {"time": {VERSION: released}}
        self.registry.add_npm(name, {VERSION: package}, {VERSION: npm_tarball(package, {"cli.js": script})}, **times)
        return f"npm:{name}"

    def pypi(
        self,
        name: str,
        *,
        program: str = f"print({VERSION!r})",
        commands: Iterable[str] | None = None,
        requires: str = "",
        **fields: object,
    ) -> str:
        """Publish a wheel whose console script prints its version, or runs `program`; return its source."""
        module = name.replace("-", "_")
        metadata = (
            f"Summary: Makes {name} easy.\nLicense-Expression: MIT\n"
            f"Project-URL: Homepage, https://tools.example\nProject-URL: Source, https://git.example/{name}\n{requires}"
        )
        filename, content = wheel(
            name,
            VERSION,
            console_scripts=dict.fromkeys([name] if commands is None else commands, f"{module}:main"),
            modules={f"{module}.py": f"def main():\n    {program}\n"},
            metadata=metadata,
        )
        self.registry.add_pypi(name, {filename: content}, fields={filename: fields})
        return f"pypi:{name}"

    def crate(self, name: str) -> str:
        """Publish a crate with one executable; return its source."""
        manifest = (
            f'[package]\nname = "{name}"\nversion = "{VERSION}"\nedition = "2021"\nlicense = "MIT"\n'
            f'description = "Makes {name} easy."\nrepository = "https://git.example/{name}"\n'
        )
        files = {"Cargo.toml": manifest, "src/main.rs": f'fn main() {{ println!("{name} {VERSION}"); }}\n'}
        self.registry.add_crate(name, {VERSION: crate(name, VERSION, files)})
        return f"cargo:{name}"

    def go(self, package: str, *, module: str = "") -> str:
        """Publish a module with one command, at its root or at `package` below it; return its source."""
        module = module or package
        folder = package[len(module) :].lstrip("/")
        files = {f"{folder}/main.go".lstrip("/"): "// Makes it easy.\npackage main\n\nfunc main() {}\n"}
        self.registry.add_go(module, {f"v{VERSION}": files})
        return f"go:{package}"

    def clients(self) -> dict[str, str]:
        """Return the variables by which the clients of all ecosystems know the registry; no Rust or Go is needed."""
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        cargo = programs / "cargo"
        # All that is asked of it: to name the index that it cannot reach.
        cargo.write_text(
            f'#!/bin/sh\necho "failed to download from \\`{self.registry.cargo_url}/config.json\\`"\nexit 1\n'
        )
        cargo.chmod(0o755)
        return {"PATH": f"{programs}:/usr/bin:/bin", "GOPROXY": self.registry.go_url}

    # ------------------------------------------------------------------------------------ what people set

    def queue(self, *sources: str, **fields: object) -> None:
        """Write the queue: each source once, in this order, with the last part of its name as the tool's."""
        entries = [
            {
                "name": source.partition(":")[2].rpartition("/")[2],
                "source": source,
                "priority": 1,
                "status": "pending",
                "confidence": "curated",
                **fields,
            }
            for source in sources
        ]
        document = {"schema_version": 1, "updated_at": "2024-01-01T00:00:00Z", "entries": entries}
        (self.root / "data" / "queues" / "priority-queue.json").write_text(json.dumps(document))

    def configure(self, *, rate: float = 100, **changes: object) -> None:
        """Write pipeline.yaml: fast, one try, T1 for this machine only; other keys are laid over it."""
        config = {
            "ecosystems": {name: {"requests_per_second": rate} for name in ("npm", "pypi", "cargo", "go")},
            "network": {"attempts": 1, "timeout_seconds": 5, "total_seconds": 10},
            "validation": {"attempts": 1},
            **changes,
        }
        (self.root / "pipeline.yaml").write_text(yaml.safe_dump(config))

    def only_here(self) -> dict[str, dict[str, str]]:
        """Return the runners of a configuration in which this machine is the only platform: fewer processes."""
        return {name: {"runner": "native" if name == HOST.id else "none"} for name in BY_ID}

    def control(self, text: str = "", **fields: object) -> None:
        """Write batch-control.json in one step: these fields, or exactly this text."""
        staged = self.paths.control.with_suffix(".new")
        staged.write_text(text or json.dumps(fields))
        staged.replace(self.paths.control)

    # ------------------------------------------------------------------------------------ running

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the variables of a person with an empty home whose clients know the registry."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self.checkout),
            "PIPELINE_ROOT": str(self.root),
            "npm_config_registry": self.registry.npm_url,
            "UV_DEFAULT_INDEX": self.registry.pypi_url,
            **extra,
        }

    def start(self, *arguments: str, **extra: str) -> "subprocess.Popen[str]":
        """Start `doit` from the checkout, in a process group of its own."""
        return subprocess.Popen(
            [DOIT, *arguments],
            cwd=self.checkout,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def doit(self, *arguments: str, **extra: str) -> Done:
        """Run `doit` to its end."""
        return finish(self.start(*arguments, **extra))

    def ran(self, *arguments: str, **extra: str) -> Done:
        """Run `doit` to its end, which must be a good one."""
        done = self.doit(*arguments, **extra)
        assert (done.exit_code, done.err) == (0, ""), done
        return done

    # ------------------------------------------------------------------------------------ what came of it

    def outcome(self, source: str) -> OutcomeRecord:
        return load(self.paths.outcome(source), OutcomeRecord)

    def verdict(self, source: str, platform: str = HOST.id) -> Verdict:
        return load(self.paths.verdict(platform, source), Verdict)

    def constraints(self, source: str) -> ConstraintsRecord:
        return load(self.paths.constraints(source), ConstraintsRecord)

    def batch(self) -> Batch:
        return load(self.paths.batch, Batch)

    def payload(self) -> Payload:
        return load(self.paths.payload, Payload)

    def excluded(self) -> dict[str, str]:
        """Return why each package that is not in the pull request is not."""
        return {item.source: item.reason for item in self.payload().excluded}

    def recipe(self, path: str) -> str:
        """Return a recipe of the payload."""
        return (self.paths.payload_files / path).read_text()

    def records(self) -> list[tuple[Path, type[msgspec.Struct]]]:
        """Return every record file below `build` with its kind."""
        build = self.paths.build
        found: list[tuple[Path, type[msgspec.Struct]]] = []
        for pattern, kind in RECORD_FILES.items():
            found += [(path, kind) for path in sorted(build.glob(pattern)) if not path.name.startswith(".")]
        static = build / "validate" / "static"
        return [(path, StaticRecord if path.parent == static else kind) for path, kind in found]

    def own_requests(self) -> list[str]:
        """Return the paths of the pipeline's own requests, without those of npm and uv in the sandbox."""
        return sorted(one.path for one in self.registry.seen() if one.headers.get("user-agent") == USER_AGENT)

    def leftovers(self) -> list[Path]:
        """Return the traces that a killed run may leave."""
        return sorted([*self.paths.build.rglob("*.part"), *self.paths.sandbox.glob("job-*")])


RECORD_FILES: Mapping[str, type[msgspec.Struct]] = {
    "batch.json": Batch,
    "packages/*.json": PackageList,
    "generate/*/*.json": OutcomeRecord,
    "validate/*/*.json": Verdict,
    "constrain/*/*.json": ConstraintsRecord,
    "payload/pr.json": Payload,
    "runs/*.json": RunRecord,
}


def load(path: Path | str, kind: type[T]) -> T:
    """Return the record in a file; raises when it does not decode."""
    return msgspec.json.decode(Path(path).read_bytes(), type=kind)


def finish(process: "subprocess.Popen[str]", patience: float = PATIENCE) -> Done:
    """Wait for a process; one that hangs is ended and fails the test."""
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Done(exit_code=process.returncode, out=out, err=err)


def schema_of(kind: type[msgspec.Struct]) -> dict[str, object]:
    """Return the published schema of a record."""
    name = next(name for name, known in RECORDS.items() if known is kind)
    published = json.loads((SHIPPED / "schemas" / f"{name}.schema.json").read_text())
    assert published == json.loads(json.dumps(json_schema(kind)))
    return published
