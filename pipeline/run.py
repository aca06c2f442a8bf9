"""The composition root: what one process of the pipeline shares, built once and handed to the adapters."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from pipeline.clients import Clients
from pipeline.clock import Clock, SystemClock
from pipeline.control import Stop, stop_for
from pipeline.digests import digest_of
from pipeline.ecosystems import ECOSYSTEMS
from pipeline.ecosystems.base import Fetcher, Made
from pipeline.errors import PipelineError
from pipeline.model import (
    ConstraintsRecord,
    Control,
    Failed,
    Category,
    Generated,
    Held,
    OutcomeRecord,
    Payload,
    StaticRecord,
    Subcategory,
    Tier,
    Verdict,
    VerdictStatus,
    WorkOrder,
)
from pipeline.plan import Plan
from pipeline.platforms import BY_ID, Platform
from pipeline.progress import EcosystemProgress, Progress
from pipeline.sandbox.base import Installer, Job, Sandbox
from pipeline.sandbox.installers import INSTALLERS
from pipeline.selection import timestamp
from pipeline.source import ecosystem_of, file_stem
from pipeline.store import read_result
