"""The fake registry is believed by the ordinary clients: what it serves can really be installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.fake_packages import npm_tarball, wheel
from tests.fake_registry import SIMPLE_JSON, Reply
from tests.net.conftest import LIMITS


def run(command, folder, **environment):
    """Run a client with an empty home; return its output."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    done = subprocess.run(command, env=clean, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_uv_installs_from_it(registry, tmp_path):
    """A wheel from the Simple API as JSON is installed by uv, and its command runs."""
    filename, content = wheel(
        "hello-tool",
        "1.2.3",
        console_scripts={"hello": "hello:main"},
        modules={"hello.py": "def main():\n    print('hello 1.2.3')\n"},
    )
    registry.add_pypi("hello-tool", {filename: content})
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    target = tmp_path / "target"
    command = [uv, "pip", "install", "--python", sys.executable, "--target", str(target), "--no-config"]
    run([*command, "--index-url", registry.pypi_url, "hello-tool==1.2.3"], tmp_path)
    assert run([str(target / "bin" / "hello")], tmp_path, PYTHONPATH=str(target)) == "hello 1.2.3\n"


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_installs_from_it(registry, tmp_path):
    """A scoped package is installed by npm from its packument and its tarball, and its command runs."""
    manifest = {"name": "@fake/hello", "version": "1.0.0", "bin": {"hello": "cli.js"}}
    script = "#!/usr/bin/env node\nconsole.log('hello 1.0.0')\n"
    tarball = npm_tarball(manifest, {"cli.js": script})
    registry.add_npm("@fake/hello", {"1.0.0": manifest}, {"1.0.0": tarball})
    command = ["npm", "install", "-g", "--prefix", str(tmp_path / "p"), "--ignore-scripts", "--no-audit"]
    run([*command, "--registry", registry.npm_url, "@fake/hello@1.0.0"], tmp_path)
    assert run([str(tmp_path / "p" / "bin" / "hello")], tmp_path) == "hello 1.0.0\n"


def test_the_fetcher_reads_both(kit, registry):
    """What an ecosystem asks for is there: packument, latest, scoped names, project, parts of a wheel."""
    filename, content = wheel("a-tool", "1.0", console_scripts={"a": "a:main"})
    registry.add_pypi("a-tool", {filename: content}, fields={filename: {"requires-python": ">=3.8"}})
    registry.add_npm("@s/b", {"1.0.0": {"bin": "x.js"}, "2.0.0": {"bin": "y.js"}}, {}, readme="none")
    packument = msgspec.json.decode(kit.get(f"{registry.npm_url}/@s%2fb").content)
    latest = msgspec.json.decode(kit.get(f"{registry.npm_url}/@s%2fb/latest").content)
    project = msgspec.json.decode(kit.get(f"{registry.pypi_url}/a-tool/", accept=SIMPLE_JSON).content)
    assert packument["dist-tags"] == {"latest": "2.0.0"}
    assert (latest["version"], latest["bin"]) == ("2.0.0", "y.js")
    assert project["files"][0]["requires-python"] == ">=3.8"
    tail = kit.get(project["files"][0]["url"], tail_bytes=22)
    assert tail.content == content[-22:]
    assert kit.get(f"{registry.npm_url}/missing").subcategory == "not_found"


def test_scripted_answers_come_first_and_once(make, registry):
    """A fault to order is served as often as it was ordered, then the resource itself."""
    kit = make(config=msgspec.structs.replace(LIMITS, freshness_seconds=0))
    registry.script("/x", Reply(status=404), Reply(status=410))
    url = registry.add("/x", b"x")
    assert [kit.get(url).subcategory for _ in range(2)] == ["not_found", "not_found"]
    assert kit.get(url).content == b"x"
    assert [seen.status for seen in registry.seen("/x")] == [404, 410, 200]
    registry.forget()
    assert registry.arrivals() == []
