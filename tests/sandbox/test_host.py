"""What is shown of a host, and what is found on it."""

from pathlib import Path

import pytest

from pipeline.sandbox.base import Mount
from pipeline.sandbox.host import look, namespace_remedy
from pipeline.sandbox.runtimes import find_bwrap, find_runtimes
from tests.sandbox.lab import Lab, phase


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with a merged /usr, a 32-bit folder of its own, and secrets beside what is shown."""
    for folder in ("usr/lib", "lib32", "etc/ssl/certs", "etc/ssl/private", "home/user"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    for name in ("shadow", "hosts", "resolv.conf", "ld.so.cache"):
        (tmp_path / "etc" / name).touch()
    return tmp_path


def test_the_system_is_shown_and_nothing_that_names_a_person(root: Path) -> None:
    """Links stay links; of /etc only what the loader and TLS read; name servers only with the network."""
    seen = look({}, root)

    assert seen.links == (("/lib", "usr/lib"),)
    assert [mount.inside for mount in seen.mounts] == ["/usr", "/lib32", "/etc/ld.so.cache", "/etc/ssl/certs"]
    assert [mount.inside for mount in seen.network_mounts] == ["/etc/resolv.conf", "/etc/hosts"]
    assert not any(mount.writable for mount in (*seen.mounts, *seen.network_mounts))


def test_certificates_of_ones_own_are_shown_at_a_neutral_place(root: Path) -> None:
    """A company's certificate below a private home is shown, its path is not."""
    own = root / "home/user/company.pem"
    own.touch()

    seen = look({"NODE_EXTRA_CA_CERTS": str(own), "PIP_CERT": str(root / "missing"), "SSL_CERT_FILE": "relative"}, root)

    (variable,) = seen.network_environment.items()
    assert variable[0] == "NODE_EXTRA_CA_CERTS"
    assert Mount(host=own, inside=variable[1]) in seen.network_mounts
    assert str(root) not in variable[1]


def test_proxies_are_kept_and_other_variables_are_not(root: Path) -> None:
    """Both spellings of the proxy variables; no other variable of the user."""
    environ = {"HTTPS_PROXY": "http://a", "no_proxy": "b", "http_proxy": "", "TOKEN": "secret", "MY_HTTP_PROXY": "c"}

    assert look(environ, root).network_environment == {"HTTPS_PROXY": "http://a", "no_proxy": "b"}


def test_the_remedy_names_the_switch_that_is_off(root: Path) -> None:
    """A person learns which setting of this machine forbids the sandbox."""
    assert "container" in namespace_remedy(root)
    switch = root / "proc/sys/user/max_user_namespaces"
    switch.parent.mkdir(parents=True)
    switch.write_text("0\n")
    assert namespace_remedy(root) == "set user.max_user_namespaces to 10000"


def test_the_runtimes_run_in_the_sandbox(lab: Lab) -> None:
    """Each is found at its place inside and says the version that was recorded."""
    found = lab.runtimes
    for runtime in (found.node, found.npm, found.uv, found.python):
        assert runtime is not None
        variables = {**runtime.environment, "PATH": f"{runtime.folder}:/usr/bin:/bin"}
        answer = lab.sandbox.run(phase(*runtime.argv, "--version", environment=variables, mounts=runtime.mounts))
        assert runtime.version in answer.output
        assert not any(mount.writable for mount in runtime.mounts)


def test_the_systems_programs_are_found_when_the_wheels_are_not() -> None:
    """The system's bubblewrap comes after the pinned one; where there is none, none is named."""
    programs = find_bwrap(lambda name: "/usr/bin/env" if name == "bwrap" else None)

    assert [program.origin for program in programs][-1] == "system"
    assert [program.origin for program in find_bwrap(lambda _: None)] in ([], ["wheel"])
    assert find_runtimes(lambda _: None).python.version
