"""What a Cargo.lock says about other platforms: which libraries of the system its tree may link."""

import tomllib
from collections.abc import Mapping

from pipeline.model import Prediction
from pipeline.platforms import Platform

# Crates that link a library of the system on Linux, and the crate whose presence says that it is built along instead.
# macOS has these or uses its own frameworks.
_SYSTEM_LIBRARIES: Mapping[str, tuple[str, str]] = {
    "alsa-sys": ("ALSA", ""),
    "libdbus-sys": ("D-Bus", ""),
    "libpulse-sys": ("PulseAudio", ""),
    "libudev-sys": ("udev", ""),
    "openssl-sys": ("OpenSSL", "openssl-src"),
    "x11": ("X11", ""),
}


def packages(content: bytes) -> frozenset[str] | None:
    """Return the names in a Cargo.lock, None when it is none."""
    try:
        lock = tomllib.loads(content.decode())
    except (ValueError, RecursionError):
        return None
    listed = lock.get("package")
    if not isinstance(listed, list):
        return None
    return frozenset(one["name"] for one in listed if isinstance(one, dict) and isinstance(one.get("name"), str))


def predict(names: frozenset[str], platform: Platform) -> Prediction:
    """Return what the lock file says about one platform.

    Sources compile wherever Rust does, so nothing here speaks against a platform for sure: a crate may stand in the
    lock file for another platform, or for a feature that is off.
    """
    if platform.os == "linux":
        for crate, (library, instead) in _SYSTEM_LIBRARIES.items():
            if crate in names and instead not in names:
                reason = f"its lock file holds {crate}, which links the system's {library}"
                return Prediction(platform=platform.id, status="unknown", reason=reason)
    return Prediction(platform=platform.id, status="predicted_pass", reason="its sources compile wherever Rust does")
