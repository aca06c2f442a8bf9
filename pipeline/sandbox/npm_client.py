"""npm inside the sandbox: how it is called, and how what it installed is read and run."""

from pathlib import Path

import msgspec

from pipeline.decoding import decode_json
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Mount, Phase, PhaseOutput
from pipeline.sandbox.course import CACHE, PREFIX, SYSTEM_PATH, Course, read_inside, runtimes_here, succeeded
from pipeline.sandbox.runtimes import Runtime, Runtimes

INSTALL = ("install", "--ignore-scripts", "--no-audit", "--no-fund")


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """Node, and the npm that runs on it."""

    node: Runtime
    npm: Runtime


class Manifest(msgspec.Struct, frozen=True):
    """The keys of a `package.json` that are read."""

    version: str = ""
    scripts: dict[str, object] = {}


def find_tools(runtimes: Runtimes | None) -> Tools | None:
    """Return Node and npm, or None when this machine lacks one."""
    here = runtimes or runtimes_here()
    return Tools(node=here.node, npm=here.npm) if here.node is not None and here.npm is not None else None


def npm_phase(job: Job, tools: Tools, name: str, arguments: tuple[str, ...], mount: Mount) -> Phase:
    """Return a phase that runs npm with the network on. No package code runs: scripts are ignored."""
    settings = {
        "cache": CACHE,
        "update_notifier": "false",
        "progress": "false",
        "loglevel": "warn",
        "logs_max": "0",
        # npm's own waits (10 to 60 s) would use up the phase's time; the caller tries again after its own.
        "fetch_retry_mintimeout": "1000",
        "fetch_retry_maxtimeout": "8000",
    }
    return Phase(
        name=name,
        argv=(*tools.npm.argv, *arguments),
        environment={
            **tools.npm.environment,
            "PATH": f"{tools.node.folder}:{SYSTEM_PATH}",
            **{f"npm_config_{key}": value for key, value in settings.items()},
            **job.client_environment,
        },
        mounts=(*tools.npm.mounts, mount, Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True)),
        network=True,
        limits=job.limits.fetch,
    )


def run_prefer_offline(
    course: Course, job: Job, tools: Tools, name: str, arguments: tuple[str, ...], mount: Mount
) -> PhaseOutput:
    """Run npm from its cache; once more with fresh metadata when a version is missing there: it may be new."""
    answer = course.run(npm_phase(job, tools, name, (*arguments, "--prefer-offline"), mount))
    if succeeded(answer) or not diagnose.may_be_stale(answer):
        return answer
    return course.run(npm_phase(job, tools, f"{name}-fresh", (*arguments, "--prefer-online"), mount))


def has_tarball(job: Job) -> bool:
    """Return whether npm has the tarball that the recipe was made from: its cache is addressed by digests.

    Old releases name no SHA-512 digest; of those nothing can be told, and they count as there.
    """
    algorithm, _, value = job.artifact_digest.partition(":")
    if algorithm != "sha512":
        return True
    return (job.cache_folder / "_cacache" / "content-v2" / algorithm / value[:2] / value[2:4] / value[4:]).is_file()


def run_setting(job: Job, tools: Tools, prefix: Path) -> Phase:
    """Return the phase in which installed executables run: no network, nothing to write to but the fresh home."""
    return Phase(
        name="verify",
        argv=("true",),
        environment={
            **tools.node.environment,
            "PATH": f"{PREFIX}/bin:{tools.node.folder}:{SYSTEM_PATH}",
            "NO_COLOR": "1",
        },
        mounts=(*tools.node.mounts, Mount(host=prefix, inside=PREFIX)),
        network=False,
        limits=job.limits.verify,
    )


def read_manifest(prefix: Path, relative: str) -> Manifest:
    """Return a `package.json` of the tree; an unreadable one has no version and no scripts."""
    try:
        return decode_json(read_inside(prefix, relative) or b"{}", Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # npm itself reads any depth
        return Manifest()
