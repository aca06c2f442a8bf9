"""A gem server on loopback: gems that the real client resolves, downloads and installs."""

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tests.fake_packages import gem
from tests.fake_registry import FakeRegistry

# The server keeps each gem's description once more, in a form of Ruby's own.
_QUICK = """
require "rubygems/package"
STDOUT.binmode
STDOUT.write(Gem.deflate(Marshal.dump(Gem::Package.new(ARGV[0]).spec)))
"""


class FakeGem(msgspec.Struct, frozen=True, kw_only=True):
    """A gem to be served. `needs` are dependencies as `name` -> `>= 1`; `files` include what `executables` name."""

    name: str
    version: str = "1.2.3"
    executables: Sequence[str] = ()
    extensions: Sequence[str] = ()
    files: Mapping[str, str] = {}
    needs: Mapping[str, str] = {}
    ruby: str = ">= 0"
    platform: str = "ruby"

    @property
    def full_name(self) -> str:
        return f"{self.name}-{self.version}" + ("" if self.platform == "ruby" else f"-{self.platform}")

    def content(self) -> bytes:
        return gem(self._yaml(), self.files)

    def _yaml(self) -> str:
        def requirement(clause: str, indent: str) -> str:
            operator, _, version = clause.partition(" ")
            head = f'!ruby/object:Gem::Requirement\n{indent}requirements:\n{indent}- - "{operator}"\n'
            return f"{head}{indent}  - !ruby/object:Gem::Version\n{indent}    version: '{version}'\n"

        def listed(key: str, items: Sequence[str]) -> str:
            return f"{key}:{''.join(f'{chr(10)}- {item}' for item in items) or ' []'}\n"

        needs = "".join(
            f"- !ruby/object:Gem::Dependency\n  name: {name}\n  requirement: {requirement(clause, '    ')}"
            f"  type: :runtime\n  prerelease: false\n  version_requirements: {requirement(clause, '    ')}"
            for name, clause in self.needs.items()
        )
        return (
            f"--- !ruby/object:Gem::Specification\nname: {self.name}\nversion: !ruby/object:Gem::Version\n"
            f"  version: {self.version}\nplatform: {self.platform}\nauthors:\n- A. Painter\nautorequire:\n"
            f"bindir: exe\ncert_chain: []\ndate: 2026-01-01 00:00:00.000000000 Z\n"
            f"dependencies:{chr(10) + needs if needs else ' []' + chr(10)}description: A tool\nemail:\n"
            f"{listed('executables', self.executables)}{listed('extensions', self.extensions)}"
            f"extra_rdoc_files: []\n{listed('files', list(self.files))}homepage: https://paint.example\n"
            f"licenses:\n- MIT\nmetadata: {{}}\npost_install_message:\nrdoc_options: []\nrequire_paths:\n- lib\n"
            f"required_ruby_version: {requirement(self.ruby, '  ')}"
            f"required_rubygems_version: {requirement('>= 0', '  ')}"
            f"requirements: []\nrubygems_version: 3.3.15\nsigning_key:\nspecification_version: 4\n"
            f"summary: A tool\ntest_files: []\n"
        )


def serve_gems(registry: FakeRegistry, folder: Path, *gems: FakeGem) -> str:
    """Serve gems by the compact index; returns the server's address. `folder` is for the files of Ruby's own form."""
    versions = "".join(f"{each.name} {each.version} {'0' * 32}\n" for each in gems)
    registry.add("/gems/versions", f"created_at: 2026-01-01T00:00:00Z\n---\n{versions}".encode(), "text/plain")
    # gem asks for the server's front page to see whether there is a compact index.
    registry.add("/gems/", b"", "text/plain")
    infos: dict[str, str] = {}
    for each in gems:
        content = each.content()
        file = folder / f"{each.full_name}.gem"
        file.write_bytes(content)
        quick = subprocess.run(["ruby", "-e", _QUICK, str(file)], capture_output=True, check=True, timeout=60)
        registry.add(f"/gems/quick/Marshal.4.8/{each.full_name}.gemspec.rz", quick.stdout, "application/octet-stream")
        registry.add(f"/gems/gems/{each.full_name}.gem", content, "application/octet-stream")
        needs = ",".join(f"{name}:{clause}" for name, clause in each.needs.items())
        sha256 = hashlib.sha256(content).hexdigest()
        version = each.full_name.removeprefix(f"{each.name}-")
        line = f"{version} {needs}|checksum:{sha256},ruby:{each.ruby}\n"
        infos[each.name] = infos.get(each.name, "---\n") + line
    for name, lines in infos.items():
        registry.add(f"/gems/info/{name}", lines.encode(), "text/plain")
    return f"{registry.url}/gems"
