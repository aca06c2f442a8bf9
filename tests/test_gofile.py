"""The heads of Go files: compared with what the go command itself reads, where there is one."""

import json
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gofile import TARGETS, GoFile, read_head

ALL = frozenset(TARGETS)
LINUX = frozenset(target for target in TARGETS if target[0] == "linux")
DARWIN = ALL - LINUX
ARM = frozenset(target for target in TARGETS if target[1] == "arm64")
NONE: frozenset[tuple[str, str]] = frozenset()

# Name -> head, and the targets that it is for.
FILES = {
    "plain.go": ("package main\n", ALL),
    "x_linux.go": ("package main\n", LINUX),
    "x_darwin_arm64.go": ("package main\n", DARWIN & ARM),
    "x_arm64.go": ("package main\n", ARM),
    "x_windows.go": ("package main\n", NONE),
    "linux.go": ("package main\n", ALL),
    "x_linux_y.go": ("package main\n", ALL),
    "x_unix.go": ("package main\n", ALL),
    "x_android.go": ("package main\n", NONE),
    "x_linux.pb.go": ("package main\n", LINUX),
    "ignored.go": ("//go:build ignore\n\npackage main\n", NONE),
    "either.go": ("//go:build linux || windows\n\npackage main\n", LINUX),
    "both.go": ("//go:build unix && !linux\n\npackage main\n", DARWIN),
    "brackets.go": ("//go:build !(linux || windows) && (arm64 || amd64)\n\npackage main\n", DARWIN),
    "mixed.go": ("//go:build linux || darwin && arm64\n\npackage main\n", LINUX | (DARWIN & ARM)),
    "compiler.go": ("//go:build gc && go1.18\n\npackage main\n", ALL),
    "cgo.go": ("//go:build cgo\n\npackage main\n", NONE),
    "after.go": ("// A licence.\n\n//go:build linux\n\n// The package.\npackage main\n", LINUX),
    "close.go": ("//go:build linux\npackage main\n", LINUX),
    "inside.go": ("/*\n//go:build ignore\n*/\npackage main\n", ALL),
    "late.go": ("package main\n\n//go:build ignore\n", ALL),
    "spaced.go": ("\n\n  // x\n\t/* y */ package\tmain // z\n", ALL),
    "mark.go": ("\ufeffpackage main\n", ALL),
}
# The older form, which go only reads in modules that name no newer Go.
OLD_FILES = {
    "old.go": ("// +build linux,arm64 windows\n\npackage main\n", LINUX & ARM),
    "old_two.go": ("// +build linux darwin\n// +build !arm64\n\npackage main\n", ALL - ARM),
    "old_close.go": ("// +build ignore\npackage main\n", ALL),
    "old_and_new.go": ("//go:build linux\n// +build darwin\n\npackage main\n", LINUX),
}


@pytest.mark.parametrize("name", [*FILES, *OLD_FILES])
def test_a_file_is_for_the_platforms_that_its_name_and_head_say(name):
    """Names, `//go:build` and `// +build` lines count, where the go command counts them."""
    text, targets = {**FILES, **OLD_FILES}[name]
    head = read_head(name, text.encode())
    assert head is not None
    assert (head.package, head.targets) == ("main", targets)


@pytest.mark.parametrize("files", [FILES, OLD_FILES], ids=["new", "old"])
def test_the_go_command_reads_the_same(files, tmp_path):
    """For each target, the files that go would compile are those that we say."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go here")
    release = "1.17" if files is OLD_FILES else "1.21"
    tmp_path.joinpath("go.mod").write_text(f"module example.com/x\n\ngo {release}\n")
    for name, (text, _) in files.items():
        tmp_path.joinpath(name).write_text(text, encoding="utf-8")
    for target in TARGETS:
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        environment |= {"GOOS": target[0], "GOARCH": target[1], "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
        done = subprocess.run(
            [go, "list", "-e", "-json=GoFiles"], cwd=tmp_path, env=environment, capture_output=True, check=True
        )
        compiled = set(json.loads(done.stdout).get("GoFiles") or [])
        assert compiled == {name for name, (_, targets) in files.items() if target in targets}, target


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x_test.go", "package main\n"),
        ("_x.go", "package main\n"),
        (".x.go", "package main\n"),
        ("x.txt", "package main\n"),
        ("x.go", ""),
        ("x.go", "import x\n"),
        ("x.go", "packagemain\n"),
        ("x.go", "/* never closed package main\n"),
    ],
)
def test_what_go_build_never_compiles_is_none(name, text):
    """Tests, hidden files and files without a package clause."""
    assert read_head(name, text.encode()) is None


@pytest.mark.parametrize("line", ["", "linux ||", "&& linux", "(linux", "linux)", "linux darwin", "a-b", "!" * 100])
def test_a_constraint_that_cannot_be_read_excludes_the_file(line):
    """The go command reports an error for it, so nothing is installed from such a file."""
    head = read_head("x.go", f"//go:build {line}\n\npackage main\n".encode())
    assert head == GoFile(package="main", targets=NONE, comment="")


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("// Paint paints.\n// It does.\npackage main\n", "Paint paints. It does."),
        ("// Paint paints.\n//\n// More.\npackage main\n", "Paint paints."),
        ("// Licence.\n\n// Paint paints.\npackage main\n", "Paint paints."),
        ("// Licence.\n\npackage main\n", ""),
        ("// Copyright 2024 Acme.\npackage main\n", ""),
        ("// SPDX-License-Identifier: MIT\npackage main\n", ""),
        ("//go:generate rm -rf /\npackage main\n", ""),
        ("// Code generated by x. DO NOT EDIT.\npackage main\n", ""),
        ("/*\nPaint paints.\n\nMore.\n*/\npackage main\n", "Paint paints."),
        ("/* Paint\n * paints. */\npackage main\n", "Paint paints."),
    ],
)
def test_the_package_comment_is_its_first_paragraph(text, comment):
    """Only what stands directly above the clause, no directives, and no licence."""
    head = read_head("x.go", text.encode())
    assert head is not None
    assert head.comment == comment


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from(["//", "/*", "*/", "go:build ", "+build ", "\n", " ", "package ", "main", "!", "(", "x"])
    )
    .map("".join)
    .map(str.encode)
)
def test_any_bytes_are_read_or_none(content):
    """No file of a stranger ends in an exception."""
    assert isinstance(read_head("x_linux.go", content), GoFile | None)
