"""What a lock file of npm says about each platform."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox import npm_lock

DEBIAN = BY_ID["linux-debian-glibc-x86_64"]
DEBIAN_ARM = BY_ID["linux-debian-glibc-arm64"]
ALPINE = BY_ID["linux-alpine-musl-x86_64"]
ALPINE_ARM = BY_ID["linux-alpine-musl-arm64"]
MAC = BY_ID["darwin-arm64"]


def lock_of(packages: dict[str, dict[str, object]], *needs: str) -> npm_lock.Lock:
    root = {"dependencies": dict.fromkeys(needs or ("tool",), "1.0.0")}
    content = json.dumps({"name": "x", "lockfileVersion": 3, "packages": {"": root, **packages}})
    lock = npm_lock.parse(content.encode())
    assert lock is not None
    return lock


def passing(lock: npm_lock.Lock) -> set[str]:
    answers = (npm_lock.predict(lock, platform) for platform in ALL_PLATFORMS)
    return {answer.platform for answer in answers if answer.status == "predicted_pass"}


def family(*members: tuple[str, str, str, str], version: str = "1.0.0") -> dict[str, dict[str, object]]:
    """A tool with one optional package for each (name, os, cpu, libc)."""
    packages: dict[str, dict[str, object]] = {
        "node_modules/tool": {"version": "1.0.0", "optionalDependencies": {name: version for name, *_ in members}}
    }
    for name, system, cpu, libc in members:
        extra = {"libc": [libc]} if libc else {}
        packages[f"node_modules/{name}"] = {"version": "1.0.0", "os": [system], "cpu": [cpu], "optional": True, **extra}
    return packages


def test_plain_javascript_passes_everywhere():
    """A tree without a word about platforms excludes none."""
    tree = {
        "node_modules/tool": {"version": "1.0.0", "dependencies": {"a": "^1"}},
        "node_modules/a": {"version": "1.2.0"},
    }
    lock = lock_of(tree)
    assert passing(lock) == set(BY_ID)
    assert npm_lock.predict(lock, MAC).reason == "none of 2 required packages excludes this platform"


def test_a_required_package_for_one_system_excludes_the_others():
    """The refusal names the package and what it is for."""
    tree = {
        "node_modules/tool": {"version": "1.0.0", "dependencies": {"mac": "^1"}},
        "node_modules/mac": {"version": "1.1.0", "os": ["darwin"]},
    }
    lock = lock_of(tree)
    assert passing(lock) == {"darwin-arm64", "darwin-x86_64"}
    assert npm_lock.predict(lock, DEBIAN).reason == "no_platform_build: mac 1.1.0 is required and only for os darwin"


def test_an_optional_package_for_one_system_excludes_none():
    """`fsevents` is an extra: neither it nor what it needs is looked at."""
    tree = {
        "node_modules/tool": {"version": "1.0.0", "optionalDependencies": {"fsevents": "2.3.3"}},
        "node_modules/fsevents": {"version": "2.3.3", "os": ["darwin"], "dependencies": {"deep": "1"}},
        "node_modules/deep": {"version": "1.0.0", "os": ["darwin"]},
    }
    assert passing(lock_of(tree)) == set(BY_ID)


def test_a_family_without_a_member_for_the_platform_excludes_it():
    """A tool that brings one binary for each platform fails where there is none."""
    lock = lock_of(
        family(("@t/cli-linux-x64", "linux", "x64", "glibc"), ("@t/cli-linux-x64-musl", "linux", "x64", "musl"),
               ("@t/cli-darwin-arm64", "darwin", "arm64", ""))
    )  # fmt: skip  # members read as a table
    assert npm_lock.predict(lock, ALPINE).status == "predicted_pass"
    assert npm_lock.predict(lock, MAC).status == "predicted_pass"
    assert npm_lock.predict(lock, DEBIAN_ARM).reason == (
        "no_platform_build: tool 1.0.0 has no @t/cli-* for this platform"
    )
    assert npm_lock.predict(lock, ALPINE_ARM).status == "predicted_fail"


def test_each_family_of_a_package_needs_its_member():
    """Two families side by side (a library and its engine) are looked at one by one."""
    engine = [(f"engine-{system}-{cpu}", system, cpu, "") for system in ("linux", "darwin") for cpu in ("x64", "arm64")]
    library = [(f"lib-{system}-{cpu}", system, cpu, "") for system in ("linux", "darwin", "win32") for cpu in ("x64",)]
    lock = lock_of(family(*engine, *library))
    assert "lib-*" in npm_lock.predict(lock, DEBIAN_ARM).reason
    assert npm_lock.predict(lock, DEBIAN).status == "predicted_pass"


def test_two_members_or_a_loose_version_are_no_family():
    """Two extras, or optional packages with a range, do not carry the program."""
    two = family(("a-linux-x64", "linux", "x64", ""), ("a-darwin-x64", "darwin", "x64", ""))
    loose = family(
        *((f"a-{system}-x64", system, "x64", "") for system in ("linux", "darwin", "win32")), version="^1.0.0"
    )
    assert passing(lock_of(two)) == passing(lock_of(loose)) == set(BY_ID)


def test_a_member_that_the_registry_lacks_leaves_the_platform_unknown():
    """npm leaves out an optional package that it cannot find: that says nothing about the platform."""
    packages = family(("a-linux-x64", "linux", "x64", ""), ("a-darwin-arm64", "darwin", "arm64", ""),
                      ("a-linux-arm64", "linux", "arm64", ""))  # fmt: skip  # members read as a table
    del packages["node_modules/a-darwin-arm64"]
    lock = lock_of(packages)
    found = npm_lock.predict(lock, MAC)
    assert (found.status, found.reason) == ("unknown", "npm found no release of a-darwin-arm64 that is wanted here")
    assert npm_lock.predict(lock, BY_ID["darwin-x86_64"]).status == "predicted_fail"
    assert npm_lock.predict(lock, DEBIAN).status == "predicted_pass"


def test_libc_is_read_from_the_name_when_it_is_not_declared():
    """Older native packages say `-gnu` or `-musl` only in their names."""
    lock = lock_of(
        family(("a-linux-x64-gnu", "linux", "x64", ""), ("a-linux-arm64-gnu", "linux", "arm64", ""),
               ("a-linux-arm64-musl", "linux", "arm64", ""), ("a-darwin-x64", "darwin", "x64", ""))
    )  # fmt: skip  # members read as a table
    assert npm_lock.predict(lock, DEBIAN).status == "predicted_pass"
    assert npm_lock.predict(lock, ALPINE).status == "predicted_fail"
    assert npm_lock.predict(lock, ALPINE_ARM).status == "predicted_pass"


def test_a_nested_package_hides_the_outer_one():
    """Node takes the nearest `node_modules`: here the nested package that excludes Linux."""
    tree = {
        "node_modules/tool": {"version": "1.0.0", "dependencies": {"a": "1"}},
        "node_modules/tool/node_modules/a": {"version": "1.0.0", "os": ["!linux"]},
        "node_modules/a": {"version": "2.0.0"},
    }
    assert passing(lock_of(tree)) == {"darwin-arm64", "darwin-x86_64"}


def test_peers_count_unless_they_are_optional():
    """npm installs peers; those marked optional may be missing."""
    tree = {
        "node_modules/tool": {
            "version": "1.0.0",
            "peerDependencies": {"need": "1", "maybe": "1"},
            "peerDependenciesMeta": {"maybe": {"optional": True}},
        },
        "node_modules/need": {"version": "1.0.0", "cpu": ["x64"]},
        "node_modules/maybe": {"version": "1.0.0", "os": ["darwin"]},
    }
    assert passing(lock_of(tree)) == {name for name in BY_ID if name.endswith("x86_64")}


def test_a_circle_of_dependencies_ends():
    """Packages that need each other are looked at once."""
    tree = {
        "node_modules/tool": {"version": "1.0.0", "dependencies": {"a": "1"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"tool": "1", "gone": "1"}},
    }
    assert "none of 2 required packages" in npm_lock.predict(lock_of(tree), DEBIAN).reason


@given(st.sets(st.sampled_from(["linux", "darwin", "win32"]), min_size=1))
def test_a_denied_system_is_the_complement_of_an_allowed_one(systems):
    """`["!linux"]` admits exactly what the allow-list of all others admits."""
    everything = {"linux", "darwin", "win32"}
    denied = {"node_modules/tool": {"version": "1.0.0", "os": [f"!{name}" for name in sorted(everything - systems)]}}
    allowed = {"node_modules/tool": {"version": "1.0.0", "os": sorted(systems)}}
    assert passing(lock_of(denied)) == passing(lock_of(allowed))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"<html>", b"\xff", b'{"lockfileVersion": 1, "packages": {"": {}}}',
                b'{"lockfileVersion": 3, "packages": {}}', b'{"lockfileVersion": 3, "packages": {"": {"os": 7}}}']
)  # fmt: skip  # cases read as a list
def test_refuses_what_is_no_lock_file(content):
    """A malformed or older file is no answer."""
    assert npm_lock.parse(content) is None


@pytest.mark.parametrize(
    ("name", "family_name"),
    [
        ("@img/sharp-libvips-linuxmusl-x64", "@img/sharp-libvips"),
        ("@esbuild/linux-x64", "@esbuild"),
        ("@rollup/rollup-linux-arm-gnueabihf", "@rollup/rollup"),
        ("@swc/core-win32-x64-msvc", "@swc/core"),
        ("turbo-windows-64", "turbo"),
        ("bufferutil", "bufferutil"),
    ],
)
def test_a_family_is_the_name_without_its_platform(name, family_name):
    """The names that real families use lose exactly the words for the platform."""
    assert npm_lock.family_of(name) == family_name


def test_a_lock_file_nested_without_end_is_none():
    """npm reads any depth, so a package can bring one that exhausts the stack of this program."""
    deep = b'{"lockfileVersion": 3, "packages": {}, "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    assert npm_lock.parse(deep) is None


def test_words_of_upstream_in_a_prediction_are_one_printable_line():
    """`os`, `cpu` and `libc` are free text; what a prediction says goes to a terminal and to a reviewer."""
    lock = npm_lock.Lock(
        lockfile_version=3,
        packages={
            "": npm_lock.Package(dependencies={"a": "1"}),
            "node_modules/a": npm_lock.Package(version="1.0.0", os=["\x1b[31m\u202e\nhaiku"]),
        },
    )
    prediction = npm_lock.predict(lock, BY_ID["darwin-arm64"])
    assert prediction.status == "predicted_fail"
    assert prediction.reason.isprintable()
