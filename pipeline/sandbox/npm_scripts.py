"""npm's install scripts: they run without a network, on a copy, and only for a tool that does not work without them."""

import os
from pathlib import Path

import msgspec

from pipeline.model import Subcategory
from pipeline.sandbox import diagnose
from pipeline.sandbox.base import Job, Mount, Phase, Tmpfs
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.course import PREFIX, Course, Verified, succeeded, verify_executables
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.npm_client import Tools, read_manifest, run_setting

_SCRIPTS = ("preinstall", "install", "postinstall")


def declares_scripts(job: Job, prefix: Path) -> bool:
    """Say whether the package or one of its tree wants to run something when it is installed."""
    if job.has_install_scripts:
        return True
    for folder, names, files in os.walk(prefix / "lib/node_modules"):
        if "package.json" in files and _has_script(prefix, Path(folder)):
            return True
        # Packages stand only in `node_modules` folders, below a scope or not.
        if Path(folder).name != "node_modules" and not Path(folder).name.startswith("@"):
            names[:] = [name for name in names if name == "node_modules"]
    return False


def _has_script(prefix: Path, folder: Path) -> bool:
    manifest = read_manifest(prefix, str((folder / "package.json").relative_to(prefix)))
    # npm compiles a package with a `binding.gyp` and no script of its own.
    return any(name in manifest.scripts for name in _SCRIPTS) or (folder / "binding.gyp").exists()


def verify_built(
    course: Course, job: Job, tools: Tools, prefix: Path, before: Diagnosis, *, engine_warned: bool
) -> Verified | Diagnosis:
    """Run the install scripts without a network on a copy in memory, and verify that; `before` is why."""
    size_mb = job.limits.build.disk_mb
    script = f'cp -a /fetched/. {PREFIX}/ && "$@" >&2 && tar -C {PREFIX} -cf - .'
    archive = job.work_folder / "built.tar"
    setting = run_setting(job, tools, prefix)
    built = course.run(
        Phase(
            name="build",
            argv=("/bin/sh", "-c", script, "build", *tools.npm.argv, "rebuild", "--global", "--prefix", PREFIX),
            environment={**setting.environment, "npm_config_cache": "/tmp/npm", "npm_config_update_notifier": "false"},  # noqa: S108  # the sandbox's own
            mounts=(*tools.npm.mounts, Mount(host=prefix, inside="/fetched")),
            network=False,
            limits=job.limits.build,
            tmpfs=(Tmpfs(inside=PREFIX, size_mb=size_mb),),
            stdout=archive,
        )
    )
    if not succeeded(built):
        failure = diagnose.build_failure(built, job.limits.build)
        if failure.infra or before.subcategory is Subcategory.VERIFY_ERROR:
            reason = f"{before.reason}; its install scripts, without a network: {failure.reason}"
            return msgspec.structs.replace(failure, reason=reason)
        return before
    unpacked = prepare_folder(job.work_folder / "built")
    unpacking = course.run(
        Phase(
            name="unpack",
            argv=("tar", "-C", PREFIX, "-xf", "/built.tar"),
            environment={},
            mounts=(Mount(host=unpacked, inside=PREFIX, writable=True), Mount(host=archive, inside="/built.tar")),
            network=False,
            limits=job.limits.build,
        )
    )
    if not succeeded(unpacking):
        return diagnose.build_failure(unpacking, job.limits.build)
    return verify_executables(course, job, run_setting(job, tools, unpacked), engine_warned=engine_warned)
