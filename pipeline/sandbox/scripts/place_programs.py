"""Take programs out of a downloaded file: `place_programs.py FILE FORMAT STRIP FOLDER PATH…`, without a network.

FORMAT is `binary` for a file that is the program itself, else that of the archive. STRIP folders come off the members'
paths. Only the members that are asked for are written, each as FOLDER/<its name>: no path of the archive is used, so
none can leave the folder. Links are no programs; what is not there is left to the caller to miss.
"""

import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, Literal

_MODES: Final[dict[str, Literal["r:gz", "r:xz", "r:bz2"]]] = {
    "tar.gz": "r:gz",
    "tar.xz": "r:xz",
    "tar.bz2": "r:bz2",
}


def main(source: str, form: str, strip: int, folder: str, paths: list[str]) -> str:
    """Write the programs and return "", or what is wrong with the file."""
    target = Path(folder)
    target.mkdir(exist_ok=True)
    try:
        for path, content in _members(source, form, strip, paths):
            with content, (target / path.rpartition("/")[2]).open("wb") as file:
                shutil.copyfileobj(content, file)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        return f"not a sound {form} file: {' '.join(str(error).split())}"
    for program in target.iterdir():
        program.chmod(0o755)
    return ""


def _members(source: str, form: str, strip: int, paths: list[str]) -> Iterator[tuple[str, IO[bytes]]]:
    if form == "binary":
        yield paths[0], Path(source).open("rb")  # noqa: SIM115  # closed by the caller
    elif form == "zip":
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                path = _stripped(info.filename, strip)
                if path in paths and (info.external_attr >> 16) & 0o170000 != 0o120000:
                    yield path, archive.open(info)
    else:
        with tarfile.open(source, mode=_MODES[form]) as packed:
            for member in packed:
                path = _stripped(member.name, strip)
                content = packed.extractfile(member) if path in paths and member.isreg() else None
                if content is not None:
                    yield path, content


def _stripped(name: str, strip: int) -> str:
    return "/".join(name.removeprefix("./").split("/")[strip:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:]) or None)
