"""What the installer of release files asks of a sandbox, and what it concludes from its answers."""

from pathlib import Path

import msgspec
import pytest

from pipeline.model import Artifact, Build, Step, Subcategory, VerdictStatus, When
from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox.base import Job, Phase, PhaseOutput
from pipeline.sandbox.installers import github
from tests.fake_programs import mac_program, program
from tests.fakes_sandbox import FakeSandbox, answer, host_folder
from tests.test_installers import NOW, RUNTIMES, job_for

DEBIAN, ALPINE = "linux-debian-glibc-x86_64", "linux-alpine-musl-x86_64"
ADDRESS = "https://files.example/acme/tool/releases/download/v1.2.3/tool-1.2.3-linux.tar.gz"
ARCHIVE = Artifact(name="tool-1.2.3-linux.tar.gz", url=ADDRESS, size=1000, digest=f"sha256:{'0' * 64}")
STEP = Step(
    action="github_archive",
    when=When(os=["linux"], arch="amd64"),
    params={
        "repo": "acme/tool",
        "asset_pattern": "tool-{version}-{os}.tar.gz",
        "archive_format": "tar.gz",
        "strip_dirs": 1,
        "binaries": ["bin/tool"],
    },
)


def made(tmp_path: Path, **changes: object) -> Job:
    build = Build(platforms=[DEBIAN, ALPINE], artifact=ARCHIVE)
    job = job_for(tmp_path, "npm:tool")
    given = {"source": "github:acme/tool", "steps": (STEP,), "builds": (build,), **changes}
    return msgspec.structs.replace(job, **given)


def installing(content: bytes = program("x86_64"), *names: str, **outputs: PhaseOutput) -> FakeSandbox:
    """A sandbox in which the file holds this program, and phases answer as given."""

    def script(phase: Phase) -> PhaseOutput:
        if phase.name in outputs:
            return outputs[phase.name]
        if phase.name == "unpack":
            folder = host_folder(phase, "/prefix") / "bin"
            folder.mkdir()
            for name in names or ("tool",):
                (folder / name).write_bytes(content)
        return answer("tool 1.2.3\n", name=phase.name)

    return FakeSandbox(script)


def test_a_file_is_downloaded_taken_apart_and_its_program_run(tmp_path):
    """The file of the recipe's step for this platform, with the size and digest of the evidence."""
    sandbox = installing()
    verdict = github.validate(made(tmp_path), sandbox, NOW, runtimes=RUNTIMES)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    assert (verdict.found_executables, verdict.observed_version) == (["tool"], "1.2.3")
    fetch, unpack, verify = sandbox.phases
    assert fetch.argv[-4:] == (ADDRESS, "/download/file", "1000", ARCHIVE.digest)
    assert unpack.argv[-5:] == ("/download/file", "tar.gz", "1", "/prefix/bin", "bin/tool")
    assert verify.argv == ("/prefix/bin/tool", "--version")


def test_the_network_is_on_for_the_download_alone(tmp_path):
    """What reads the archive, and what it holds, sees neither network nor the settings that may hold a password."""
    sandbox = installing()
    route = {"https_proxy": "http://me:secret@proxy.example"}
    github.validate(made(tmp_path, client_environment=route), sandbox, NOW, runtimes=RUNTIMES)
    assert [phase.network for phase in sandbox.phases] == [True, False, False]
    assert sandbox.phases[0].environment["https_proxy"] == route["https_proxy"]
    assert not any("https_proxy" in phase.environment for phase in sandbox.phases[1:])
    assert not any(mount.writable for mount in sandbox.phases[-1].mounts)
    assert all("-I" in phase.argv for phase in sandbox.phases[:2])


def test_a_file_that_is_the_program_itself_is_placed_under_its_name(tmp_path):
    """`github_file` names the program; its pattern tells systems and processors apart by tables."""
    params = {
        "repo": "acme/tool",
        "asset_pattern": "tool-{os}-{arch}",
        "binary": "tool",
        "os_mapping": {"linux": "Linux"},
        "arch_mapping": {"amd64": "x64"},
    }
    build = Build(platforms=[DEBIAN], artifact=msgspec.structs.replace(ARCHIVE, name="tool-Linux-x64", size=None))
    sandbox = installing()
    job = made(tmp_path, steps=(Step(action="github_file", params=params),), builds=(build,))
    assert github.validate(job, sandbox, NOW, runtimes=RUNTIMES).status is VerdictStatus.VALIDATED
    assert sandbox.phases[0].argv[-2] == "0"
    assert sandbox.phases[1].argv[-5:] == ("/download/file", "binary", "0", "/prefix/bin", "tool")


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"platform": BY_ID["linux-debian-glibc-arm64"]}, Subcategory.NO_PLATFORM_BUILD),
        ({"builds": ()}, Subcategory.NO_PLATFORM_BUILD),
        ({"version": "1.2.4"}, Subcategory.BAD_METADATA),
        ({"version": "1.2.4/../x"}, Subcategory.BAD_METADATA),
        (
            {
                "builds": (
                    Build(platforms=[DEBIAN], artifact=msgspec.structs.replace(ARCHIVE, url="file:///etc/passwd")),
                )
            },
            Subcategory.BAD_METADATA,
        ),
    ],
    ids=["no step", "no file", "another file", "no version", "no web address"],
)
def test_nothing_runs_for_a_file_that_is_not_the_recipes(tmp_path, changes, cause):
    """The recipe's pattern and the evidence must name the same file, for this platform."""
    sandbox = installing()
    verdict = github.validate(made(tmp_path, **changes), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, cause)
    assert sandbox.phases == []


@pytest.mark.parametrize(
    ("content", "platform", "said"),
    [
        (program("x86_64", "glibc"), ALPINE, "needs the loader of glibc, and this platform has musl"),
        (program("x86_64", "musl"), DEBIAN, "needs the loader of musl, and this platform has glibc"),
        (program("arm64"), DEBIAN, "is a program for arm64, not for x86_64"),
        (mac_program(), DEBIAN, "is a program for macOS, not for x86_64"),
        (b"text", DEBIAN, "is no program"),
    ],
)
def test_a_program_for_another_platform_is_named_as_such(tmp_path, content, platform, said):
    """The kernel would only say that the program is not there."""
    sandbox = installing(content)
    job = made(tmp_path, platform=BY_ID[platform])
    verdict = github.validate(job, sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.NO_PLATFORM_BUILD)
    assert said in verdict.reason
    assert [phase.name for phase in sandbox.phases] == ["fetch", "unpack"]


@pytest.mark.parametrize(
    ("output", "status", "cause"),
    [
        ("HTTP status client error (404 Not Found)", VerdictStatus.FAILED, Subcategory.NOT_FOUND),
        ("HTTP status client error (403 Forbidden)", VerdictStatus.INFRA_ERROR, Subcategory.UPSTREAM_REFUSED),
        ("HTTP status server error (503 Busy)", VerdictStatus.INFRA_ERROR, Subcategory.UPSTREAM_UNAVAILABLE),
        ("429 Too Many Requests", VerdictStatus.INFRA_ERROR, Subcategory.RATE_LIMITED),
        ("failed to lookup address: [Errno -2]", VerdictStatus.INFRA_ERROR, Subcategory.DNS_ERROR),
        ("invalid peer certificate: self-signed", VerdictStatus.INFRA_ERROR, Subcategory.TLS_ERROR),
        ("operation timed out", VerdictStatus.INFRA_ERROR, Subcategory.TIMEOUT),
        ("[Errno 111] Connection refused", VerdictStatus.INFRA_ERROR, Subcategory.CONNECTION_ERROR),
        ("connection closed after 3 of 5 bytes", VerdictStatus.INFRA_ERROR, Subcategory.CONNECTION_ERROR),
        ("Hash mismatch: sha256:a was downloaded", VerdictStatus.FAILED, Subcategory.DIGEST_MISMATCH),
        ("[Errno 28] No space left on device", VerdictStatus.FAILED, Subcategory.DISK),
    ],
)
def test_why_a_download_failed(tmp_path, output, status, cause):
    """What lies with the network or the host is never held against the package."""
    sandbox = installing(fetch=answer(f"{output}\n", 1, name="fetch", network=True))
    verdict = github.validate(made(tmp_path), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (status, cause)
    assert output.split(" (")[0] in verdict.reason


def test_other_programs_than_the_recipes_are_a_mismatch(tmp_path):
    """A program that the file no longer holds is missed by its name."""
    sandbox = installing(program("x86_64"), "other")
    verdict = github.validate(made(tmp_path), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.EXE_MISMATCH)
    assert verdict.reason == "missing: tool; not in the recipe: other"


def test_a_missing_library_is_named(tmp_path):
    """What the dynamic loader says is the cause."""
    lacking = "tool: error while loading shared libraries: libssl.so.1.1: cannot open shared object file\n"
    sandbox = installing(program("x86_64", "glibc"), verify=answer(lacking, 127, name="verify"))
    verdict = github.validate(made(tmp_path), sandbox, NOW, runtimes=RUNTIMES)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.MISSING_SYSTEM_DEP)
    assert "libssl.so.1.1" in verdict.reason


def test_predictions_come_from_the_list_of_files(tmp_path):
    """Nothing is asked for, and each platform without a file is told so."""
    sandbox = installing()
    record = github.predict(made(tmp_path), sandbox, ALL_PLATFORMS, NOW)
    passing = {each.platform for each in record.predictions if each.status == "predicted_pass"}
    assert passing == {DEBIAN, ALPINE}
    assert record.final
    assert sandbox.phases == []
