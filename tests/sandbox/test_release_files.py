"""Real programs in files of a release on loopback, downloaded, taken out and run in the real sandbox."""

import hashlib
import io
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from pipeline.config import PhaseLimits, ValidationConfig
from pipeline.model import Artifact, Build, Step, Subcategory, Verdict, VerdictStatus
from pipeline.platforms import BY_ID
from pipeline.sandbox.base import Job
from pipeline.sandbox.bwrap import BwrapSandbox, prepare_folder
from pipeline.sandbox.installers import github
from pipeline.sandbox.runtimes import Runtimes
from tests.fake_registry import FakeRegistry, Reply

NOW = "2026-01-02T03:04:05Z"
DEBIAN = "linux-debian-glibc-x86_64"
LIMITS = PhaseLimits(timeout_seconds=60, memory_mb=512, pids=64, disk_mb=64)
SOURCE = '#include <stdio.h>\nint main(void) { puts("tool 2.1.0"); return 0; }\n'
SCRIPT = b"#!/bin/sh\necho tool 2.1.0\n"

Run = Callable[..., Verdict]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small program of this machine's own C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "tool.c").write_text(SOURCE, encoding="utf-8")
    done = subprocess.run([compiler, "-Os", "-o", "tool", "tool.c"], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("the C compiler here compiles nothing")
    return (folder / "tool").read_bytes()


@pytest.fixture
def run(tmp_path: Path, sandbox: BwrapSandbox, runtimes: Runtimes) -> Run:
    """Serve a file as the release's, and validate the recipe that names it."""

    def validated(
        content: bytes, form: str, paths: list[str], *, strip: int = 0, at: str = "/tool-2.1.0", **changes: object
    ) -> Verdict:
        named = {"binary": paths[0]} if form == "binary" else {"binaries": paths}
        params = {"repo": "acme/tool", "asset_pattern": "tool-{version}", "archive_format": form, "strip_dirs": strip}
        with FakeRegistry() as registry:
            registry.add("/files/tool-2.1.0", content)
            # The file host is another one, as with GitHub.
            registry.reply("/tool-2.1.0", Reply(status=302, headers={"Location": "/files/tool-2.1.0"}))
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            artifact = Artifact(name="tool-2.1.0", url=f"{registry.url}{at}", size=len(content), digest=digest)
            job = Job(
                source="github:acme/tool",
                version="2.1.0",
                recipe_sha256="0" * 64,
                made_from="1" * 64,
                executables=tuple(sorted(path.rpartition("/")[2] for path in paths)),
                runtime_requirement="",
                has_install_scripts=False,
                platform=BY_ID[DEBIAN],
                limits=ValidationConfig(
                    workers=1, attempts=1, fetch=LIMITS, build=LIMITS, verify=LIMITS, heavy=LIMITS, compile=LIMITS
                ),
                steps=(Step(action="github_archive", params={**params, **named}),),
                builds=(Build(platforms=[DEBIAN], artifact=msgspec.structs.replace(artifact, **changes)),),
                work_folder=prepare_folder(tmp_path / "work"),
                cache_folder=prepare_folder(tmp_path / "cache"),
                client_environment={},
            )
            return github.validate(job, sandbox, NOW, runtimes=runtimes)

    return validated


def packed(members: Mapping[str, bytes], form: str = "gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{form}") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["gz", "xz", "bz2"])
def test_a_compiled_program_in_an_archive(run: Run, compiled: bytes, form: str) -> None:
    """Below a folder that comes off, without an executable bit, behind a redirect."""
    content = packed({"tool-2.1.0/README": b"text", "tool-2.1.0/bin/tool": compiled}, form)
    verdict = run(content, f"tar.{form}", ["bin/tool"], strip=1)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    assert (verdict.found_executables, verdict.observed_version) == (["tool"], "2.1.0")
    assert [(phase.name, phase.network) for phase in verdict.phases] == [
        ("fetch", True),
        ("unpack", False),
        ("verify", False),
    ]


def test_a_program_in_a_zip_and_a_script_beside_it(run: Run, compiled: bytes) -> None:
    """Both are placed and asked for their version."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tool", compiled)
        archive.writestr("tool-too", SCRIPT)
    verdict = run(buffer.getvalue(), "zip", ["tool", "tool-too"])
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    assert [each.command for each in verdict.verify] == ["tool --version", "tool-too --version"]


def test_a_file_that_is_the_program_itself(run: Run) -> None:
    """It gets the recipe's name for it."""
    verdict = run(SCRIPT, "binary", ["tool"])
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason


def test_other_bytes_than_the_digest_says_are_never_unpacked(run: Run) -> None:
    """The download is refused with both digests in the reason."""
    verdict = run(SCRIPT, "binary", ["tool"], digest=f"sha256:{'0' * 64}")
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DIGEST_MISMATCH)
    assert [phase.name for phase in verdict.phases] == ["fetch"]


def test_a_longer_file_than_the_release_says_is_not_read_on(run: Run) -> None:
    """What comes after the size is left; a shorter file is a broken connection."""
    for size in (5, 5_000):
        verdict = run(SCRIPT, "binary", ["tool"], size=size, digest="")
        assert (verdict.status, verdict.subcategory) == (VerdictStatus.INFRA_ERROR, Subcategory.CONNECTION_ERROR)


def test_a_missing_file_is_the_packages_failure(run: Run) -> None:
    """A release's file that was removed is gone for everybody."""
    verdict = run(SCRIPT, "binary", ["tool"], at="/none")
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.NOT_FOUND)


@pytest.mark.parametrize(
    "name", ["../../../../tmp/tool", "/prefix/tool", "tool/../../../prefix/x/tool"], ids=["above", "absolute", "within"]
)
def test_no_path_of_an_archive_is_used(run: Run, name: str) -> None:
    """A member is taken only by the path that the recipe names, and lands in `bin` under its own name."""
    verdict = run(packed({name: SCRIPT}), "tar.gz", ["tool"])
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.EXE_MISMATCH)
    assert verdict.found_executables == []


def test_a_link_is_no_program(run: Run) -> None:
    """A link to a program of the system's, or to a secret, is left out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("tool")
        link.type, link.linkname = tarfile.SYMTYPE, "/bin/sh"
        archive.addfile(link)
    verdict = run(buffer.getvalue(), "tar.gz", ["tool"])
    assert verdict.subcategory is Subcategory.EXE_MISMATCH


def test_a_bomb_ends_at_the_limit_of_the_phase(run: Run) -> None:
    """A program of a gigabyte in a small file fills its own folder and no other."""
    verdict = run(packed({"tool": bytes(1024 * 1024 * 200)}), "tar.gz", ["tool"])
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DISK)


def test_a_damaged_archive_is_named(run: Run) -> None:
    """The reason says what it was taken for."""
    verdict = run(b"not an archive at all", "tar.gz", ["tool"])
    assert verdict.status is VerdictStatus.FAILED
    assert "not a sound tar.gz file" in verdict.reason
