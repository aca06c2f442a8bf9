"""The vendored chart library is what its list says, and nothing else lies beside it."""

import json
from hashlib import sha256

from pipeline.dashboard.rendering import ASSETS
from pipeline.store import SHIPPED

VENDOR = ASSETS / "vendor"


def test_the_bytes_are_those_of_the_list():
    """A file that was touched by hand, or came from elsewhere, is found; `bin/vendor` writes them again."""
    listed = json.loads((VENDOR / "vendored.json").read_text())
    assert {name: sha256((VENDOR / name).read_bytes()).hexdigest() for name in listed} == {
        name: each["sha256"] for name, each in listed.items()
    }
    assert {path.name for path in VENDOR.iterdir()} == {*listed, "LICENSES.txt", "vendored.json"}


def test_the_lock_file_pins_what_the_list_names():
    """Each version is the lock file's, which has a digest for every package and names no registry."""
    lock = json.loads((SHIPPED / "bin" / "vendored" / "package-lock.json").read_text())["packages"]
    for each in json.loads((VENDOR / "vendored.json").read_text()).values():
        assert lock[f"node_modules/{each['package']}"]["version"] == each["version"]
    assert all(one["integrity"].startswith("sha512-") and "resolved" not in one for name, one in lock.items() if name)
