"""A registry that lies, floods and stalls, through a whole run: each package gets a value, the terminal gets text."""

import gzip

import msgspec
import pytest

from tests.fake_packages import wheel
from tests.fake_registry import Reply

EVIL = "\x1b[31mRED\x1b]0;t\x07\u202e\u2066|`<b onload=x>@team #1 https://e.vil [x](javascript:1) ${{x}} $(id)\n\r\n| a"
SECRET = "http://user:s3cr3t@127.0.0.1:1/x.tgz?token=s3cr3t"

# npm packages by what the registry answers, and the outcome: its kind and, where there is no recipe, the cause.
MANIFESTS = {
    "texts": ({"description": EVIL, "license": EVIL, "homepage": EVIL, "engines": {"node": EVIL}}, "generated"),
    "executable": ({"bin": {EVIL: "a.js"}}, "bad_name"),
    "option": ({"bin": {"-rf": "a.js"}}, "bad_name"),
    "outside": ({"bin": "../../../etc/passwd"}, "bad_metadata"),
    "deprecated": ({"deprecated": EVIL}, "deprecated"),
    "file-address": ({"dist": {"tarball": "file:///etc/passwd"}}, "bad_metadata"),
    "secret-address": ({"dist": {"tarball": SECRET + EVIL}}, "bad_metadata"),
    "another": ({"name": "other"}, "bad_metadata"),
    "deep-licence": ({"license": "(" * 5000}, "generated"),
    "long-licence": ({"license": "MIT AND " * 24 + "MIT"}, "generated"),
}
ANSWERS = {
    "web-page": (Reply(body=b"<html>log in</html>", headers={"Content-Type": "text/html"}), "bad_metadata"),
    "array": (Reply(body=b"[1,2]"), "bad_metadata"),
    "deep": (Reply(body=b'{"x":' + b"[" * 100_000), "bad_metadata"),
    "no-utf8": (Reply(body=b"\xff\xfe{}"), "bad_metadata"),
    "infinite": (
        Reply(body=b'{"name":"infinite","versions":{"1.0.0":1e999},"dist-tags":{"latest":"1.0.0"}}'),
        "bad_metadata",
    ),
    "loop": (Reply(status=302, headers={"Location": "/npm/loop"}), "upstream_unavailable"),
    "to-file": (Reply(status=302, headers={"Location": "file:///etc/passwd"}), "upstream_refused"),
    "busy": (Reply(status=429, headers={"Retry-After": "3600"}), "rate_limited"),
    "busy-date": (Reply(status=429, headers={"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}), "rate_limited"),
    "error": (Reply(status=500, body=EVIL.encode()), "upstream_unavailable"),
    "odd-status": (Reply(status=999), "upstream_unavailable"),
    "hang-up": (Reply(hang_up=True), "connection_error"),
    "torn": (Reply(body=b"x" * 1000, cut_after=10), "connection_error"),
    "drip": (Reply(body=b"x" * 100, drip=0.5), "timeout"),
    "bomb": (Reply(body=gzip.compress(b" " * 100_000_000), headers={"Content-Encoding": "gzip"}), "answer_too_large"),
}
THEIRS = """\
# mine
[metadata]
name = "a" # kept

[[steps]]
action = "npm_install"
package = "a"
executables = ["a"]

[verify]
pattern = "{version}" # first, as I like it
command = "a --help"
"""


def publish_wheel(lab, name, **over):
    """Publish a wheel with one executable; `over` is laid over its entry in the index."""
    filename, content = wheel(name, "1.0", console_scripts={name: "m:f"})
    lab.registry.add_pypi(name, {filename: content}, fields={filename: over})


@pytest.fixture
def run(lab):
    """The whole run over all of it."""
    for name, (manifest, _) in MANIFESTS.items():
        lab.npm(name, **manifest)
    for name, (reply, _) in ANSWERS.items():
        lab.registry.reply(f"/npm/{name}", reply)
    publish_wheel(lab, "digest", hashes={"sha256": "0" * 64})
    publish_wheel(lab, "elsewhere", url="file:///etc/passwd")
    publish_wheel(lab, "size", size=10**30)
    publish_wheel(lab, "yanked", yanked=EVIL)
    filename, content = wheel("escape", "1.0", console_scripts={"escape": "m:f"}, modules={"../../../evil": "x"})
    lab.registry.add_pypi("escape", {filename: content})
    pypi = ("digest", "elsewhere", "size", "yanked", "escape")
    lab.queue(*(f"npm:{name}" for name in (*MANIFESTS, *ANSWERS)), *(f"pypi:{name}" for name in pypi))
    # A small limit says the same as a large one, in less time.
    settings = (lab.root / "pipeline.yaml").read_text().replace("attempts: 1", "attempts: 1, max_answer_mb: 8")
    (lab.root / "pipeline.yaml").write_text(settings)
    return lab.doit(environment={"GITHUB_STEP_SUMMARY": str(lab.root / "summary.md")})


def test_a_hostile_registry_gets_values_and_text(lab, run):
    """Every package has the outcome that fits; nothing upstream reaches a screen, a secret no record."""
    assert (run.returncode, run.stderr) == (0, "")
    found = {}
    for path in (lab.root / "build/generate").rglob("*.json"):
        record = msgspec.json.decode(path.read_bytes())
        outcome = record["outcome"]
        found[record["source"]] = outcome["kind"] if outcome["kind"] == "generated" else outcome["subcategory"]
    wanted = {f"npm:{name}": kind for name, (_, kind) in (MANIFESTS | ANSWERS).items()}
    wanted |= {
        "pypi:digest": "digest_mismatch",
        "pypi:elsewhere": "bad_metadata",
        "pypi:size": "bad_metadata",
        "pypi:yanked": "yanked",
        "pypi:escape": "bad_metadata",
    }
    assert found == wanted
    made = [path for path in (lab.root / "build").rglob("*") if path.suffix in {".json", ".md", ".txt", ".toml"}]
    texts = [run.stdout, (lab.root / "summary.md").read_text(), *(path.read_text() for path in made)]
    for text in texts:
        assert [char for char in text if not char.isprintable() and char != "\n"] == []
        assert "s3cr3t" not in text
    summary = (lab.root / "summary.md").read_text()
    assert [sign for sign in ("<b", "](", "@team", " #1", "https://e.vil") if sign in summary] == []
    # One line for each package, however long upstream's words are.
    assert max(map(len, run.stdout.splitlines())) < 400


def test_names_that_mean_something_elsewhere_are_names(lab):
    """Called like a command of doit, alike but for case, alike as recipes: each is generated, one recipe is kept."""
    names = ("list", "Foo", "foo", "a.b", "a-b")
    for name in names:
        lab.npm(name)
    lab.queue(*(f"npm:{name}" for name in names))
    assert lab.doit().returncode == 0
    for path in (lab.root / "build/validate/linux-rhel-glibc-x86_64").iterdir():
        lab.change(f"validate/linux-rhel-glibc-x86_64/{path.name}", tier="T3", status="validated")
    assert lab.doit().returncode == 0
    payload = lab.record("payload/pr.json")
    assert payload["included"] == ["npm:list", "npm:Foo", "npm:a.b"]
    reasons = {each["source"]: each["reason"] for each in payload["excluded"]}
    assert reasons["npm:foo"] == "name_collision: npm:Foo has recipes/f/foo.toml"
    assert reasons["npm:a-b"] == "name_collision: npm:a.b has recipes/a/a-b.toml"


def test_a_recipe_of_a_person_is_edited_and_another_package_is_not_touched(lab):
    """CRLF, comments and order stay; a recipe of another package keeps its name."""
    lab.npm("a")
    lab.npm("b")
    theirs = THEIRS.encode().replace(b"\n", b"\r\n")
    (lab.root / "recipes/a").mkdir(parents=True)
    (lab.root / "recipes/a/a.toml").write_bytes(theirs)
    (lab.root / "recipes/b").mkdir(parents=True)
    (lab.root / "recipes/b/b.toml").write_bytes(theirs.replace(b'executables = ["a"]', b'executables = ["c"]'))
    lab.queue("npm:a", "npm:b")
    lab.doit()
    for name in ("a", "b"):
        verify = [{"command": f"{name} --version", "pattern": "{version}"}]
        path = f"validate/linux-rhel-glibc-x86_64/npm.{name}.json"
        lab.change(path, tier="T3", status="validated", verify=verify)
    lab.doit()
    payload = lab.record("payload/pr.json")
    assert [each["reason"].partition(":")[0] for each in payload["excluded"]] == ["name_taken"]
    written = (lab.root / "build/payload/files/recipes/a/a.toml").read_bytes()
    assert written == theirs.replace(b"--help", b"--version")
    assert (lab.root / "recipes/a/a.toml").read_bytes() == theirs
