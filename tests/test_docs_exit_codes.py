"""docs/metrics.md lists each exit code that an error of the pipeline has."""

import re

from pipeline import errors
from pipeline.console import UNREAD
from pipeline.store import SHIPPED


def test_each_exit_code_is_explained_once():
    """A CI job tells by the code what happened, so no two errors may share one unseen, and none be missing."""
    page = (SHIPPED / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| .+ \|$", page.partition("## Exit codes")[2], re.MULTILINE)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    codes = [kind.exit_code for kind in kinds if "exit_code" in vars(kind)]  # the others have their parent's
    assert len(set(codes)) == len(codes)
    assert [int(row) for row in rows] == sorted({0, 1, 2, *codes, UNREAD})
