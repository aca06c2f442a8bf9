"""A CPAN mirror on loopback: releases that the real cpanm installs."""

import gzip
import json
from collections.abc import Mapping

import msgspec

from tests.fake_packages import tar_gz
from tests.fake_registry import FakeRegistry

_MAKEFILE = """use ExtUtils::MakeMaker;
WriteMakefile(NAME => "{module}", VERSION => "{version}", EXE_FILES => [{executables}], PREREQ_PM => {{{wants}}});
"""


class FakeRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release of one module. `wants` are in META.json and Makefile.PL, `computed` in Makefile.PL alone."""

    distribution: str
    version: str = "1.2.3"
    executables: Mapping[str, str] = {}
    wants: Mapping[str, str] = {}
    computed: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    before: str = ""

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "::")

    @property
    def path(self) -> str:
        return f"P/PA/PAINTER/{self.distribution}-{self.version}.tar.gz"

    def content(self) -> bytes:
        wants = ", ".join(f"'{name}' => '{version}'" for name, version in {**self.wants, **self.computed}.items())
        executables = ", ".join(f"'bin/{name}'" for name in self.executables)
        makefile = _MAKEFILE.format(module=self.module, version=self.version, executables=executables, wants=wants)
        meta = {
            "name": self.distribution,
            "version": self.version,
            "abstract": "a tool",
            "author": ["A. Painter"],
            "license": ["perl_5"],
            "dynamic_config": 1,
            "generated_by": "hand",
            "release_status": "stable",
            "meta-spec": {"version": 2},
            "prereqs": {"runtime": {"requires": self.wants}, "configure": {"requires": {"ExtUtils::MakeMaker": "0"}}},
        }
        library = f"lib/{self.module.replace('::', '/')}.pm"
        files = {
            "Makefile.PL": self.before + makefile,
            "META.json": json.dumps(meta),
            library: f"package {self.module};\nour $VERSION = '{self.version}';\n1;\n",
            **{f"bin/{name}": text for name, text in self.executables.items()},
            **self.files,
        }
        return tar_gz({f"{self.distribution}-{self.version}/{name}": text for name, text in files.items()})


def serve_cpan(registry: FakeRegistry, *releases: FakeRelease) -> str:
    """Serve a mirror with its index; returns its address."""
    lines = "".join(f"{each.module} {each.version} {each.path}\n" for each in releases)
    index = f"File: 02packages.details.txt\nLine-Count: {len(releases)}\n\n{lines}"
    registry.add("/cpan/modules/02packages.details.txt.gz", gzip.compress(index.encode()), "application/gzip")
    for each in releases:
        registry.add(f"/cpan/authors/id/{each.path}", each.content(), "application/gzip")
    return f"{registry.url}/cpan"
