"""The Rust toolchain of this machine: where it is, and what phases see of it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from pipeline.cargo_client import TOOLCHAIN_REMEDY
from pipeline.sandbox.base import Mount
from pipeline.sandbox.course import runtime_missing
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.runtimes import Runtime, Which

RUST_INSIDE = "/opt/rust"
# `cargo info`, which fetches one crate, came with it.
_OLDEST = (1, 82)
_ASK_SECONDS = 30
_RELEASE = re.compile(r"^release: (\d+)\.(\d+)\.(\S+)$", re.MULTILINE)
_HOST = re.compile(r"^host: (\S+)$", re.MULTILINE)
_REMEDY = "install Rust (https://www.rust-lang.org/tools/install) or the system's package rustc, with cargo"

Ask = Callable[[tuple[str, ...]], str]


class Toolchain(msgspec.Struct, frozen=True, kw_only=True):
    """cargo with the compiler beside it; `version` of the runtime is the compiler's. `target` is this machine's."""

    cargo: Runtime
    target: str


def ask(argv: tuple[str, ...]) -> str:
    """Return what a program prints, "" when it fails. It is run in `/`, where no project chooses a toolchain."""
    try:
        done = subprocess.run(argv, cwd="/", capture_output=True, text=True, timeout=_ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_toolchain(which: Which = shutil.which, ask: Ask = ask) -> Toolchain | Diagnosis:
    """Return the toolchain, or which part of it this machine lacks and what to do.

    With rustup, `cargo` and `rustc` are launchers that look for the real ones in the user's home; the sandbox gets the
    real ones, which lie in the compiler's `sysroot`.
    """
    cargo, rustc = which("cargo"), which("rustc")
    if cargo is None or rustc is None:
        return runtime_missing("cargo" if cargo is None else "rustc", _REMEDY)
    described, sysroot = ask((rustc, "-vV")), ask((rustc, "--print", "sysroot"))
    release, host = _RELEASE.search(described), _HOST.search(described)
    if release is None or host is None or not sysroot:
        return runtime_missing("a Rust compiler that answers", TOOLCHAIN_REMEDY)
    if (int(release[1]), int(release[2])) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        return runtime_missing(f"Rust {oldest} or newer", f"update it, as with `rustup update`: {release[0]} is here")
    if which("cc") is None:
        return runtime_missing("cc, which links Rust programs,", "install a C compiler, such as the package gcc")
    found = _runtime(Path(sysroot), Path(cargo), f"{release[1]}.{release[2]}.{release[3]}")
    return found if isinstance(found, Diagnosis) else Toolchain(cargo=found, target=host[1])


def _runtime(sysroot: Path, cargo: Path, version: str) -> Runtime | Diagnosis:
    if sysroot.is_relative_to("/usr") and not (sysroot / "bin/cargo").is_file():
        sysroot = cargo.resolve().parent.parent  # cargo of /usr/local, compiler of /usr: both are seen anyway
    if not (sysroot / "bin/cargo").is_file():
        return runtime_missing(f"cargo beside the compiler in {sysroot.name}", _REMEDY)
    if sysroot.is_relative_to("/usr"):
        return Runtime(argv=(str(sysroot / "bin/cargo"),), folder=str(sysroot / "bin"), version=version)
    return Runtime(
        argv=(f"{RUST_INSIDE}/bin/cargo",),
        folder=f"{RUST_INSIDE}/bin",
        version=version,
        mounts=(Mount(host=sysroot, inside=RUST_INSIDE),),
    )


def too_old(wanted: str, version: str) -> bool:
    """Say whether a compiler is older than a `rust-version`, written as `>=1.74` or `>=1.74.1`."""
    asked = re.fullmatch(r">=(\d+(?:\.\d+){0,2})", wanted)
    if asked is None:
        return False
    numbers = [int(part) for part in re.findall(r"\d+", version)[:3]]
    return numbers < [int(part) for part in asked[1].split(".")]
