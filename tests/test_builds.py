"""What a release's own list of files says about each platform."""

from pathlib import Path

import msgspec

from pipeline.model import Artifact, Build
from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox.builds import predict_from_builds
from tests.test_installers import NOW, job_for

DEBIAN, ALPINE, MAC = (BY_ID[key] for key in ("linux-debian-glibc-x86_64", "linux-alpine-musl-x86_64", "darwin-arm64"))
BUILDS = (
    Build(platforms=[DEBIAN.id, ALPINE.id], artifact=Artifact(name="tool-linux", url="https://files.example/linux")),
    Build(platforms=[ALPINE.id], artifact=Artifact(name="tool-musl\n", url="https://files.example/musl")),
)


def test_a_platform_passes_by_the_first_file_that_is_for_it(tmp_path: Path) -> None:
    """A platform with a file is predicted to pass and told which; one without is predicted to fail, and why."""
    job = msgspec.structs.replace(job_for(tmp_path, "npm:tool"), builds=BUILDS)
    record = predict_from_builds(job, (DEBIAN, ALPINE, MAC), NOW)
    assert [(each.platform, each.status, each.reason) for each in record.predictions] == [
        (DEBIAN.id, "predicted_pass", "version 1.2.3 has a file for this platform: tool-linux"),
        (ALPINE.id, "predicted_pass", "version 1.2.3 has a file for this platform: tool-linux"),
        (MAC.id, "predicted_fail", "no_platform_build: version 1.2.3 has no file for this platform"),
    ]
    assert (record.final, record.source, record.made_from) == (True, job.source, job.made_from)


def test_what_an_installer_does_not_run_on_fails_whatever_files_there_are(tmp_path: Path) -> None:
    """The ecosystem's own refusal comes before its files, and only where it holds."""
    job = msgspec.structs.replace(job_for(tmp_path, "npm:tool"), builds=BUILDS)
    record = predict_from_builds(
        job, (DEBIAN, ALPINE), NOW, refused=lambda platform: "glibc only" if platform.libc == "musl" else ""
    )
    assert [(each.status, each.reason.partition(":")[2]) for each in record.predictions] == [
        ("predicted_pass", " tool-linux"),
        ("predicted_fail", " glibc only"),
    ]


def test_without_a_list_of_files_nothing_is_predicted(tmp_path: Path) -> None:
    """No list is not a list without this platform."""
    record = predict_from_builds(job_for(tmp_path, "npm:tool"), ALL_PLATFORMS, NOW)
    assert {each.status for each in record.predictions} == {"unknown"}
    assert len(record.predictions) == len(ALL_PLATFORMS)
