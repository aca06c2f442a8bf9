"""Tiny crates from a registry on loopback, really fetched, compiled and run by the cargo of this machine."""

from collections.abc import Iterator

import pytest

from pipeline.config import PhaseLimits, ValidationConfig
from pipeline.model import Subcategory, Verdict, VerdictStatus
from pipeline.platforms import ALL_PLATFORMS, BY_ID
from pipeline.sandbox.base import Job
from pipeline.sandbox.bwrap import prepare_folder
from pipeline.sandbox.diagnose import Diagnosis
from pipeline.sandbox.installers import cargo
from pipeline.sandbox.rust_toolchain import find_toolchain
from tests.builders_recipe import steps_of
from tests.fake_packages import crate
from tests.fake_registry import FakeRegistry

TOOLCHAIN = find_toolchain()
pytestmark = pytest.mark.skipif(
    isinstance(TOOLCHAIN, Diagnosis), reason=TOOLCHAIN.reason if isinstance(TOOLCHAIN, Diagnosis) else ""
)

NOW = "2026-01-02T03:04:05Z"
LIMITS = PhaseLimits(timeout_seconds=120, memory_mb=1024, pids=128, disk_mb=512)
PRINTS = 'fn main() { println!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")); }\n'
# A build script that ends the compilation when it reaches anything that it must not reach.
PRYING = """
use std::{{fs, net, path, time}};
fn main() {{
    let address: net::SocketAddr = "{host}".parse().unwrap();
    let wait = time::Duration::from_secs(2);
    assert!(net::TcpStream::connect_timeout(&address, wait).is_err(), "REACHED the registry");
    assert!(fs::read("{secret}").is_err(), "REACHED a file of the host");
    let cache = path::PathBuf::from(std::env::var("FETCHED").unwrap());
    for place in ["poison", "registry/cache/poison", "registry/index/poison"] {{
        assert!(fs::write(cache.join(place), "x").is_err(), "REACHED the cache");
    }}
    assert!(fs::write("/usr/bin/poison", "x").is_err(), "REACHED the system");
    assert!(std::env::var("CARGO_HTTP_PROXY").is_err(), "REACHED a secret");
    fs::write(path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("own.rs"), "// allowed").unwrap();
    fs::write("completions.sh", "# allowed: its own sources, which are a copy").unwrap();
}}
"""


def manifest(name: str, version: str = "1.2.3", tail: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n{tail}'


def lock(name: str) -> str:
    return f'version = 3\n\n[[package]]\nname = "{name}"\nversion = "1.2.3"\n'


def published(
    registry: FakeRegistry, name: str, files: dict[str, str], *, tail: str = "", deps: list[object] | None = None
):
    content = crate(name, "1.2.3", {"Cargo.toml": manifest(name, tail=tail), **files})
    registry.add_crate(name, {"1.2.3": content}, deps=deps or [])


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


@pytest.fixture
def job(request, tmp_path, registry) -> Job:
    name, *executables = request.param
    return Job(
        source=f"cargo:{name}",
        version="1.2.3",
        recipe_sha256="0" * 64,
        made_from="1" * 64,
        executables=tuple(executables),
        runtime_requirement="",
        has_install_scripts=False,
        platform=BY_ID["linux-debian-glibc-x86_64"],
        limits=ValidationConfig(
            workers=1, attempts=1, fetch=LIMITS, build=LIMITS, verify=LIMITS, heavy=LIMITS, compile=LIMITS
        ),
        steps=steps_of(f"cargo:{name}"),
        work_folder=prepare_folder(tmp_path / "work"),
        cache_folder=prepare_folder(tmp_path / "cache"),
        client_environment={"CARGO_REGISTRIES_RECIPELINE_INDEX": f"sparse+{registry.cargo_url}/"},
    )


def names(verdict: Verdict) -> list[str]:
    return [phase.name for phase in verdict.phases]


@pytest.mark.parametrize("job", [("probe", "probe")], indirect=True)
def test_a_build_script_reaches_nothing(job, sandbox, registry, tmp_path):
    """A build script that tries the network, the host's files, the cache and the system finds all of them closed."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    prying = PRYING.format(host=registry.host, secret=secret)
    published(registry, "probe", {"src/main.rs": PRINTS, "build.rs": prying, "Cargo.lock": lock("probe")})
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    assert (verdict.found_executables, verdict.observed_version) == (["probe"], "1.2.3")
    assert names(verdict) == ["fetch", "build", "unpack", "verify"]


@pytest.mark.parametrize("job", [("painter", "brush", "painter")], indirect=True)
def test_dependencies_are_fetched_first_and_compiled_offline(job, sandbox, registry):
    """A crate without a lock file gets one in `fetch`; all executables of its default features are found and run."""
    colours = crate("colours", "1.2.3", {"Cargo.toml": manifest("colours"), "src/lib.rs": "pub fn red() {}\n"})
    registry.add_crate("colours", {"1.2.3": colours})
    wants = {"name": "colours", "req": "^1", "features": [], "optional": False, "default_features": True}
    tail = '[features]\ngui = []\n[dependencies]\ncolours = "1"\n[[bin]]\nname = "gui"\nrequired-features = ["gui"]\n'
    files = {
        "src/main.rs": PRINTS.replace("{ println", "{ colours::red(); println", 1),
        "src/bin/brush.rs": PRINTS,
        "src/bin/gui.rs": "fn main() {}",
    }
    published(registry, "painter", files, tail=tail, deps=[{**wants, "target": None, "kind": "normal"}])
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason
    assert verdict.found_executables == ["brush", "painter"]
    record = cargo.predict(job, sandbox, ALL_PLATFORMS, NOW, toolchain=TOOLCHAIN)
    assert record.final
    assert {each.status for each in record.predictions} == {"predicted_pass"}


@pytest.mark.parametrize("job", [("sneaky", "sneaky")], indirect=True)
def test_settings_inside_a_crate_run_nothing_while_the_network_is_on(job, sandbox, registry):
    """A crate's own .cargo/config.toml and rust-toolchain.toml could name programs to run; they are not read."""
    settings = '[build]\nrustc-wrapper = "/bin/false"\n[net]\ngit-fetch-with-cli = true\n'
    files = {
        "src/main.rs": PRINTS,
        "Cargo.lock": lock("sneaky"),
        ".cargo/config.toml": settings,
        "rust-toolchain.toml": '[toolchain]\npath = "/nowhere"\n',
    }
    published(registry, "sneaky", files)
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert verdict.status is VerdictStatus.VALIDATED, verdict.reason


@pytest.mark.parametrize("job", [("broken", "broken")], indirect=True)
def test_sources_that_do_not_compile_are_a_failure(job, sandbox, registry):
    """The first error of the compiler is the reason."""
    published(registry, "broken", {"src/main.rs": 'fn main() { let x: u8 = ""; }\n', "Cargo.lock": lock("broken")})
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.INSTALL_ERROR)
    assert verdict.reason.startswith("error[E0308]: mismatched types")


@pytest.mark.parametrize("job", [("wanting", "wanting")], indirect=True)
def test_a_library_of_the_system_that_is_missing_is_named(job, sandbox, registry):
    """What the linker does not find is a missing dependency of the package."""
    source = '#[link(name = "nowhere_to_be_found")]\nextern "C" { fn f(); }\nfn main() { unsafe { f() } }\n'
    published(registry, "wanting", {"src/main.rs": source, "Cargo.lock": lock("wanting")})
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.MISSING_SYSTEM_DEP)
    assert "nowhere_to_be_found" in verdict.reason


@pytest.mark.parametrize("job", [("gone", "gone")], indirect=True)
def test_a_version_that_is_not_there_is_not_found(job, sandbox, registry):
    """A crate that the registry does not have fails in `fetch`, and nothing is compiled."""
    registry.add("/cargo/config.json", b'{"dl": "http://127.0.0.1:1/dl"}')
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.NOT_FOUND), verdict.phases
    assert names(verdict) == ["fetch"]


@pytest.mark.parametrize("job", [("swapped", "swapped")], indirect=True)
def test_other_bytes_than_the_index_promises_are_refused(job, sandbox, registry):
    """cargo, too, compares the digest of what it fetches with the index."""
    published(registry, "swapped", {"src/main.rs": PRINTS, "Cargo.lock": lock("swapped")})
    other = crate("swapped", "1.2.3", {"Cargo.toml": manifest("swapped"), "src/main.rs": "fn main() {}"})
    registry.add("/cargo/dl/swapped/1.2.3/download", other, "application/gzip")
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DIGEST_MISMATCH)


@pytest.mark.parametrize("job", [("hungry", "hungry")], indirect=True)
def test_a_compilation_ends_at_its_limits(job, sandbox, registry, tmp_path):
    """A build script that fills the disk is stopped by the size of what it may write to."""
    fills = 'fn main() { let d = vec![1u8; 1 << 20]; let p = std::env::var("OUT_DIR").unwrap();\n'
    fills += 'for i in 0..2048 { std::fs::write(format!("{p}/{i}"), &d).unwrap(); } }\n'
    published(registry, "hungry", {"src/main.rs": PRINTS, "build.rs": fills, "Cargo.lock": lock("hungry")})
    verdict = cargo.validate(job, sandbox, NOW, toolchain=TOOLCHAIN)
    assert (verdict.status, verdict.subcategory) == (VerdictStatus.FAILED, Subcategory.DISK)
