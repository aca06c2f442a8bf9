"""A root in a temporary folder, a fake registry on loopback, and `doit` as a person runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from pipeline.store import SHIPPED
from tests.builders import entry, queue
from tests.fake_packages import npm_tarball
from tests.fake_registry import FakeRegistry

DOIT = Path(sys.executable).with_name("doit")
# Nothing is run on this machine: results are predicted, or come from elsewhere, so that each run takes a second.
SETTINGS = """\
schema_version: 1
batch: {size: 100}
ecosystems:
  npm: {requests_per_second: 50}
  pypi: {requests_per_second: 50}
platforms:
  linux-debian-glibc-x86_64: {runner: external}
  linux-rhel-glibc-x86_64: {runner: external}
  linux-arch-glibc-x86_64: {runner: none}
  linux-suse-glibc-x86_64: {runner: none}
  linux-alpine-musl-x86_64: {runner: none}
  linux-debian-glibc-arm64: {runner: none}
  linux-rhel-glibc-arm64: {runner: none}
  linux-suse-glibc-arm64: {runner: none}
  linux-alpine-musl-arm64: {runner: none}
  darwin-arm64: {runner: none}
  darwin-x86_64: {runner: none}
network: {attempts: 1, timeout_seconds: 2, total_seconds: 5, max_wait_seconds: 2}
breaker: {failures: 100}  # many kinds of faults are wanted, not one outage
"""


class Lab:
    """One root and its registry."""

    def __init__(self, root: Path, registry: FakeRegistry) -> None:
        self.root = root
        self.registry = registry
        (root / "data/queues").mkdir(parents=True)
        (root / "pipeline.yaml").write_text(SETTINGS)

    def queue(self, *sources: str) -> None:
        """Put these packages into the queue."""
        content = msgspec.json.encode(queue(*map(entry, sources)))
        (self.root / "data/queues/priority-queue.json").write_bytes(content)

    def npm(self, name: str, /, **manifest: object) -> None:
        """Publish version 1.0.0 of an npm package with one executable of its own name."""
        given = {"bin": {name: "a.js"}, "license": "MIT", **manifest}
        tarball = npm_tarball(
            {"name": name, "version": "1.0.0", "bin": {name: "a.js"}}, {"a.js": "#!/usr/bin/env node"}
        )
        self.registry.add_npm(name, {"1.0.0": given}, {"1.0.0": tarball}, time={"1.0.0": "2024-01-01T00:00:00Z"})

    def doit(
        self, *arguments: str, environment: Mapping[str, str] | None = None, before: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run doit to its end; both streams are text, whatever their bytes."""
        return self._run([*before, str(DOIT), *arguments], environment or {})

    def shell(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a line of bash, which may run doit; a variable that is "unset" is."""
        return self._run(["bash", "-c", line], variables)

    def _run(self, command: Sequence[str], given: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        variables = {
            **os.environ,
            "PIPELINE_ROOT": str(self.root),
            "PYTHONPATH": str(SHIPPED),
            "npm_config_registry": self.registry.npm_url,
            "PIP_INDEX_URL": self.registry.pypi_url,
            **given,
        }
        return subprocess.run(
            command,
            cwd=SHIPPED,
            env={name: value for name, value in variables.items() if value != "unset"},
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=120,
            check=False,
        )

    def record(self, path: str) -> dict[str, object]:
        """Return a record below `build`."""
        found: dict[str, object] = msgspec.json.decode((self.root / "build" / path).read_bytes())
        return found

    def change(self, path: str, **fields: object) -> None:
        """Overwrite fields of a record below `build`, as an enemy or another machine might."""
        file = self.root / "build" / path
        file.write_bytes(msgspec.json.encode({**self.record(path), **fields}))
