"""Small packages that real clients can install: npm tarballs, wheels, crates, Go modules, the same bytes each time."""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping

import msgspec

# Nothing here depends on the clock: 2024-01-01, as the archive formats write it.
_EPOCH = 1_704_067_200
_ZIP_DATE = (2024, 1, 1, 0, 0, 0)


def npm_tarball(package_json: Mapping[str, object], files: Mapping[str, str] | None = None) -> bytes:
    """Return a `.tgz` with `package/package.json` and the given files below `package/`."""
    buffer = io.BytesIO()
    members = {"package.json": msgspec.json.encode(package_json).decode(), **(files or {})}
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text.encode())
            info.mode = 0o755
            info.mtime = _EPOCH
            archive.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


def crate(name: str, version: str, files: Mapping[str, str | bytes]) -> bytes:
    """Return a `.crate` with the given files below `NAME-VERSION/`; `Cargo.toml` is one of them, or should be."""
    return tar_gz({f"{name}-{version}/{path}": content for path, content in files.items()})


def gem(metadata: str, files: Mapping[str, str | bytes] | None = None, *, data_first: bool = False) -> bytes:
    """Return a `.gem` with this YAML and these files; `data_first` is the order of gems made before 2013."""
    members = {"metadata.gz": _gzipped(metadata.encode()), "data.tar.gz": tar_gz(files or {})}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    listed = "".join(f"  {name}: {digest}\n" for name, digest in digests.items())
    if data_first:
        return tar({name: members[name] for name in ("data.tar.gz", "metadata.gz")})
    return tar({**members, "checksums.yaml.gz": _gzipped(f"---\nSHA256:\n{listed}".encode())})


def _gzipped(content: bytes) -> bytes:
    """Return content as gzip, not compressed: the same bytes with each zlib."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=0, fileobj=buffer, mtime=0) as packed:
        packed.write(content)
    return buffer.getvalue()


def tar_gz(files: Mapping[str, str | bytes], mode: int = 0o644) -> bytes:
    """Return a `.tar.gz` with these files, not compressed: the same bytes with each zlib."""
    return _gzipped(tar(files, mode))


def tar(files: Mapping[str, str | bytes], mode: int = 0o644) -> bytes:
    """Return a tar archive with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(path)
            info.size = len(raw)
            info.mode = mode
            info.mtime = _EPOCH
            archive.addfile(info, io.BytesIO(raw))
    return buffer.getvalue()


def integrity(content: bytes) -> str:
    """Return `dist.integrity` as npm writes it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def wheel(
    name: str,
    version: str,
    *,
    console_scripts: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    modules: Mapping[str, str] | None = None,
    metadata: str = "",
) -> tuple[str, bytes]:
    """Return the file name and the bytes of a pure wheel.

    `console_scripts` maps a command to `module:function`, `scripts` a file in `*.data/scripts` to its text,
    `modules` a path to its text; `metadata` is added to METADATA, line by line.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    members = dict(modules or {})
    members |= {f"{stem}.data/scripts/{script}": text for script, text in (scripts or {}).items()}
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
    members[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: fake\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if console_scripts:
        lines = "".join(f"{command} = {target}\n" for command, target in console_scripts.items())
        members[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    record = "".join(f"{path},{_record_hash(text)},{len(text.encode())}\n" for path, text in members.items())
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in members.items():
            archive.writestr(zipfile.ZipInfo(path, _ZIP_DATE), text)
    return f"{stem}-py3-none-any.whl", buffer.getvalue()


def go_zip(module: str, version: str, files: Mapping[str, str]) -> bytes:
    """Return a module's zip as the proxy protocol wants it: all files below `<module>@<version>/`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{module}@{version}/{path}", _ZIP_DATE), text)
    return buffer.getvalue()


def _record_hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return "sha256=" + digest.rstrip(b"=").decode()
