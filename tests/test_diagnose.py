"""How a failed phase is mapped to one cause. The outputs are what npm 11, uv 0.13, Node 20, CPython and ld.so print."""

import pytest

from pipeline.config import PhaseLimits
from pipeline.model import Category, Subcategory
from pipeline.sandbox import diagnose
from tests.fakes_sandbox import answer

LIMITS = PhaseLimits(timeout_seconds=30, memory_mb=1024, pids=128, disk_mb=256)

UV_SAYS = "error: No solution found when resolving dependencies\n  cause: Because "
REGISTRY_TROUBLE = {
    "npm error code E429\nnpm error 429 Too Many Requests - GET https://registry.example/a": Subcategory.RATE_LIMITED,
    "npm error code E503\nnpm error 503 Service Unavailable - GET https://registry.example/a": "upstream_unavailable",
    "npm error code E403\nnpm error 403 403 Forbidden - GET https://registry.example/a": "upstream_refused",
    "npm error code ENOTFOUND\nnpm error syscall getaddrinfo": Subcategory.DNS_ERROR,
    "npm error code EAI_AGAIN\nnpm error syscall getaddrinfo": Subcategory.DNS_ERROR,
    "npm error code ECONNREFUSED\nnpm error syscall connect": Subcategory.CONNECTION_ERROR,
    "npm error code ERR_SOCKET_TIMEOUT": Subcategory.TIMEOUT,
    "npm error code SELF_SIGNED_CERT_IN_CHAIN": Subcategory.TLS_ERROR,
    "error: Failed to fetch: https://index.example/a/\n  cause: HTTP status client error (429 Too Many Requests)": (
        Subcategory.RATE_LIMITED
    ),
    "error: Failed to fetch: https://index.example/a/\n  cause: HTTP status server error (500 Internal Server Error)": (
        Subcategory.UPSTREAM_UNAVAILABLE
    ),
    "error: Failed to fetch\n  cause: error sending request for url\n  cause: client error (Connect)\n"
    "  cause: dns error\n  cause: error resolving DNS": Subcategory.DNS_ERROR,
    "error: Failed to fetch\n  cause: tcp connect error\n  cause: Connection refused (os error 111)": (
        Subcategory.CONNECTION_ERROR
    ),
    f"{UV_SAYS}a was not found in the package registry and you require a==1.0\n\nhint: An index "
    "(https://index.example/) returned a 403 Forbidden error.": Subcategory.UPSTREAM_REFUSED,
}
PACKAGE_TROUBLE = {
    "npm error code E404\nnpm error 404 Not Found - GET https://registry.example/a": Subcategory.NOT_FOUND,
    "npm error code ETARGET\nnpm error notarget No matching version found for a@9.": Subcategory.NOT_FOUND,
    "npm error code EBADPLATFORM\nnpm error notsup Unsupported platform for a@1": Subcategory.NO_PLATFORM_BUILD,
    "npm error code EBADENGINE\nnpm error engine Unsupported engine": Subcategory.RUNTIME_TOO_OLD,
    "npm error code EINTEGRITY": Subcategory.DIGEST_MISMATCH,
    "npm error code ENOSPC": Subcategory.DISK,
    "npm error code ENOENT\nnpm error syscall spawn git": Subcategory.MISSING_SYSTEM_DEP,
    "something else": Subcategory.INSTALL_ERROR,
    f"{UV_SAYS}there is no version of a==99 and you require a==99": Subcategory.NOT_FOUND,
    f"{UV_SAYS}a==0.6.2 has no usable wheels and you require a==0.6.2": Subcategory.NEEDS_BUILD,
    f"{UV_SAYS}a==2 has no wheels with a matching platform tag (e.g., `manylinux_2_36_x86_64`)": "no_platform_build",
    f"{UV_SAYS}a==2 has no wheels with a matching Python ABI tag (e.g., `cp311`)": Subcategory.NEEDS_BUILD,
    f"{UV_SAYS}the current Python version (3.11.7) does not satisfy Python>=3.12 and a==1 depends on Python>=3.12": (
        Subcategory.RUNTIME_TOO_OLD
    ),
    f"{UV_SAYS}only b<=1 is available and a>=2 depends on b>=2": Subcategory.DEPENDENCY_NOT_FOUND,
    f"{UV_SAYS}only the following versions of b are available:\n      b<=1\n      b>=3,<4\n  and a depends on b==2": (
        Subcategory.DEPENDENCY_NOT_FOUND
    ),
    f"{UV_SAYS}b was not found in the package registry and all versions of a depend on b": "dependency_not_found",
    f"{UV_SAYS}a was not found in the package registry and you require a==1.0": Subcategory.NOT_FOUND,
    "error: no matching package named `b` found\nlocation searched: x\nrequired by package `a v1`": (
        Subcategory.DEPENDENCY_NOT_FOUND
    ),
    'error: failed to select a version for the requirement `b = "^9"`': Subcategory.DEPENDENCY_NOT_FOUND,
    "error: could not find `a` in registry `x` with version `=1.2.3`": Subcategory.NOT_FOUND,
    "No executables are provided by package `a`; removing tool": Subcategory.NO_EXECUTABLES,
}
RUN_TROUBLE = {
    'tool: Platform package "tool-linux-x64-gnu" not installed. Install it with: npm install tool-linux-x64-gnu\nor': (
        "no_platform_build"
    ),
    'Error: The package "@tool/linux-x64" could not be found, and is needed by tool.': "no_platform_build",
    "tool: error while loading shared libraries: libgtk-3.so.0: cannot open shared object file": "missing_system_dep",
    "ImportError: libGL.so.1: cannot open shared object file: No such file or directory": "missing_system_dep",
    "/lib/libc.so.6: version `GLIBC_2.38' not found (required by tool)": "missing_system_dep",
    "Error: spawn git ENOENT\n    at ChildProcess": "missing_system_dep",
    "FileNotFoundError: [Errno 2] No such file or directory: 'git'": "missing_system_dep",
    "/prefix/bin/tool: line 3: java: command not found": "missing_system_dep",
    "Error: getaddrinfo ENOTFOUND api.example.org": "network_at_verify",
    "Error: getaddrinfo EAI_AGAIN api.example.org": "network_at_verify",
    "socket.gaierror: [Errno -3] Temporary failure in name resolution": "network_at_verify",
    "Error [ERR_UNKNOWN_BUILTIN_MODULE]: No such built-in module: node:sqlite": "runtime_too_old",
    "tool requires at least Node.js v22, please upgrade": "runtime_too_old",
    "tool requires Python 3.12 or newer": "runtime_too_old",
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory": "oom",
    "RuntimeError: can't start new thread": "pids",
    "OSError: [Errno 28] No space left on device": "disk",
    "FileNotFoundError: [Errno 2] No such file or directory: '/prefix/data.json'": "verify_error",
    "Error: boom": "verify_error",
}


@pytest.mark.parametrize(("output", "cause"), REGISTRY_TROUBLE.items())
def test_the_registrys_trouble_is_never_the_packages(output, cause):
    """What the registry or the network did while fetching is an infrastructure error."""
    found = diagnose.fetch_failure(answer(output, 1), LIMITS)
    assert (found.subcategory, found.category, found.infra) == (cause, Category.NETWORK_ERROR, True)


@pytest.mark.parametrize(("output", "cause"), PACKAGE_TROUBLE.items())
def test_the_packages_own_trouble_is_a_failure(output, cause):
    """What no other try would change is a failure of the package."""
    found = diagnose.fetch_failure(answer(output, 1), LIMITS)
    assert (found.subcategory, found.infra) == (cause, False)


@pytest.mark.parametrize(("output", "cause"), RUN_TROUBLE.items())
def test_names_what_an_executable_lacks(output, cause):
    """A failed run is explained by the line that names the cause."""
    found = diagnose.run_failure(answer(output, 1), LIMITS, engine_warned=False)
    assert (found.subcategory, found.infra) == (cause, False)
    assert found.reason.removeprefix("exit status 1: ") in output


@pytest.mark.parametrize(
    ("limit", "cause"), [("oom", "oom"), ("pids", "pids"), ("disk", "disk"), ("timeout", "timeout")]
)
def test_an_ended_limit_comes_before_the_output(limit, cause):
    """The limit that ended a run is the cause, whatever was printed before, and its figure is named."""
    found = diagnose.run_failure(answer("getaddrinfo ENOTFOUND a", None, limit_hit=limit), LIMITS, engine_warned=False)
    assert found.subcategory == cause
    assert any(figure in found.reason for figure in ("30", "1024", "128", "256"))


def test_a_slow_registry_is_an_infrastructure_error():
    """Only the registry makes a fetch run out of time; a memory limit is the package's."""
    slow = diagnose.fetch_failure(answer("", None, limit_hit="timeout"), LIMITS)
    assert (slow.subcategory, slow.infra) == (Subcategory.TIMEOUT, True)
    big = diagnose.fetch_failure(answer("", None, limit_hit="oom"), LIMITS)
    assert (big.subcategory, big.infra) == (Subcategory.OOM, False)


def test_a_sandbox_that_did_not_start_says_nothing_of_the_package():
    """Trouble of the sandbox itself is an infrastructure error in every phase."""
    broken = answer("", None, infra_error="bwrap: No permissions")
    for found in (
        diagnose.fetch_failure(broken, LIMITS),
        diagnose.build_failure(broken, LIMITS),
        diagnose.run_failure(broken, LIMITS, engine_warned=False),
    ):
        assert (found.subcategory, found.infra) == (Subcategory.SANDBOX_UNAVAILABLE, True)
        assert "No permissions" in found.reason


def test_npms_warning_turns_a_syntax_error_into_an_old_runtime():
    """Newer syntax on a Node that npm warned about is the runtime's fault; without the warning it is the tool's."""
    crash = answer("file.js:1\nSyntaxError: Unexpected token 'with'\n    at wrap", 1)
    assert diagnose.run_failure(crash, LIMITS, engine_warned=True).subcategory is Subcategory.RUNTIME_TOO_OLD
    assert diagnose.run_failure(crash, LIMITS, engine_warned=False).subcategory is Subcategory.VERIFY_ERROR
    assert diagnose.warns_of_engine("npm warn EBADENGINE Unsupported engine {\nnpm warn EBADENGINE   package: 'a@1',")
    assert not diagnose.warns_of_engine("npm warn deprecated a@1: no longer supported")


def test_an_unknown_failure_keeps_its_last_line_and_status():
    """Without a known cause the reason is the exit status or signal and the last line, bounded."""
    assert diagnose.run_failure(answer("a\nb\n\n", 3), LIMITS, engine_warned=False).reason == "exit status 3: b"
    killed = diagnose.run_failure(answer("", None, signal=11), LIMITS, engine_warned=False)
    assert killed.reason == "signal 11, no output"
    assert len(diagnose.run_failure(answer("x" * 9_000, 1), LIMITS, engine_warned=False).reason) < 300


def test_the_reason_is_what_happened_not_its_frame():
    """npm's code line, Node's version line and uv's prefix are left out of the reason."""
    npm = "npm error code E404\nnpm error 404 Not Found - GET https://registry.example/a\nnpm error 404\n"
    assert diagnose.fetch_failure(answer(npm, 1), LIMITS).reason == "E404: Not Found - GET https://registry.example/a"
    node = "/prefix/a.js:9\n    throw\n    ^\n\nError: invalid factor: NaN\n    at main (a.js:9)\n\nNode.js v24.19.0\n"
    found = diagnose.run_failure(answer(node, 1), LIMITS, engine_warned=False)
    assert found.reason == "exit status 1: Error: invalid factor: NaN"
    uv = diagnose.fetch_failure(answer(f"{UV_SAYS}there is no version of a==99", 1), LIMITS)
    assert uv.reason == "Because there is no version of a==99"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("npm error Cannot read the tree\n", "npm error Cannot read the tree"),
        ("", "and npm did not say why"),
    ],
)
def test_where_npm_keeps_its_log_is_no_reason(said, reason):
    """It is npm's last line after every failure, and hides the line before it."""
    for log in (
        "Log files were not written due to the config logs-max=0",
        "A complete log of this run can be found in:",
    ):
        found = diagnose.fetch_failure(answer(f"{said}npm error {log}\n", 1), LIMITS)
        assert found.reason in {f"exit status 1: {reason}", f"exit status 1, {reason}"}


def test_only_a_missing_version_may_be_stale():
    """A version may be newer than the cache; a package that does not exist was asked for just now."""
    assert diagnose.may_be_stale(answer("npm error code ETARGET", 1))
    assert diagnose.may_be_stale(answer(f"{UV_SAYS}there is no version of a==99", 1))
    assert not diagnose.may_be_stale(answer("npm error code E404", 1))
