"""A folder as it once was, given to many tests: a run of the pipeline is made once and not before each of them."""

import shutil
import subprocess
from pathlib import Path


class Kept:
    """States of one folder. It always lies at the same path, so that what holds paths or times of change stays true."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, state: str = "whole") -> None:
        """Copy what the folder holds now, under a name."""
        _copy(self.folder, self._place(state))

    def restore(self, state: str = "whole") -> None:
        """Bring the folder back to what it held then, whatever a test has done to it."""
        shutil.rmtree(self.folder)
        _copy(self._place(state), self.folder)

    def _place(self, state: str) -> Path:
        return self.folder.with_name(f"{self.folder.name}.{state}")


def _copy(source: Path, target: Path) -> None:
    """Copy with owners too, which shutil does not: the caches of the sandbox belong to its user."""
    subprocess.run(["cp", "-a", "--", source, target], check=True)
