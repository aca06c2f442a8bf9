"""Why a phase failed: an exit status, an ended limit and an output, mapped to one cause.

A cause that lies with the registry, the network or this machine is an infrastructure error: it says nothing about
the package and is never a failure of it. The patterns are what npm 10 and 11, uv 0.5 to 0.13, Node 20 to 24,
CPython, cargo 1.82 to 1.95 and the dynamic loaders of glibc and musl print.
"""

import re

import msgspec

from pipeline.config import PhaseLimits
from pipeline.model import Category, Subcategory
from pipeline.sandbox.base import PhaseOutput


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The cause of a failed phase. `infra`: nothing was learnt about the package."""

    category: Category
    subcategory: Subcategory
    reason: str
    infra: bool = False


class Rule(msgspec.Struct, frozen=True):
    """What a line of output tells of the cause."""

    pattern: re.Pattern[str]
    category: Category
    subcategory: Subcategory
    infra: bool = False


def network(pattern: str, subcategory: Subcategory) -> Rule:
    """Return the rule of a cause between this machine and the registry."""
    return Rule(re.compile(pattern), Category.NETWORK_ERROR, subcategory, infra=True)


def install(pattern: str, subcategory: Subcategory) -> Rule:
    """Return the rule of a cause in the package\'s installation."""
    return Rule(re.compile(pattern), Category.INSTALL_FAILED, subcategory)


def lacking(pattern: str) -> Rule:
    """Return the rule of a dependency that the registry does not have, or not in a version that is wanted."""
    return Rule(re.compile(pattern), Category.MISSING_DEP, Subcategory.DEPENDENCY_NOT_FOUND)


def _verify(pattern: str, subcategory: Subcategory) -> Rule:
    return Rule(re.compile(pattern), Category.VERIFY_FAILED, subcategory)


def _missing(pattern: str) -> Rule:
    return Rule(re.compile(pattern), Category.MISSING_DEP, Subcategory.MISSING_SYSTEM_DEP)


# cargo and rustc name the crate that wants a newer compiler; that the one here is older says nothing about the package.
_TOO_OLD_COMPILER = (
    Rule(
        re.compile(
            r"requires rustc \S+ or newer|rustc \S+ is not supported by the following|feature `edition\d+` is required"
        ),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_TOO_OLD,
        infra=True,
    ),
)

_MISSING_PROGRAM = (
    _missing(r"error while loading shared libraries: \S+"),
    _missing(r"Error loading shared library \S+"),
    _missing(r"\S+: cannot open shared object file"),
    _missing(r"version `(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found"),
    _missing(r"spawn(?:Sync)? \S+ ENOENT|syscall spawn(?:Sync)? \S+"),
    _missing(r"FileNotFoundError: \[Errno 2\] No such file or directory: '[\w.+-]+'"),
    _missing(r"(?m)^(?:.*: )?(?:line \d+: )?[\w.+-]+: (?:command )?not found$"),
    _missing(r"env: .?[\w.+-]+.?: No such file or directory"),
)

# cargo quotes curl: the number of its error in brackets, or the status of the answer.
_CARGO_NETWORK = (
    # An index never loses a version: one that lacks what a published lock file names is a mirror that is behind.
    network(r"failed to select a version for the requirement .* \(locked to ", Subcategory.UPSTREAM_UNAVAILABLE),
    network(r"successful HTTP response from .*, got 429", Subcategory.RATE_LIMITED),
    network(r"successful HTTP response from .*, got 5\d\d", Subcategory.UPSTREAM_UNAVAILABLE),
    network(r"successful HTTP response from .*, got 40[137]", Subcategory.UPSTREAM_REFUSED),
    network(r"(?m)^ *\[(?:5|6)\] ", Subcategory.DNS_ERROR),
    network(r"(?m)^ *\[(?:35|51|53|54|58|59|60|77|80|83|91)\] ", Subcategory.TLS_ERROR),
    network(r"(?m)^ *\[28\] ", Subcategory.TIMEOUT),
    network(r"(?m)^ *\[(?:7|16|18|52|55|56|92)\] |spurious network error", Subcategory.CONNECTION_ERROR),
)

# The order matters: the registry's state explains what comes after it (uv calls a package behind a 403 "not found").
_FETCH_RULES = (
    network(r"\bcode E429\b|\b429 Too Many Requests", Subcategory.RATE_LIMITED),
    network(r"\bcode E5\d\d\b|HTTP status server error \(5\d\d", Subcategory.UPSTREAM_UNAVAILABLE),
    network(
        r"\bcode E40[137]\b|HTTP status client error \(40[137]|\b40[13] (?:Unauthorized|Forbidden)",
        Subcategory.UPSTREAM_REFUSED,
    ),
    network(r"\bENOTFOUND\b|\bEAI_AGAIN\b|(?m:^\s*cause: dns error)|failed to lookup address", Subcategory.DNS_ERROR),
    network(
        r"\bCERT_\w+|UNABLE_TO_(?:GET|VERIFY)\w+|SELF_SIGNED_CERT\w*|\bERR_(?:SSL|TLS)_\w+|invalid peer certificate",
        Subcategory.TLS_ERROR,
    ),
    network(
        r"\bETIMEDOUT\b|ERR_SOCKET_TIMEOUT|\bEIDLETIMEOUT\b|operation timed out|network timeout", Subcategory.TIMEOUT
    ),
    network(
        r"\bECONN(?:RESET|REFUSED|ABORTED)\b|\bENETUNREACH\b|\bEHOSTUNREACH\b|socket hang up|ERR_STREAM_PREMATURE_CLOSE"
        r"|tcp connect error|error sending request|[Cc]onnection (?:reset|refused|closed)",
        Subcategory.CONNECTION_ERROR,
    ),
    *_CARGO_NETWORK,
    install(r"\bEINTEGRITY\b|[Hh]ash mismatch|failed to verify the checksum of", Subcategory.DIGEST_MISMATCH),
    install(r"\bENOSPC\b|No space left on device|\bEDQUOT\b", Subcategory.DISK),
    install(r"\bcode EBADENGINE\b|does not satisfy Python ?[<>=!~]+", Subcategory.RUNTIME_TOO_OLD),
    install(r"\bEBADPLATFORM\b|no wheels with a matching platform tag", Subcategory.NO_PLATFORM_BUILD),
    install(r"no usable wheels|building from source is disabled|(?:has|have) no wheels", Subcategory.NEEDS_BUILD),
    install(r"No executables are provided", Subcategory.NO_EXECUTABLES),
    # uv names who depends on what is missing, cargo who requires it. Of a list of versions, a few lines are enough.
    lacking(
        r"(?:no versions? of|not found in the package registry"
        r"|only (?:\S+ (?:is|are) available|the following versions of))[\s\S]{0,1000}?\sdepends? on\s"
    ),
    lacking(r"no matching package named `\S+` found|failed to select a version for"),
    install(
        r"\bcode E404\b|HTTP status client error \(404|\bETARGET\b|No matching version|there (?:is|are) no versions? of"
        r"|not found in the package registry|only \S+ (?:is|are) available|could not find `\S+` in registry",
        Subcategory.NOT_FOUND,
    ),
    *_TOO_OLD_COMPILER,
    *_MISSING_PROGRAM,
)

_RUN_RULES = (
    _verify(
        r"\bENOTFOUND\b|\bEAI_AGAIN\b|\bENETUNREACH\b|\bECONNREFUSED\b|Temporary failure in name resolution"
        r"|Name or service not known|Network is unreachable|NewConnectionError|\bConnectError\b|\bfetch failed\b"
        r"|(?i:could not download|related to network connectivity)",
        Subcategory.NETWORK_AT_VERIFY,
    ),
    _verify(
        r"ERR_UNKNOWN_BUILTIN_MODULE|module 'node:\w+' does not provide an export|[Uu]nsupported (?:engine|Node)"
        r"|(?i:requires? (?:at least )?(?:node(?:\.js)?|python) (?:version )?v?[<>=]*\s?\d)"
        r"|(?i:(?:node(?:\.js)?|python) v?(?:[<>=]+ ?)?\d[\d.]*\+? (?:or (?:later|newer|higher|above) )?is required)"
        r"|ERR_REQUIRE_ESM|cannot import name '\w+' from 'typing'",
        Subcategory.RUNTIME_TOO_OLD,
    ),
    # A launcher whose program is an optional dependency of its own for each platform, as of esbuild.
    _verify(
        r"[Pp]ackage [\"']\S+[\"'] (?:is )?not installed|The package \"\S+\" could not be found, and is needed",
        Subcategory.NO_PLATFORM_BUILD,
    ),
    _verify(r"\bENOSPC\b|No space left on device|\bEFBIG\b|File too large", Subcategory.DISK),
    _verify(
        r"heap out of memory|Cannot allocate memory|\bMemoryError\b|memory allocation .*failed",
        Subcategory.OOM,
    ),
    _verify(r"spawn \S+ EAGAIN|fork: .*Resource temporarily unavailable|can't start new thread", Subcategory.PIDS),
    *_MISSING_PROGRAM,
)
# What build scripts, the cc, cmake, pkg-config and bindgen crates, and the linker say of what they do not find.
_COMPILE_RULES = (
    *_TOO_OLD_COMPILER,
    Rule(re.compile(r"linker `\S+` not found"), Category.MISSING_DEP, Subcategory.RUNTIME_MISSING, infra=True),
    _missing(r"The system library `\S+` required by crate `\S+` was not found|Could not find directory of OpenSSL"),
    _missing(r"pkg-config command could not be found|is `\S+` not installed\?|Could not find `protoc`"),
    _missing(r"failed to find tool \S+|[Uu]nable to find libclang"),
    _missing(r"(?:cannot find|unable to find library) -l\S+|fatal error: \S+\.h(?:pp)?: No such file or directory"),
    *_RUN_RULES,
)
# The compiler's first error of its own, and what a build script says before it ends; cargo sums both up at the end.
_COMPILE_ERROR = re.compile(
    r"(?m)^error(?:\[E\d+\])?: (?!could not compile|failed to (?:compile|run custom build command)|aborting)"
)
_BUILD_SCRIPT = re.compile(
    r"failed to run custom build command for `(?P<crate>[^`]+)`[\s\S]*?--- stderr\n"
    r"(?:\s*thread [^\n]* panicked at [^\n]*\n)?\s*(?P<said>\S[^\n]*)"
)
_MISSING_MODULE = re.compile(r"No module named '[\w.]+'|Cannot find (?:module|package) '[^']+'")
_MISSING_VERSION = re.compile(
    r"\bETARGET\b|No matching version|there (?:is|are) no versions? of|only \S+ (?:is|are) available"
)
# npm names the code on one line and says what happened on a later one, between lines that repeat the system's words.
_NPM_DETAIL = re.compile(
    r"^npm error (?!code |syscall |errno |path |\d+$)(?:\d{3} |notarget |notsup |network )?(\S.*)$", re.MULTILINE
)
# What an old Node says of newer syntax or of a newer method; only npm's own warning makes it the runtime's fault.
_NEWER_LANGUAGE = re.compile(r"(?m)^(?:SyntaxError|TypeError|ReferenceError|Error \[ERR_\w+\]):? .*$")
_ENGINE_WARNING = re.compile(r"EBADENGINE\s+Unsupported engine|EBADENGINE\s+package:")
# uv explains itself over several lines, from what is missing to what follows from it.
_UV_CAUSE = re.compile(r"^\s*cause: (Because .+?)(?:, we can conclude|\Z)", re.MULTILINE | re.DOTALL)
# What npm says at the end of each failure, whatever it was: where its log is, or that there is none.
_NPM_LOG = re.compile(r"^npm error (?:A complete log of this run|Log files were not written)[^\n]*$", re.MULTILINE)
# An exception as Node, Python and node-gyp print it; Node ends with its own version, npm with the name of its log.
_EXCEPTION = re.compile(
    r"^(?:npm error )?(?:gyp ERR! (?:stack )?)?((?:Uncaught )?[A-Za-z_.]*(?:Error|Exception)(?: \[\w+\])?: .+)$",
    re.MULTILINE,
)
# A reason is one line of a table.
_REASON_CHARACTERS = 240
_LIMITS = {
    "oom": (Subcategory.OOM, "the memory limit of {0.memory_mb} MiB was reached"),
    "pids": (Subcategory.PIDS, "the limit of {0.pids} processes was reached"),
    "disk": (Subcategory.DISK, "the disk limit of {0.disk_mb} MiB was reached"),
    "timeout": (Subcategory.TIMEOUT, "not done after {0.timeout_seconds} s"),
}


def fetch_failure(answer: PhaseOutput, limits: PhaseLimits, more: tuple[Rule, ...] = ()) -> Diagnosis:
    """Return why nothing was installed. Running out of time while asking a registry is the network's fault.

    `more` are the rules of a client that has its own; they come first.
    """
    ended = _ended(answer, limits, Category.INSTALL_FAILED)
    if ended is not None:
        slow = ended.subcategory is Subcategory.TIMEOUT
        return msgspec.structs.replace(ended, infra=True, category=Category.NETWORK_ERROR) if slow else ended
    rules = (*more, *_FETCH_RULES)
    return _first_match(answer, rules) or _unknown(answer, Category.INSTALL_FAILED, Subcategory.INSTALL_ERROR)


def of_dependency(found: Diagnosis) -> Diagnosis:
    """Return the diagnosis for a client whose words do not say that what is missing is a dependency."""
    if found.subcategory is not Subcategory.NOT_FOUND:
        return found
    return msgspec.structs.replace(found, category=Category.MISSING_DEP, subcategory=Subcategory.DEPENDENCY_NOT_FOUND)


def may_be_stale(answer: PhaseOutput) -> bool:
    """Say whether a version was missing in metadata that may have come from the cache: it may be a new one.

    A package that is not found at all was asked for just now: neither npm nor uv stores such an answer.
    """
    return _MISSING_VERSION.search(answer.output) is not None


def build_failure(answer: PhaseOutput, limits: PhaseLimits) -> Diagnosis:
    """Return why install scripts failed without a network."""
    return (
        _ended(answer, limits, Category.INSTALL_FAILED)
        or _first_match(answer, _RUN_RULES)
        or _unknown(answer, Category.INSTALL_FAILED, Subcategory.INSTALL_ERROR)
    )


def compile_failure(answer: PhaseOutput, limits: PhaseLimits, more: tuple[Rule, ...] = ()) -> Diagnosis:
    """Return why a package could not be compiled without a network; `more` as in `fetch_failure`."""
    return (
        _ended(answer, limits, Category.INSTALL_FAILED)
        or _first_match(answer, (*more, *_COMPILE_RULES))
        or _compile_error(answer)
        or _unknown(answer, Category.INSTALL_FAILED, Subcategory.INSTALL_ERROR)
    )


def _compile_error(answer: PhaseOutput) -> Diagnosis | None:
    if script := _BUILD_SCRIPT.search(answer.output):
        reason = _one_line(f"build script of {script['crate']}: {script['said']}")
    elif error := _COMPILE_ERROR.search(answer.output):
        reason = _line_at(answer.output, error.start())
    else:
        return None
    return Diagnosis(category=Category.INSTALL_FAILED, subcategory=Subcategory.INSTALL_ERROR, reason=reason)


def run_failure(answer: PhaseOutput, limits: PhaseLimits, *, engine_warned: bool) -> Diagnosis:
    """Return why an executable could not be verified. `engine_warned`: npm said that the runtime is too old."""
    known = _ended(answer, limits, Category.VERIFY_FAILED) or _first_match(answer, _RUN_RULES)
    if known is not None:
        return known
    if engine_warned and (found := _NEWER_LANGUAGE.search(answer.output)):
        reason = _line_at(answer.output, found.start())
        return Diagnosis(category=Category.VERIFY_FAILED, subcategory=Subcategory.RUNTIME_TOO_OLD, reason=reason)
    return _unknown(answer, Category.VERIFY_FAILED, Subcategory.VERIFY_ERROR)


def lacks_module(answer: PhaseOutput) -> bool:
    """Say whether a program failed for want of a module, as it does when an optional extra was not installed."""
    return _MISSING_MODULE.search(answer.output) is not None


def warns_of_engine(output: str) -> bool:
    """Say whether npm warned that a package wants another Node than the one that installed it."""
    return _ENGINE_WARNING.search(output) is not None


def _ended(answer: PhaseOutput, limits: PhaseLimits, category: Category) -> Diagnosis | None:
    if answer.infra_error:
        reason = f"the sandbox did not run: {_last_line(answer.infra_error)}"
        return Diagnosis(category=category, subcategory=Subcategory.SANDBOX_UNAVAILABLE, reason=reason, infra=True)
    if answer.limit_hit not in _LIMITS:
        return None
    subcategory, sentence = _LIMITS[answer.limit_hit]
    return Diagnosis(category=category, subcategory=subcategory, reason=sentence.format(limits))


def _first_match(answer: PhaseOutput, rules: tuple[Rule, ...]) -> Diagnosis | None:
    for rule in rules:
        if found := rule.pattern.search(answer.output):
            return Diagnosis(
                category=rule.category,
                subcategory=rule.subcategory,
                reason=_reason(answer.output, found.start()),
                infra=rule.infra,
            )
    return None


def _unknown(answer: PhaseOutput, category: Category, subcategory: Subcategory) -> Diagnosis:
    result = answer.result
    ended = f"signal {result.signal}" if result.signal is not None else f"exit status {result.exit_code}"
    exceptions = _EXCEPTION.findall(answer.output)
    said = _one_line(exceptions[-1]) if exceptions else _last_line(_NPM_LOG.sub("", answer.output))
    reason = f"{ended}: {said}" if said else f"{ended}, {_nothing_said(answer.output)}"
    return Diagnosis(category=category, subcategory=subcategory, reason=reason)


def _nothing_said(output: str) -> str:
    return "and npm did not say why" if _NPM_LOG.search(output) else "no output"


def _reason(text: str, position: int) -> str:
    if explained := _UV_CAUSE.search(text):
        return _one_line(explained.group(1))
    line = _line_at(text, position)
    if not line.startswith("npm error code "):
        return line.removeprefix("npm error ").removeprefix("cause: ")
    detail = _NPM_DETAIL.search(text, position)
    return f"{line.removeprefix('npm error code ')}: {_one_line(detail.group(1))}" if detail else line


def _line_at(text: str, position: int) -> str:
    """Return the line of the text that holds the position."""
    end = text.find("\n", position)
    return _one_line(text[text.rfind("\n", 0, position) + 1 : end if end >= 0 else len(text)])


def _last_line(text: str) -> str:
    """Return the last line that says something, or ""."""
    text = text.rstrip()
    return _line_at(text, len(text)) if text else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _REASON_CHARACTERS else f"{line[: _REASON_CHARACTERS - 1]}…"
