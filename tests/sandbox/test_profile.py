"""bubblewrap's arguments: what holds for every phase."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sandbox.base import Mount, Phase, Tmpfs
from pipeline.sandbox.host import HostView
from pipeline.sandbox.profile import Descriptors, all_mounts, arguments, check, environment, etc_files
from tests.sandbox.lab import LIMITS, phase

_HOST = HostView(
    links=(("/lib", "usr/lib"),),
    mounts=(Mount(host=Path("/usr"), inside="/usr"),),
    network_mounts=(Mount(host=Path("/run/resolver"), inside="/etc/resolv.conf"),),
    network_environment={"https_proxy": "http://user:password@proxy"},
)
_DESCRIPTORS = Descriptors(status=3, seccomp=4, etc={"/etc/passwd": 5})

_NAMES = st.text(alphabet="abcxyz", min_size=1, max_size=3)
_PLACES = st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: "/opt/" + "/".join(names))


@st.composite
def _phases(draw: st.DrawFn) -> Phase:
    """Phases that must be: mounts at places of their own, no writable cache without a network."""
    network = draw(st.booleans())
    places = draw(st.lists(_PLACES, unique=True, max_size=6))
    mounts, tmpfs = [], []
    for place in places:
        kind = draw(st.sampled_from(["read", "write", "cache", "memory"]))
        if kind == "memory":
            tmpfs.append(Tmpfs(inside=place, size_mb=draw(st.integers(1, 64))))
            continue
        writable = kind == "write" or (kind == "cache" and network)
        mounts.append(Mount(host=Path("/host" + place), inside=place, writable=writable, cache=kind == "cache"))
    return Phase(
        name="phase",
        argv=("tool", *draw(st.lists(_NAMES, max_size=2))),
        environment=draw(st.dictionaries(_NAMES, _NAMES, max_size=3)),
        mounts=tuple(mounts),
        network=network,
        limits=LIMITS,
        tmpfs=tuple(tmpfs),
    )


def _options(wanted: Phase) -> list[str]:
    return list(arguments(wanted, _HOST, source=str, descriptors=_DESCRIPTORS))


def _binds(options: list[str]) -> dict[str, tuple[str, str]]:
    """Return (option, source) by place."""
    return {
        options[at + 2]: (option, options[at + 1])
        for at, option in enumerate(options)
        if option in ("--bind", "--ro-bind")
    }


@given(_phases())
def test_every_phase_is_isolated(wanted: Phase) -> None:
    """Namespaces, capabilities, environment, session and filter are never left out; the network only when off."""
    options = _options(wanted)

    always = ("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--clearenv")
    assert all(option in options for option in always)
    assert options[options.index("--cap-drop") + 1] == "ALL"
    assert options[options.index("--seccomp") + 1] == "4"
    assert ("--share-net" in options) == wanted.network
    assert not {option for option in options if option.endswith("-try") or option.startswith("--dev-bind")}


@given(_phases())
def test_only_what_the_phase_asked_for_is_writable(wanted: Phase) -> None:
    """Each mount is shown as it was asked for, and all of the host's are read-only."""
    binds = _binds(_options(wanted))

    assert {place for place, (option, _) in binds.items() if option == "--bind"} == {
        mount.inside for mount in wanted.mounts if mount.writable
    }
    assert {(place, source) for place, (_, source) in binds.items()} == {
        (mount.inside, str(mount.host)) for mount in all_mounts(wanted, _HOST)
    }


@given(_phases())
def test_nothing_hides_an_inner_mount_and_the_root_is_closed_last(wanted: Phase) -> None:
    """A place comes after every place around it; the root is remounted when all mount points are made."""
    options = _options(wanted)
    places = [
        options[at + (1 if option == "--tmpfs" else 2)]
        for at, option in enumerate(options)
        if option in ("--bind", "--ro-bind", "--tmpfs")
    ]

    for at, place in enumerate(places):
        assert not any(place.startswith(later + "/") for later in places[at + 1 :])
    remounted = [at for at, option in enumerate(options) if option == "--remount-ro"]
    assert [options[at + 1] for at in remounted] == ["/dev", "/"]
    assert not {"--bind", "--ro-bind", "--tmpfs", "--symlink", "--dev", "--proc"} & set(options[remounted[0] :])


@given(_phases())
def test_every_memory_folder_has_a_size(wanted: Phase) -> None:
    """bubblewrap's own default is half the machine's memory."""
    options = _options(wanted)

    for at, option in enumerate(options):
        if option == "--tmpfs":
            assert options[at - 2] == "--size"
            assert 0 < int(options[at - 1]) <= 64 * 1024 * 1024


@given(_phases())
def test_what_the_network_needs_is_shown_with_the_network_only(wanted: Phase) -> None:
    """Name servers and a proxy's password are for the phase that runs no package code."""
    shown = "/etc/resolv.conf" in _binds(_options(wanted)) or "https_proxy" in environment(wanted, _HOST)

    assert shown == wanted.network
    assert ("/etc/hosts" in etc_files(wanted)) != wanted.network


def test_the_phases_own_variables_win() -> None:
    """A phase may set PATH and the like; what it does not set has a plain default."""
    variables = environment(phase("tool", environment={"PATH": "/opt/bin"}), _HOST)

    assert variables["PATH"] == "/opt/bin"
    assert variables["HOME"] == "/home/sandbox"


_PLAIN = Mount(host=Path("/x"), inside="/prefix")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"mounts": (msgspec.structs.replace(_PLAIN, writable=True, cache=True),)}, "must not be writable"),
        ({"mounts": (msgspec.structs.replace(_PLAIN, inside="/usr/local", writable=True),)}, "is the system's"),
        ({"mounts": (msgspec.structs.replace(_PLAIN, inside="/"),)}, "belongs to the sandbox"),
        ({"mounts": (msgspec.structs.replace(_PLAIN, inside="/proc/sys"),)}, "belongs to the sandbox"),
        ({"tmpfs": (Tmpfs(inside="/usr", size_mb=1),)}, "belongs to the sandbox"),
        ({"mounts": (msgspec.structs.replace(_PLAIN, inside="prefix"),)}, "not an absolute, plain path"),
        ({"mounts": (msgspec.structs.replace(_PLAIN, inside="/a/../usr"),)}, "not an absolute, plain path"),
        ({"mounts": (msgspec.structs.replace(_PLAIN, inside="/prefix/"),)}, "not an absolute, plain path"),
        ({"mounts": (_PLAIN, _PLAIN)}, "two mounts at one place"),
        ({"mounts": (_PLAIN,), "tmpfs": (Tmpfs(inside="/prefix", size_mb=1),)}, "two mounts at one place"),
        ({"environment": {"A": "b\0--bind\0/\0/"}}, "no NUL"),
        ({"argv": ()}, "a command"),
    ],
)
def test_a_phase_that_must_not_be_is_refused(changes: dict[str, object], rule: str) -> None:
    """A bug of a caller that would open the sandbox is an error, not a run."""
    with pytest.raises(ValueError, match=rule):
        check(msgspec.structs.replace(phase("tool"), **changes))
