"""Go modules by the proxy protocol: lists of proxies, the choice of a version, and zips made to do harm."""

import io
import struct
import zipfile
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ecosystems import go
from pipeline.ecosystems.base import Draft, Made
from pipeline.ecosystems.go_module import Module, read_module
from pipeline.ecosystems.remote import RemoteFile
from pipeline.model import Category, Failed, Gate, Held, Skipped, Subcategory, WorkOrder
from pipeline.zipped import Broken
from tests.fake_packages import go_zip
from tests.fakes_fetcher import NOT_FOUND, DictFetcher

A, B = "https://a.example", "https://b.example/go"
NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
MODULE, VERSION = "example.com/Paint", "v1.2.3"
MAIN = "package main\n"
DOWN = Failed(category=Category.NETWORK_ERROR, subcategory=Subcategory.TIMEOUT, transient=True, message="too slow")


def served(base: str, files: dict[str, str] | None = None, **pages: bytes) -> dict[str, bytes]:
    """Return the pages of one module with one version, by address; `pages` replace some."""
    found = {
        "list": f"{VERSION}\n".encode(),
        f"{VERSION}.info": msgspec.json.encode({"Version": VERSION, "Time": "2026-01-01T00:00:00Z"}),
        f"{VERSION}.mod": f"module {MODULE}\n".encode(),
        f"{VERSION}.zip": go_zip(MODULE, VERSION, files or {"main.go": MAIN}),
    }
    return {f"{base}/example.com/!paint/@v/{name}": content for name, content in (found | pages).items()}


def made(fetcher: DictFetcher, registry: str = A, package: str = MODULE) -> Made:
    order = WorkOrder(source=f"go:{package}", name="paint")
    return go.make(order, registry=registry, fetcher=fetcher, now=NOW)


def subcategory(outcome: Made) -> Subcategory:
    assert isinstance(outcome, Skipped | Failed), outcome
    return outcome.subcategory


# ------------------------------------------------------------------------------------------ proxies


@pytest.mark.parametrize(
    ("registry", "pages", "drafted"),
    [
        (f"{A},{B}", served(B), True),
        (f"{A}|{B}", served(B), True),
        (f"{A},{B}", served(B) | dict.fromkeys(served(A), DOWN), False),
        (f"{A}|{B}", served(B) | dict.fromkeys(served(A), DOWN), True),
        (f"{A},{B}", served(A) | dict.fromkeys(served(B), DOWN), True),
        (f"{A}|{B},{A}", served(A), True),
    ],
)
def test_the_next_proxy_is_asked_as_the_separator_says(registry, pages, drafted):
    """After a comma when one has no such module, after a bar on any error, and never when one answered."""
    outcome = made(DictFetcher(pages), registry)
    assert isinstance(outcome, Draft) is drafted
    assert drafted or outcome == DOWN


def test_a_switch_stops_before_the_next_proxy():
    """What control says is final, whatever the separator."""
    held = Held(gate=Gate.BREAKER_OPEN, message="open")
    fetcher = DictFetcher(served(B) | dict.fromkeys(served(A), held))
    assert made(fetcher, f"{A}|{B}") == held
    assert len(fetcher.requests) == 1


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("direct", Subcategory.UPSTREAM_REFUSED),
        ("off", Subcategory.UPSTREAM_REFUSED),
        ("", Subcategory.RUNTIME_MISSING),
    ],
)
def test_without_a_proxy_nothing_is_asked(registry, expected):
    """Settings that name no proxy are said as they are; no other place is asked instead."""
    fetcher = DictFetcher({})
    assert subcategory(made(fetcher, registry)) is expected
    assert fetcher.requests == []


# ---------------------------------------------------------------------------------------- the module


def test_the_module_is_looked_for_upwards():
    """A package's own path is asked first, then each shorter one, until a module answers."""
    fetcher = DictFetcher(served(A, {"main.go": MAIN, "cmd/x/main.go": MAIN}))
    outcome = made(fetcher, package=f"{MODULE}/cmd/x")
    assert isinstance(outcome, Draft)
    assert outcome.recipe.steps[0].params == {"module": f"{MODULE}/cmd/x", "executables": ["x"]}
    assert [url.removeprefix(A) for url, *_ in fetcher.requests[:3]] == [
        "/example.com/!paint/cmd/x/@v/list",
        "/example.com/!paint/cmd/@v/list",
        "/example.com/!paint/@v/list",
    ]


def test_an_error_is_not_taken_for_a_missing_module():
    """Where a proxy fails nobody can say that there is no module, so no shorter path is tried."""
    fetcher = DictFetcher(served(A) | {f"{A}/example.com/!paint/cmd/@v/list": DOWN})
    assert made(fetcher, package=f"{MODULE}/cmd") == DOWN


@pytest.mark.parametrize(
    "content", [b"<!doctype html>\n<title>Sign in</title>", b"not found: module", b"v1\nmaster\n", b"\xff\xfe"]
)
def test_a_list_that_is_none_is_bad_metadata(content):
    """A portal's page is no module without versions."""
    assert subcategory(made(DictFetcher(served(A, list=content)))) is Subcategory.BAD_METADATA


def test_the_highest_release_is_chosen_whatever_the_order():
    """Pre-releases, commits and lines that are no version do not count; nor do versions without a go.mod."""
    lines = "v1.2.3-rc.1\nv1.2.3\nv1.2.2\nv1.2.4-0.20260101000000-abcdefabcdef\nv2.0.0+incompatible\nx\n\n"
    outcome = made(DictFetcher(served(A, list=lines.encode())))
    assert isinstance(outcome, Draft)
    assert outcome.evidence.version == "1.2.3"


def test_the_answer_must_be_of_the_version_that_was_asked_for():
    """A proxy that answers with another version is not believed."""
    fetcher = DictFetcher(served(A, **{f"{VERSION}.info": b'{"Version": "v9.9.9"}'}))
    assert subcategory(made(fetcher)) is Subcategory.BAD_METADATA


def test_what_decided_is_in_the_digest_of_the_metadata():
    """The digest changes with the newest go.mod and the version, and with nothing else."""
    first, again = made(DictFetcher(served(A))), made(DictFetcher(served(A, list=f"x\n{VERSION}\n".encode())))
    other = made(DictFetcher(served(A, **{f"{VERSION}.mod": f"module {MODULE}\n\ngo 1.21\n".encode()})))
    assert isinstance(first, Draft)
    assert isinstance(again, Draft)
    assert isinstance(other, Draft)
    assert first.evidence.upstream == again.evidence.upstream != other.evidence.upstream
    skipped = made(DictFetcher(served(A, {"x.go": "package x\n"})))
    assert isinstance(skipped, Skipped)
    assert skipped.upstream == first.evidence.upstream


@pytest.mark.parametrize(
    ("package", "module", "table"),
    [
        ("github.com/a/b/cmd/x", "github.com/a/b", {}),
        ("github.com/a/b/v2", "github.com/a/b/v2", {"source": "goproxy", "module": "github.com/a/b/v2"}),
        ("a.b/c/cmd/x", "a.b/c", {}),
        ("a.b/c/cmd/x", "a.b/c/cmd/x", {"source": "goproxy", "module": "a.b/c/cmd/x"}),
        ("a.b/c/x", "a.b/c", {"source": "goproxy", "module": "a.b/c"}),
    ],
)
def test_the_recipe_says_where_versions_are_when_its_reader_would_err(package, module, table):
    """The reader takes three elements on the one forge, and what stands before `/cmd/` elsewhere."""
    folder = package.removeprefix(module).strip("/")
    files = {(f"{folder}/" if folder else "") + "main.go": MAIN}
    pages = {
        f"{A}/{module}/@v/list": b"v1.0.0\n",
        f"{A}/{module}/@v/v1.0.0.info": b'{"Version": "v1.0.0"}',
        f"{A}/{module}/@v/v1.0.0.mod": f"module {module}\n".encode(),
        f"{A}/{module}/@v/v1.0.0.zip": go_zip(module, "v1.0.0", files),
    }
    outcome = made(DictFetcher(pages), package=package)
    assert isinstance(outcome, Draft)
    assert outcome.recipe.version == table
    assert outcome.recipe.dependencies == ["go"]


# ---------------------------------------------------------------------------------------------- zips


def read(content: bytes, package: str = MODULE, tail: int | None = None) -> Module | Broken:
    known = len(content) if tail is None else min(tail, len(content))
    file = RemoteFile(len(content), content[len(content) - known :], lambda first, last: content[first : last + 1])
    return read_module(file, module=MODULE, version=VERSION, package=package)


def zipped(files: dict[str, str]) -> bytes:
    return go_zip(MODULE, VERSION, files)


@pytest.mark.parametrize(
    ("files", "folder", "candidates"),
    [
        ({"main.go": MAIN, "cmd/x/main.go": MAIN}, "", ()),
        ({"cmd/x/main.go": MAIN, "cmd/Paint/main.go": MAIN}, "cmd/Paint", ()),
        ({"cmd/x/main.go": MAIN}, "cmd/x", ()),
        ({"Paint/main.go": MAIN}, "Paint", ()),
        ({"Paint/main.go": MAIN, "cmd/x/main.go": MAIN}, None, ("Paint", "cmd/x")),
        ({"cmd/x/main.go": MAIN, "cmd/y/main.go": MAIN}, None, ("cmd/x", "cmd/y")),
        ({"cmd/main.go": MAIN}, None, ()),
        ({"cmd/x/y/main.go": MAIN}, None, ()),
        ({"tools/x/main.go": MAIN}, None, ()),
        ({"main.go": MAIN, "other.go": "package other\n"}, None, ()),
        ({"main.go": MAIN, "doc.go": "package documentation\n"}, "", ()),
        ({"main.go": MAIN, "x_windows.go": "package other\n"}, "", ()),
        ({"main_test.go": MAIN, "main_windows.go": MAIN}, None, ()),
        ({"cmd/x/main.go": MAIN, "cmd/x/go.mod": "module example.com/x\n"}, None, ()),
        ({"cmd/internal/main.go": MAIN, "cmd/_x/main.go": MAIN, "cmd/.x/main.go": MAIN}, None, ()),
        ({"cmd/testdata/main.go": MAIN, "cmd/vendor/main.go": MAIN}, None, ()),
    ],
)
def test_what_a_module_means_is_decided_by_the_rule(files, folder, candidates):
    """The root, `cmd/<name>`, the only one of `cmd/*` and `<name>`; else nothing is guessed."""
    found = read(zipped({"paint.go" if folder != "" else "notes.txt": "package paint\n", **files}))
    if "main.go" in files and folder is None:  # the root itself is what cannot be decided
        found = read(zipped(files))
    assert isinstance(found, Module)
    assert (found.command.folder if found.command else None, found.candidates) == (folder, candidates)


def test_a_package_below_stands_for_nothing_but_itself():
    """Only a module may mean a command below it; a package that was named is taken at its word."""
    found = read(zipped({"x/x.go": "package x\n", "x/cmd/y/main.go": MAIN}), package=f"{MODULE}/x")
    assert isinstance(found, Module)
    assert (found.command, found.candidates, found.has_package) == (None, (), True)


def patched(offset: int, form: str, value: object) -> bytes:
    """Return a zip with one number of main.go's entry in the directory replaced."""
    content = bytearray(zipped({"main.go": MAIN}))
    struct.pack_into(form, content, content.rindex(b"PK\x01\x02") + offset, value)
    return bytes(content)


def raw(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), MAIN)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    {
        "empty": b"",
        "no zip": b"<html>" * 100,
        "lying size": patched(24, "<L", 3),
        "huge size": patched(24, "<L", 0xFFFFFFF0),
        "wrong checksum": patched(16, "<L", 1),
        "encrypted": patched(8, "<H", 1),
        "overlap": patched(42, "<L", 0x7FFFFFFF),
        "another module": raw("example.com/other@v1.2.3/main.go"),
        "another version": raw(f"{MODULE}@v1.2.4/main.go"),
        "no prefix": raw("main.go"),
        "parent": raw(f"{MODULE}@{VERSION}/main.go", f"{MODULE}@{VERSION}/../../x"),
        "absolute": raw(f"{MODULE}@{VERSION}/main.go", "/etc/cron.d/x"),
        "large head": zipped({"main.go": "//" + "x" * (8 * 1024 * 1024) + "\n" + MAIN}),
    }.items(),
    ids=lambda item: item[0],
)
def test_hostile_zips_are_refused(content):
    """A zip that the go command would not take gives one line that says why."""
    found = read(content[1])
    assert isinstance(found, Broken)
    assert found.message.isprintable()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_changed_bytes_never_raise(data):
    """A zip with some bytes changed or cut off is read or refused, never an exception."""
    content = bytearray(zipped({"LICENSE": "MIT", "main.go": MAIN, "cmd/x/main.go": MAIN}))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for changed in (bytes(content), bytes(content[:cut]), bytes(content[cut:])):
        assert isinstance(read(changed), Module | Broken)


@settings(max_examples=60, deadline=None)
@given(
    files=st.dictionaries(
        st.from_regex(r"(cmd/)?[a-z]{1,3}/[a-z]{1,3}\.go|[a-z]{1,3}\.go", fullmatch=True),
        st.sampled_from([MAIN, "package x\n", "//go:build ignore\n\npackage main\n", "package x // " + "y" * 500]),
        min_size=1,
        max_size=12,
    ),
    tail=st.integers(22, 4000),
)
def test_reading_in_parts_equals_reading_the_whole(files, tail):
    """Whatever part of the zip is known at first, the same is found."""
    content = zipped(files)
    assert read(content, tail=tail) == read(content)


@settings(max_examples=100, deadline=None)
@given(
    page=st.sampled_from(["list", f"{VERSION}.info", f"{VERSION}.mod", f"{VERSION}.zip"]),
    content=st.binary(max_size=200),
)
def test_any_answer_gives_a_typed_outcome(page, content):
    """Bytes in place of any of the four answers never end in an exception or an invalid record."""
    outcome = made(DictFetcher(served(A, **{page: content})))
    assert isinstance(outcome, Draft | Skipped | Failed)
    msgspec.convert(msgspec.to_builtins(outcome), type(outcome))


def test_nothing_at_all_is_not_found():
    """A path that no proxy knows is not found, after all its prefixes were asked."""
    fetcher = DictFetcher({})
    assert made(fetcher, package="example.com/a/b") == NOT_FOUND
    assert len(fetcher.requests) == 3
