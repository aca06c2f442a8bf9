"""doit's database, read in one go: asked task by task, an idle run of 14,000 tasks spends a fifth of its time there."""

from typing import Any

import msgspec
from doit.dependency import SqliteDB

from pipeline.decoding import decode_json


class WholeSqliteDB(SqliteDB):  # type: ignore[misc]  # doit has no types
    """doit's own SQLite backend, with every task's state loaded at the start; writing is doit's."""

    desc = "SQLite, read in one go"

    def __init__(self, name: str, codec: object, *, module_name: str | None = None) -> None:
        super().__init__(name, codec, module_name=module_name)
        self._conn.row_factory, named = None, self._conn.row_factory
        # The cast keeps doit's converter for JSON columns from decoding each row by itself.
        rows = self._conn.execute("select task_id, cast(task_data as blob) from doit")
        self._cache: dict[str, dict[str, Any]] = {task: _decoded(data) for task, data in rows}
        self._conn.row_factory = named

    def _get_task_data(self, task_id: str) -> dict[str, Any]:
        """Answer for a task that the database does not know: all others are in the cache."""
        del task_id
        return {}


def _decoded(data: bytes) -> dict[str, Any]:
    """Return a task's state; one that does not decode counts as none, and its task looks at its record."""
    try:
        return decode_json(data, dict[str, Any])
    except msgspec.DecodeError:
        return {}
