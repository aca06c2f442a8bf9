"""Ruby and its gem command in the sandbox, and what their failures mean.

`fetch` resolves and downloads as `gem install` would, by RubyGems' own library, and stops there: a `.gem` is not
unpacked and no code of it is loaded. `build` installs the files that were fetched, without a network: that compiles
extensions.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from pipeline.decoding import decode_json
from pipeline.digests import digest_of
from pipeline.gem_client import SOURCE
from pipeline.gem_version import parse, satisfies
from pipeline.model import Category, Subcategory
from pipeline.sandbox.base import Job, Mount, Phase
from pipeline.sandbox.course import CACHE, PREFIX, SYSTEM_PATH, runtime_missing
from pipeline.sandbox.diagnose import Diagnosis, Rule, install, lacking, network
from pipeline.sandbox.runtimes import Runtime, Which
from pipeline.sandbox.rust_toolchain import ask
from pipeline.source import identifier_of

REMEDY = "install Ruby 2.7 or newer, such as the system's package ruby"
GEMS = f"{PREFIX}/gems"
# RubyGems resolves with `gem install`'s own library since 2.0; the oldest that was tried is 3.3.
_OLDEST = "2.7"
_ASK = "puts RUBY_VERSION, RbConfig.ruby, RbConfig::CONFIG['prefix'], File.join(RbConfig::CONFIG['bindir'], 'gem')"
# gem keeps to itself that a server did not answer, and that only Ruby is too old: after a failure both are looked at.
_FETCH = """
require "rubygems/dependency_installer"
require "json"
name, version, cache = ARGV
source = ENV.fetch("RECIPELINE_GEM_SOURCE").chomp("/") + "/"

def resolve(name, version, force)
  client = Gem::DependencyInstaller.new(install_dir: "/tmp/installed", domain: :remote, force: force)
  client.resolve_dependencies(name, Gem::Requirement.new("= #{version}"))
end

def ask(source)
  Gem::RemoteFetcher.fetcher.fetch_path(source + "versions", nil, true)
rescue Gem::RemoteFetcher::FetchError
  Gem::RemoteFetcher.fetcher.fetch_path(source + "specs.4.8.gz", nil, true)
end

def too_old?(name, version)
  found = resolve(name, version, true).sorted_requests
  names = found.map(&:name)
  !found.empty? && found.all? { |each| each.full_spec.runtime_dependencies.all? { |one| names.include?(one.name) } }
rescue Gem::Exception
  false
end

begin
  Gem.sources = Gem::SourceList.from([source])
  Gem::DefaultUserInteraction.ui = Gem::SilentUI.new
  begin
    set = resolve(name, version, false)
  rescue Gem::DependencyError
    ask(source)
    raise Gem::RuntimeRequirementNotMetError, "a newer Ruby or RubyGems is needed" if too_old?(name, version)
    raise
  end
  found = set.sorted_requests.map do |request|
    file = request.download(cache)
    gem = Gem::Package.new(file).spec
    { file: File.basename(file), name: gem.name, platform: gem.platform.to_s, extensions: gem.extensions.any? }
  end
  puts JSON.generate(found)
rescue StandardError => error
  abort "#{error.class}: #{error.message}"
end
"""
# What the gem itself brings goes into `bin`; what its dependencies bring is not what the recipe promises.
_INSTALL = f"""set -e
gem() {{
  [ $# -eq 1 ] || "$RUBY" "$GEM" install --norc --local --ignore-dependencies --no-document --no-user-install \\
    --env-shebang --no-post-install-message --install-dir {GEMS} --bindir "$@"
}}
cd "$GEMS_FETCHED"
main=$1
shift
gem {PREFIX}/gems/bin "$@"
gem {PREFIX}/bin "$main"
"""
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.gem")

# What RubyGems 3 says, after the name of the error.
FETCH_RULES = (
    network(r"(?i)bad response (?:Too Many Requests )?429", Subcategory.RATE_LIMITED),
    network(r"bad response .*\b5\d\d\b", Subcategory.UPSTREAM_UNAVAILABLE),
    network(r"bad response .*\b40[137]\b|AuthenticationError", Subcategory.UPSTREAM_REFUSED),
    network(r"getaddrinfo|ResolutionError|no address for", Subcategory.DNS_ERROR),
    network(r"SSL_connect|OpenSSL::SSL::|certificate verify failed", Subcategory.TLS_ERROR),
    network(r"Net::(?:Open|Read)Timeout|execution expired|Timeout::Error", Subcategory.TIMEOUT),
    network(r"Errno::(?:ECONN\w+|E\w+UNREACH|EPIPE)|end of file reached|EOFError", Subcategory.CONNECTION_ERROR),
    Rule(
        re.compile(r"requires Ruby version|RuntimeRequirementNotMetError|required_ruby_version"),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_TOO_OLD,
        infra=True,
    ),
    lacking(r"Unable to resolve dependency: '[^'\n]+' requires '"),
    install(
        r"Gem::(?:GemNotFound|SpecificGemNotFound|UnsatisfiableDependency)\w*|Could not find a valid gem"
        r"|Unable to resolve dependency",
        Subcategory.NOT_FOUND,
    ),
    install(r"Gem::Package::\w+|Gem::Security::\w+", Subcategory.BAD_METADATA),
)
BUILD_RULES = (
    Rule(
        re.compile(r"mkmf\.rb can't find header files for ruby|cannot load such file -- mkmf"),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_MISSING,
        infra=True,
    ),
    Rule(re.compile(r"requires Ruby version \S+"), Category.MISSING_DEP, Subcategory.RUNTIME_TOO_OLD, infra=True),
    Rule(
        re.compile(r"You have to install development tools first|No such file or directory - make$", re.MULTILINE),
        Category.MISSING_DEP,
        Subcategory.RUNTIME_MISSING,
        infra=True,
    ),
)


class Fetched(msgspec.Struct, frozen=True):
    """One gem that was downloaded, dependencies before those that need them."""

    file: str
    name: str
    platform: str
    extensions: bool


def find_ruby(which: Which = shutil.which, ask: Callable[[tuple[str, ...]], str] = ask) -> Runtime | Diagnosis:
    """Return this machine's Ruby, `argv` with its gem command behind it, or what to do.

    A version manager's `ruby` is a launcher: what it launches says where it really is. Ruby finds its library by the
    path that it was built for, so the sandbox shows it there.
    """
    found = which("ruby")
    said = ask((found, "-e", _ASK)).splitlines() if found else []
    if len(said) != 4:
        return runtime_missing("Ruby" if found is None else "a Ruby that answers", REMEDY)
    version, ruby, prefix, gem = said
    here, oldest = parse(version), parse(_OLDEST)
    if here is None or oldest is None or satisfies(f">= {_OLDEST}", here) is not True:
        return runtime_missing(f"Ruby {_OLDEST} or newer", f"{REMEDY}: {version} is here")
    if not Path(gem).is_file():
        return runtime_missing("the gem command beside Ruby", "install RubyGems, such as the package rubygems")
    mounts = () if Path(prefix).is_relative_to("/usr") else (Mount(host=Path(prefix), inside=prefix),)
    return Runtime(argv=(ruby, gem), folder=str(Path(ruby).parent), version=version, mounts=mounts)


def too_old(job: Job, ruby: Runtime) -> Diagnosis | None:
    """Return that the gem wants another Ruby than the one here: nothing was learnt about the gem."""
    here = parse(ruby.version)
    if here is None or satisfies(job.runtime_requirement, here) is not False:
        return None
    return Diagnosis(
        category=Category.MISSING_DEP,
        subcategory=Subcategory.RUNTIME_TOO_OLD,
        reason=f"it wants Ruby {job.runtime_requirement}, and {ruby.version} is here",
        infra=True,
    )


def fetch_phase(job: Job, ruby: Runtime, name: str, stdout: Path) -> Phase:
    """Return the phase that downloads a gem with all that it needs here, and lists the files in `stdout`."""
    script = ("-W0", "-e", _FETCH, identifier_of(job.source), job.version, _folder(job))
    return Phase(
        name=name,
        argv=(ruby.argv[0], *script),
        environment={"PATH": f"{ruby.folder}:{SYSTEM_PATH}", "LANG": "C.UTF-8", **job.client_environment},
        mounts=(*ruby.mounts, Mount(host=job.cache_folder, inside=CACHE, writable=True, cache=True)),
        network=True,
        limits=job.limits.fetch,
        stdout=stdout,
    )


def fetched(content: bytes) -> list[Fetched] | None:
    """Return what `fetch` listed, the wanted gem last; None when that is nothing to read."""
    try:
        found = decode_json(content, list[Fetched])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if found and all(_FILE.fullmatch(gem.file) for gem in found) else None


def install_phase(job: Job, ruby: Runtime, gems: list[Fetched], prefix: Mount) -> Phase:
    """Return the phase that installs the files that were fetched, without a network. Extensions are compiled here."""
    files = [gem.file for gem in gems]
    compiles = any(gem.extensions for gem in gems)
    return Phase(
        name="build",
        argv=("/bin/sh", "-c", _INSTALL, "build", files[-1], *files[:-1]),
        environment={
            "PATH": f"{ruby.folder}:{SYSTEM_PATH}",
            "LANG": "C.UTF-8",
            "RUBY": ruby.argv[0],
            "GEM": ruby.argv[1],
            "GEMS_FETCHED": f"{_folder(job)}/cache",
            **gem_environment(),
        },
        mounts=(*ruby.mounts, prefix, Mount(host=job.cache_folder, inside=CACHE, cache=True)),
        network=False,
        limits=job.limits.compile if compiles else job.limits.build,
    )


def gem_environment() -> dict[str, str]:
    """Return the variables by which Ruby finds the installed gems, and no others of this machine."""
    return {"GEM_HOME": GEMS, "GEM_PATH": GEMS}


def _folder(job: Job) -> str:
    """Return where gems are kept: one name and version of two servers are two gems."""
    return f"{CACHE}/{digest_of(job.client_environment.get(SOURCE, ''))[:16]}"
