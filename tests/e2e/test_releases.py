"""A file of a GitHub release from the queue to the pull request."""

import gzip
import hashlib
import io
import tarfile

import msgspec

from pipeline.model import Generated, VerdictStatus
from tests.e2e.world import HOST, VERSION, World
from tests.fake_registry import FakeRegistry

RECIPE = """\
[metadata]
name = "paint"
description = "Paints strokes"
homepage = "https://github.com/acme/paint"

[[steps]]
action = "github_archive"
when = {os = ["linux"]}
repo = "acme/paint"
asset_pattern = "paint_{version}_linux_{arch}.tar.gz"
archive_format = "tar.gz"
strip_dirs = 1
binaries = ["bin/paint"]

[verify]
command = "paint --version"
pattern = "{version}"
"""


def archive(version: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        script = f"#!/bin/sh\necho paint {version}\n".encode()
        info = tarfile.TarInfo(f"paint_{version}/bin/paint")
        info.size, info.mode = len(script), 0o755
        packed.addfile(info, io.BytesIO(script))
    return gzip.compress(buffer.getvalue(), mtime=0)


def publish(world: World, host: FakeRegistry) -> str:
    """Publish two releases with a file for each processor, and one file of checksums; return the source."""
    releases = []
    for version in (VERSION, "1.2.2"):
        content = archive(version)
        names = [f"paint_{version}_linux_{arch}.tar.gz" for arch in ("amd64", "arm64")]
        lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name in names).encode()
        folder = f"/files/v{version}"
        assets = []
        for name, raw in [*((name, content) for name in names), ("checksums.txt", lines)]:
            url = host.add(f"{folder}/{name}", raw, "application/octet-stream")
            assets.append({"name": name, "browser_download_url": url, "size": len(raw), "state": "uploaded"})
        releases.append({"tag_name": f"v{version}", "published_at": "2024-01-01T00:00:00Z", "assets": assets})
    about = {
        "full_name": "acme/paint",
        "html_url": "https://github.com/acme/paint",
        "description": "Paints strokes.",
        "license": {"spdx_id": "MIT"},
    }
    world.registry.add("/api/repos/acme/paint", msgspec.json.encode(about))
    world.registry.add("/api/repos/acme/paint/releases?per_page=30", msgspec.json.encode(releases))
    return "github:acme/paint"


def test_a_release_becomes_a_recipe_that_was_installed_and_run(world: World) -> None:
    """The digest comes from the file of checksums, the token goes to the API alone, the verdict is measured."""
    with FakeRegistry() as host:
        source = publish(world, host)
        world.queue(source)
        service = {"requests_per_second": 100, "registry": f"{world.registry.url}/api"}
        world.configure(platforms=world.only_here(), ecosystems={"github": service})
        world.ran(GH_TOKEN="a-secret")
        files = host.seen()
    outcome = world.outcome(source).outcome
    assert isinstance(outcome, Generated), outcome
    assert outcome.evidence.artifact.digest_checked
    assert outcome.evidence.risks == []
    verdict = world.verdict(source)
    assert (verdict.status, verdict.platform) == (VerdictStatus.VALIDATED, HOST.id)
    assert verdict.observed_version == VERSION
    assert world.recipe("recipes/p/paint.toml") == RECIPE
    about = "/api/repos/acme/paint"
    assert [each.path for each in world.registry.seen()] == [about, f"{about}/releases?per_page=30"]
    assert {each.headers["authorization"] for each in world.registry.seen()} == {"Bearer a-secret"}
    # The checksums, the archive to read, and the one to install; which of the two it is depends on this machine.
    assert len(files) == 3
    assert not any("authorization" in each.headers for each in files)
