"""The composition root: everything that one process of the pipeline shares, built once and handed to the adapters."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.clients import Clients
from pipeline.control import stop_for
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.errors import PipelineError
from pipeline.http import HttpFetcher
from pipeline.limiter import Limiter
from pipeline.model import (
    Control,
    Generated,
    Held,
    Payload,
    StaticRecord,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
    WorkOrder,
)
from pipeline.plan import Plan
from pipeline.platforms import BY_ID
from pipeline.progress import EcosystemProgress, Progress
from pipeline.sandbox.base import Installer, Job, Sandbox
from pipeline.sandbox.bwrap import BwrapSandbox
from pipeline.sandbox.installers import INSTALLERS
from pipeline.selection import timestamp
from pipeline.settings import load_control
from pipeline.source import ecosystem_of, file_stem
from pipeline.store import digest_of, write_bytes


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Where the time comes from."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


SYSTEM_CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
