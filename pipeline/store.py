"""The only module that knows paths. Reads are checked against the schema, writes are atomic."""

import errno
import json
import math
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from pipeline.checks import first_defect, shorten
from pipeline.contract import json_schema
from pipeline.decoding import decode_json
from pipeline.errors import BadInput, Defect, PipelineError
from pipeline.source import ecosystem_of, file_stem, identifier_of, slug
from pipeline.yaml_guard import TooMuch, refuse_expansion

T = TypeVar("T", bound=msgspec.Struct)

# The folder of dodo.py: it holds the shipped defaults, and is the root unless PIPELINE_ROOT names another.
SHIPPED = Path(__file__).resolve().parent.parent
# A file that people or registries of this project write is never larger; a larger one is a mistake or an attack.
LARGEST_INPUT = 256 * 1024 * 1024
# What a file is called until it is whole: `.name.random.part`, in the same folder.
STAGING_SUFFIX = ".part"


class Paths:
    """Every path below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "pipeline.yaml"
        self.control = root / "batch-control.json"
        self.recipes = root / "recipes"
        self.data = root / "data"
        self.ledger = self.data / "batches.jsonl"
        self.journal_folder = self.data / "journal"
        self.metrics_folder = self.data / "metrics"
        self.replaced_folder = self.data / "replaced"
        self.recipes = root / "recipes"
        self.build = root / "build"
        self._prefix = str(self.build)
        self.batch = self.build / "batch.json"
        self.matrix_folder = self.build / "matrix"
        self.database = self.build / ".doit.db"
        self.runs_folder = self.build / "runs"
        self.rechecks_folder = self.runs_folder / "recheck"
        self.pull_requests_folder = self.data / "pull-requests"
        self.alarms = self.data / "alarms.jsonl"
        self.provenance_folder = self.data / "provenance"
        self.answers_folder = self.build / "answers"
        self.rollback_folder = self.build / "rollback"
        self.journal_index = self.build / "journal-index.json"
        self.control_lock = self.build / ".control.lock"
        self.lock = self.build / ".lock"
        self.lock_holder = self.build / ".lock-holder.json"
        self.http_cache = self.build / "cache" / "http.sqlite"
        self.client_cache = self.build / "cache" / "clients"
        self.sandbox = self.build / "sandbox"
        self.payload_folder = self.build / "payload"
        self.payload = self.payload_folder / "pr.json"
        self.body = self.payload_folder / "body.md"
        self.commit_message = self.payload_folder / "commit-message.txt"
        self.payload_files = self.payload_folder / "files"
        self.payload_statements = self.payload_folder / "statements"
        self.site = self.build / "site"
        self.site_manifest = self.build / "site.json"

    # The paths of single packages are plain strings: a plan of 1,000 packages on 11 platforms names 65,000 of them, and
    # making that many `Path` objects takes longer than all the rest of the plan.

    def packages(self, ecosystem: str) -> str:
        """Return the package list of an ecosystem."""
        return f"{self._prefix}/packages/{ecosystem}.json"

    def outcome(self, source: str) -> str:
        """Return the record that answers a work order."""
        return f"{self._prefix}/generate/{_folder_and_slug(source)}.json"

    def draft(self, source: str) -> str:
        """Return the recipe as `generate` made it."""
        return f"{self._prefix}/generate/{_folder_and_slug(source)}.toml"

    def static(self, source: str) -> str:
        """Return the predictions for a package."""
        return f"{self._prefix}/validate/static/{file_stem(source)}.json"

    def verdict(self, platform: str, source: str) -> str:
        """Return the verdict on a package on one platform."""
        return f"{self._prefix}/validate/{platform}/{file_stem(source)}.json"

    def constraints(self, source: str) -> str:
        """Return the merged result of a package."""
        return f"{self._prefix}/constrain/{_folder_and_slug(source)}.json"

    def merged(self, source: str) -> str:
        """Return the recipe with its constraints and its verify command."""
        return f"{self._prefix}/constrain/{_folder_and_slug(source)}.toml"

    def replaced(self, sha256: str) -> Path:
        """Return where the bytes of a recipe are kept that a batch has replaced."""
        return self.replaced_folder / f"{sha256}.toml"

    def statements(self, recipe: str) -> Path:
        """Return what the payload says of the making of a recipe, by the recipe's path."""
        return self.payload_statements / f"{recipe}.intoto.jsonl"

    def provenance(self, batch_id: str) -> Path:
        """Return where the statements of a published batch are kept."""
        return self.provenance_folder / f"{batch_id}.jsonl"

    def pull_request(self, batch_id: str) -> Path:
        """Return where the pull request is kept that a published batch asks for."""
        return self.pull_requests_folder / f"{batch_id}.json"

    def recipe(self, relative: str) -> Path:
        """Return a published recipe, `recipes/<letter>/<name>.toml` below the root."""
        return self.root / relative


@cache
def _folder_and_slug(source: str) -> str:
    return f"{ecosystem_of(source)}/{slug(identifier_of(source))}"


def recipe_names(paths: Paths) -> frozenset[str]:
    """Return the names of the recipes that are published, from `recipes/<letter>/<name>.toml`."""
    return frozenset(path.stem for path in paths.recipes.glob("?/*.toml"))


def recipe_texts(paths: Paths) -> Iterator[tuple[str, str]]:
    """Yield each published recipe with its path below the root, in the order of the paths; bad UTF-8 is replaced."""
    for path in sorted(paths.recipes.glob("?/*.toml")):
        yield str(path.relative_to(paths.root)), read_bytes(path, purpose="recipe").decode(errors="replace")


def machine_folder(environment: Mapping[str, str], fallback: Path) -> Path:
    """Return the folder that all of this user's runs on this machine share, whatever their root.

    It lies on the machine itself (XDG_RUNTIME_DIR, else the folder for temporary files), because what is in it is
    measured by this machine's clock. A folder of that name that somebody else made is not used; `fallback` is.
    """
    folder = Path(environment.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"recipeline-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return fallback
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if private else fallback


def read_bytes(path: Path, *, purpose: str, start: int = 0) -> bytes:
    """Return a file's bytes from `start` on; raises `PipelineError` when it is missing or cannot be read."""
    try:
        return _regular_file(path, start)
    except FileNotFoundError:
        raise PipelineError(f"{path}: the {purpose} is missing", remedy="create it or name another") from None
    except (OSError, ValueError) as error:  # a path with a null byte is a ValueError
        why = getattr(error, "strerror", None) or str(error)
        remedy = "mend its permissions" if isinstance(error, PermissionError) else "put a regular file there"
        raise PipelineError(f"{path}: the {purpose} cannot be read ({why})", remedy=remedy) from None


def _regular_file(path: Path, start: int = 0) -> bytes:
    """Return a file's bytes from `start` on; raises `OSError` for what is no file or larger than `LARGEST_INPUT`.

    A pipe would be waited for and a device read for ever. `O_NONBLOCK` keeps even the opening from waiting.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        if status.st_size > LARGEST_INPUT:
            raise OSError(errno.EFBIG, f"{status.st_size} bytes are more than {LARGEST_INPUT}", str(path))
        with os.fdopen(handle, "rb", buffering=0, closefd=False) as file:
            file.seek(start)
            return file.readall()
    finally:
        os.close(handle)


def is_there(path: Path) -> bool:
    """Return whether an optional file is there; a link that leads nowhere is: it is somebody's mistake."""
    return os.path.lexists(path)


def decode(content: bytes, kind: type[T], *, place: str) -> T:
    """Return the record that some JSON holds; raises `BadInput` with pointer, rule and remedy when it does not."""
    try:
        return decode_json(content, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(place, _json_defect(content, kind, str(error))) from None


def read(path: Path | str, kind: type[T], *, purpose: str) -> T:
    """Return the record that a file holds; raises `PipelineError` or `BadInput`."""
    return decode(read_bytes(Path(path), purpose=purpose), kind, place=str(path))


def read_result(path: Path | str, kind: type[T]) -> T | None:
    """Return a result of an earlier run, or None when there is none that can be used (it is then made again)."""
    try:
        return decode_json(_regular_file(Path(path)), kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def stamp(path: str) -> list[int] | None:
    """Return a file's size in bytes and the time of its last change in nanoseconds, None when there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116  # asked 14,000 times in a large plan, where making paths takes longer
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def encode(record: msgspec.Struct) -> bytes:
    """Return the bytes of a record's file: indented JSON, keys in the order of the fields, a final newline."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def write(path: Path | str, record: msgspec.Struct) -> None:
    """Write a record atomically, after checking it against its own type; raises `BadInput` when it does not hold."""
    content = encode(record)
    decode(content, type(record), place=str(path))
    write_bytes(path, content)


def write_bytes(path: Path | str, content: bytes, *, lasting: bool = True) -> None:
    """Write a file so that it is either the old or the new one, also after a crash.

    Without `lasting` (a cache) it does not wait for the disk; after a power cut the file may then be damaged.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, staging = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=STAGING_SUFFIX)
    try:
        with named(path), os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        Path(staging).chmod(0o644)
        Path(staging).replace(path)
    except BaseException:
        Path(staging).unlink(missing_ok=True)
        raise


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Have an `OSError` name the file: that of a write to an open one does not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def remove_staging(paths: Paths) -> None:
    """Remove the files that `write_bytes` did not finish; call it while nothing is written."""
    for top in (paths.build, paths.data, paths.recipes):
        for folder, names, files in os.walk(top):
            if Path(folder) == paths.build:  # caches of clients are large and not written here
                names[:] = [name for name in names if name not in {paths.client_cache.parent.name, paths.sandbox.name}]
            for name in files:
                if name.startswith(".") and name.endswith(STAGING_SUFFIX):
                    Path(folder, name).unlink(missing_ok=True)


def drop_damaged_database(path: Path) -> None:
    """Remove an SQLite database that cannot be read (a crash, a full disk): those of this project are only caches."""
    if not path.exists():
        return
    try:
        connection = sqlite3.connect(path)
        try:
            sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        finally:
            connection.close()
    except sqlite3.OperationalError:  # locked by another process: then it is a database; or it cannot be opened at all
        return
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML mapping; duplicate keys are refused. Raises `BadInput` with line and column."""
    return parse_yaml_mapping(read_bytes(path, purpose="configuration"), place=str(path))


def parse_yaml_mapping(content: bytes, *, place: str) -> dict[str, Any]:
    """Return the mapping that some YAML holds; raises `BadInput`."""
    value = parse_yaml(content, place=place)
    if not isinstance(value, dict):
        raise BadInput(place, Defect(pointer="", rule="must be a mapping of keys", remedy="write `key: value`"))
    return value


def parse_yaml(content: bytes, *, place: str) -> Any:  # noqa: ANN401  # any YAML value
    """Return what some YAML holds; raises `BadInput` with line and column when it holds none."""
    try:
        refuse_expansion(content, aliases=False)
        return yaml.load(content, _UniqueKeyLoader)  # noqa: S506  # a SafeLoader with one more rule
    except TooMuch as refused:
        raise BadInput(place, Defect(pointer="", rule=str(refused), remedy="write the value out there")) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        rule = f"{error.problem or 'is not YAML'}{f' ({where})' if where else ''}"
        raise BadInput(place, Defect(pointer="", rule=rule, remedy="correct the YAML there")) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        rule = f"is not YAML: {str(error).splitlines()[0]}"
        raise BadInput(place, Defect(pointer="", rule=rule, remedy="correct the file")) from None


class _UniqueKeyLoader(yaml.CSafeLoader):
    """Refuses a mapping that has a key twice, of which one would be lost silently; and `.nan`.

    A schema's bounds all hold of `.nan`, as no comparison with it is true.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands here a second time", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        value: float = self.construct_yaml_float(node)
        if math.isnan(value):
            raise yaml.constructor.ConstructorError(None, None, f"{shorten(node.value)} is no number", node.start_mark)
        return value


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:float", _UniqueKeyLoader.construct_number)


def _json_defect(content: bytes, kind: type[msgspec.Struct], message: str) -> Defect:
    """Return why some JSON is not the record, in the words of its schema; msgspec's own are the last resort."""
    try:
        value = json.loads(content, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        return _not_json(error)
    defect = first_defect(json_schema(kind), value)
    return defect or Defect(pointer="", rule=message, remedy="correct the value")


def unique_json(content: bytes, *, place: str) -> Any:  # noqa: ANN401  # any JSON value
    """Return what some JSON holds; raises `BadInput` when a key stands in one object twice, which records allow."""
    try:
        return json.loads(content, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise BadInput(place, _not_json(error)) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(f"the key {shorten(key)!r} stands in one object twice")
        found[key] = value
    return found


class _TwiceError(ValueError):
    """A key stands in one object twice: of two values, one would be lost silently."""


def _not_json(error: ValueError | RecursionError) -> Defect:
    if isinstance(error, _TwiceError):
        return Defect(pointer="", rule=str(error), remedy="remove one of them")
    return Defect(pointer="", rule=f"is not JSON: {error}", remedy="correct the file")
