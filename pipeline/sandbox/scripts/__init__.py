"""Programs that run inside the sandbox, by the Python that is shown there: they know nothing but its own library."""

from pathlib import Path

FOLDER = Path(__file__).parent
