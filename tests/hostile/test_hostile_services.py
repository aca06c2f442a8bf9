"""Release files, gems and CPAN archives made by an enemy, through a whole run: each package gets a value, in time."""

import gzip
import io
import json
import tarfile
import zlib

import msgspec
import pytest

from pipeline.tarball import UNPACKED_LIMIT
from tests.fake_registry import FakeRegistry, Reply

EVIL = "\x1b[31mRED\u202e\u2066\r\n"
TOKEN = "t0ken-of-a-person"
SPACES = bytes(1024 * 1024)


def tar(*members):
    """Pack members: a path with bytes, or a path with the type of something that is no file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for path, what in members:
            info = tarfile.TarInfo(path)
            info.mode = 0o755
            if isinstance(what, bytes):
                info.size = len(what)
                packed.addfile(info, io.BytesIO(what))
            else:
                info.type, info.linkname = what, "/etc/passwd"
                packed.addfile(info)
    return buffer.getvalue()


def bomb(mebibytes):
    """Return a gzipped tar archive with a file of so many MiB, packed piece by piece: the test needs no room for it."""
    info = tarfile.TarInfo("x/huge")
    info.size = mebibytes * len(SPACES)
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(
        [packer.compress(info.tobuf()), *[packer.compress(SPACES) for _ in range(mebibytes)], packer.flush()]
    )


SCRIPT = b"#!/bin/sh\n"
# The archive of a release by what is wrong with it, and the outcome: its kind or its cause.
ARCHIVES = {
    "dots": (tar(("../../paint", SCRIPT)), "bad_metadata"),
    "absolute": (tar(("/bin/paint", SCRIPT)), "bad_metadata"),
    "link": (tar(("bin/paint", tarfile.SYMTYPE)), "no_executables"),
    "hard-link": (tar(("bin/paint", tarfile.LNKTYPE)), "no_executables"),
    "device": (tar(("bin/paint", tarfile.CHRTYPE)), "no_executables"),
    "fifo": (tar(("bin/paint", tarfile.FIFOTYPE)), "no_executables"),
    "signs": (tar((f"bin/{EVIL}", SCRIPT)), "bad_name"),
    "option": (tar(("bin/-rf", SCRIPT)), "bad_name"),
    "no-tar": (b"<html>log in</html>", "bad_metadata"),
}


def asset(url, name, size):
    """Return one file as the API describes it."""
    return {"name": name, "browser_download_url": url, "size": size, "state": "uploaded"}


class Services:
    """A release API, a CPAN API and a gem server of one registry; release files lie on a host of their own."""

    def __init__(self, lab, files):
        self.lab, self.files, self.sources = lab, files, []

    def repository(self, name, *assets, tag="v1.0.0", **over):
        """Publish a repository with one release."""
        about = {"full_name": f"o/{name}", "html_url": "https://code.example/o", "license": {"spdx_id": "MIT"}, **over}
        release = {"tag_name": tag, "published_at": "2024-01-01T00:00:00Z", "assets": list(assets)}
        self.lab.registry.add(f"/api/repos/o/{name}", json.dumps(about).encode())
        self.lab.registry.add(f"/api/repos/o/{name}/releases?per_page=30", json.dumps([release]).encode())
        self.sources.append(f"github:o/{name}")

    def archive(self, name, form, content):
        """Publish a repository with one archive for this platform."""
        file = f"{name}-linux-amd64.{form}"
        url = self.files.add(f"/{name}/{file}", content, "application/octet-stream")
        self.repository(name, asset(url, file, len(content)))

    def distribution(self, name, content):
        """Publish a CPAN distribution."""
        url = self.files.add(f"/{name}.tar.gz", content, "application/gzip")
        document = {"distribution": name, "name": f"{name}-1.0", "version": "1.0", "download_url": url}
        document |= {"status": "latest", "maturity": "released", "date": "2024-01-01T00:00:00"}
        self.lab.registry.add(f"/cpan/release/{name}", json.dumps(document).encode())
        self.sources.append(f"cpan:{name}")

    def gem(self, name, content, **over):
        """Publish a gem."""
        listed = {"number": "1.0", "platform": "ruby", "created_at": "2024-01-01T00:00:00Z", **over}
        self.lab.registry.add(f"/gems/api/v1/versions/{name}.json", json.dumps([listed]).encode())
        self.lab.registry.add(f"/gems/gems/{name}-1.0.gem", content, "application/octet-stream")
        self.sources.append(f"rubygems:{name}")

    def run(self):
        """Run over all of it, with a token; return the run and each package's outcome."""
        url = self.lab.registry.url
        services = {"github": f"{url}/api", "cpan": f"{url}/cpan", "rubygems": f"{url}/gems"}
        lines = [f"  {name}: {{requests_per_second: 100, registry: {where}}}" for name, where in services.items()]
        settings = (self.lab.root / "pipeline.yaml").read_text()
        (self.lab.root / "pipeline.yaml").write_text(
            settings.replace("ecosystems:", "\n".join(["ecosystems:", *lines]))
        )
        self.lab.queue(*self.sources)
        run = self.lab.doit(environment={"GH_TOKEN": TOKEN, "HOME": str(self.lab.root)})
        found = {}
        for path in (self.lab.root / "build/generate").rglob("*.json"):
            record = msgspec.json.decode(path.read_bytes())
            outcome = record["outcome"]
            found[record["source"]] = outcome.get("subcategory") or outcome.get("gate") or outcome["kind"]
        return run, found


@pytest.fixture
def services(lab):
    """Nothing published yet."""
    with FakeRegistry() as files:
        yield Services(lab, files)


def test_hostile_archives_get_values_and_text(services):
    """Paths that leave, links, devices, bombs, and files that are no archive."""
    wanted = {}
    for name, (content, cause) in ARCHIVES.items():
        services.archive(name, "tar.gz", gzip.compress(content))
        wanted[f"github:o/{name}"] = cause
    for name, content in (
        ("dots", gzip.compress(tar(("x/Makefile.PL", b""), ("../../bin/x", SCRIPT)))),
        ("absolute", gzip.compress(tar(("/x/Makefile.PL", b"")))),
        ("bomb", bomb(1 + UNPACKED_LIMIT // len(SPACES))),
    ):
        services.distribution(name, content)
        wanted[f"cpan:{name}"] = "bad_metadata"
    metadata = gzip.compress(SPACES * 100)
    for name, content in (("bomb", tar(("metadata.gz", metadata))), ("dots", tar(("../metadata.gz", metadata)))):
        services.gem(name, content)
        wanted[f"rubygems:{name}"] = "bad_metadata"
    run, found = services.run()
    assert (run.returncode, run.stderr) == (0, "")
    assert found == wanted
    assert [char for char in run.stdout if not char.isprintable() and char != "\n"] == []


def test_hostile_answers_of_a_release_api_get_values(services):
    """Ten thousand files, a version of ten thousand signs, checksums of 50 MB, addresses elsewhere; no token leaves."""
    url = services.files.add("/x", b"x", "application/octet-stream")
    many = [asset(url, f"many-y{number}-linux-amd64.tar.gz", 1) for number in range(10_000)]
    services.repository("many", *many)
    services.repository("long", asset(url, "long-linux-amd64", 1), tag="v" + "1." * 5000 + "0")
    large = services.files.reply("/sums", Reply(body=b"0" * 50_000_000))
    services.repository("sums", asset(url, "sums-linux-amd64.tar.gz", 1), asset(large, "checksums.txt", 100))
    names = [f"{number}-checksums.txt" for number in range(100)]
    lists = [asset(services.files.add(f"/lists/{name}", b"x"), name, 1) for name in names]
    services.repository("lists", asset(url, "lists-linux-amd64.tar.gz", 1), *lists)
    services.repository("local", asset("file:///etc/passwd", "local-linux-amd64", 9))
    elsewhere = services.files.add("/elsewhere", b"{}")
    registry = services.lab.registry
    registry.reply("/api/repos/o/away", Reply(status=302, headers={"Location": elsewhere}))
    registry.reply("/api/repos/o/page", Reply(body=b"<html>log in</html>", headers={"Content-Type": "text/html"}))
    for name in ("away", "page"):
        services.sources.append(f"github:o/{name}")
    run, found = services.run()
    assert (run.returncode, run.stderr) == (0, "")
    assert found["github:o/many"] == "ambiguous_assets"
    assert found["github:o/local"] == "bad_metadata"
    assert len([each for each in services.files.seen() if each.path.startswith("/lists/")]) == 3
    assert found["github:o/long"] == "no_stable_version"
    assert found["github:o/sums"] == "bad_metadata"  # which may be the file itself: what matters is that it ends
    assert found["github:o/away"] == found["github:o/page"] == "bad_metadata"
    assert max(map(len, run.stdout.splitlines())) < 400
    assert {each.headers.get("authorization") for each in registry.seen()} == {f"Bearer {TOKEN}"}
    assert services.files.seen("/elsewhere")
    assert not any("authorization" in each.headers for each in services.files.seen())


def test_a_storm_of_refusals_is_not_blamed_on_packages(services):
    """GitHub says 403 or 429 when its limit is reached: the breaker opens, and what is left is not even asked."""
    limit = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999", "Retry-After": "3600"}
    for number in range(20):
        status = 403 if number % 2 else 429
        reply = Reply(status=status, headers=limit, body=b'{"message": "API rate limit exceeded"}')
        services.lab.registry.reply(f"/api/repos/o/r{number}", reply)
        services.sources.append(f"github:o/r{number}")
    settings = services.lab.root / "pipeline.yaml"
    settings.write_text(settings.read_text().replace("breaker: {failures: 100}", "breaker: {failures: 3}"))
    run, found = services.run()
    assert (run.returncode, run.stderr) == (0, "")
    assert set(found.values()) <= {"rate_limited", "breaker_open"}
    assert len(services.lab.registry.seen()) < 8
