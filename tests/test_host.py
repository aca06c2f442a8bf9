"""Which platform a machine is: from what real systems say of themselves, or a reason why it is none."""

from pathlib import Path

import pytest

from pipeline.host import HostFacts, identify, parse_os_release, read_facts, this_platform
from pipeline.platforms import ALL_PLATFORMS

UBUNTU = """PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
ID=ubuntu
ID_LIKE=debian
HOME_URL="https://www.ubuntu.com/"
"""


def linux(os_release, libc="glibc", machine="x86_64"):
    """Return the facts of a Linux machine."""
    return HostFacts(system="Linux", machine=machine, os_release=os_release, libc=libc)


@pytest.mark.parametrize(
    ("facts", "platform"),
    [
        (linux(UBUNTU), "linux-debian-glibc-x86_64"),
        (linux('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'), "linux-debian-glibc-x86_64"),
        (linux('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n'), "linux-debian-glibc-x86_64"),
        (linux("ID=raspbian\nID_LIKE=debian\n", machine="aarch64"), "linux-debian-glibc-arm64"),
        (linux('NAME="Fedora Linux"\nID=fedora\nVARIANT_ID=container\n'), "linux-rhel-glibc-x86_64"),
        (linux('ID="rocky"\nID_LIKE="rhel centos fedora"\n'), "linux-rhel-glibc-x86_64"),
        (linux('ID="almalinux"\nID_LIKE="rhel centos fedora"\n', machine="aarch64"), "linux-rhel-glibc-arm64"),
        (linux('NAME="Amazon Linux"\nID="amzn"\nID_LIKE="fedora"\n'), "linux-rhel-glibc-x86_64"),
        (linux('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n'), "linux-suse-glibc-x86_64"),
        (linux('ID="opensuse-tumbleweed"\n'), "linux-suse-glibc-x86_64"),
        (linux('NAME="SLES"\nID="sles"\nID_LIKE="suse"\n', machine="aarch64"), "linux-suse-glibc-arm64"),
        (linux("ID=arch\nBUILD_ID=rolling\n"), "linux-arch-glibc-x86_64"),
        (linux('ID=manjaro\nID_LIKE=arch\nNAME="Manjaro Linux"\n'), "linux-arch-glibc-x86_64"),
        (linux('NAME="Alpine Linux"\nID=alpine\n', libc="musl"), "linux-alpine-musl-x86_64"),
        (linux("ID=postmarketos\nID_LIKE=alpine\n", libc="musl", machine="arm64"), "linux-alpine-musl-arm64"),
        (HostFacts(system="Darwin", machine="arm64"), "darwin-arm64"),
        (HostFacts(system="Darwin", machine="x86_64"), "darwin-x86_64"),
    ],
)
def test_real_systems_are_recognised(facts, platform):
    """A distribution is known by its own name or by those that it says it is like."""
    host = identify(facts)
    assert host.platform is not None, host.reason
    assert host.platform.id == platform


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (linux("ID=nixos\nNAME=NixOS\n"), "nixos belongs to none of the families"),
        (linux("ID=gentoo\n"), "gentoo belongs to none of the families"),
        (linux('ID="wolfi"\nNAME="Wolfi"\n'), "wolfi belongs to none of the families"),
        (linux(""), "a Linux without os-release belongs to none"),
        (linux(UBUNTU, libc=""), "the C library of ubuntu was not recognised"),
        (linux(UBUNTU, libc="musl"), "linux-debian-musl-x86_64 is not in the platform model"),
        (linux("ID=manjaro-arm\nID_LIKE=arch\n", machine="aarch64"), "linux-arch-glibc-arm64 is not in the platform"),
        (linux(UBUNTU, machine="riscv64"), "the architecture 'riscv64' is not in the platform model"),
        (HostFacts(system="Windows", machine="AMD64"), "the operating system 'Windows' is not in the platform model"),
    ],
)
def test_what_is_no_platform_of_the_model_says_why(facts, reason):
    """A verdict of an unknown machine would be a verdict for no platform: there is none, with the reason."""
    host = identify(facts)
    assert host.platform is None
    assert host.reason.startswith(reason)


def test_os_release_is_read_as_its_manual_says():
    """Comments and other lines are skipped, quotes are taken off, the first of two assignments wins."""
    text = "# ID=comment\n\nID='a b'\nnonsense\nID=second\nEMPTY=\n"
    assert parse_os_release(text) == {"ID": "a b", "EMPTY": ""}


def test_the_second_os_release_file_is_read_when_the_first_is_missing():
    """os-release(5) names two places."""
    files = {Path("/usr/lib/os-release"): "ID=arch\n"}
    facts = read_facts(lambda: ("Linux", "x86_64"), files.get, lambda: "glibc")
    assert facts == linux("ID=arch\n")


def test_this_machine_is_a_platform_or_says_why_not():
    """Asked for real, the answer is one of the eleven or a reason."""
    host = this_platform()
    assert host.platform in ALL_PLATFORMS or host.platform is None
    assert host.reason
