"""The first files of a recipe registry: what `doit init` writes. Pure."""

import msgspec

from pipeline.config import PublishMode
from pipeline.model import Queue

SETTINGS = """\
# What differs from recipeline's own settings, which hold for all else; its docs/configuration.md explains each key.
schema_version: 1

publish:
  mode: {mode}
"""
# Everything below it can be made again.
IGNORED = "build/"

# Written by `doit init --github`; docs/ci.md shows the same with OWNER/recipeline and COMMIT, which a test compares.
WORKFLOW = """\
# A batch each hour, by recipeline's own workflow. What its jobs do and may do: docs/ci.md there.
name: batch
on:
  schedule:
    - cron: "23 * * * *"
  workflow_dispatch:
    inputs:
      ecosystem:
        description: only this ecosystem
        type: string
      batch_size:
        description: how many packages
        type: string
      tier:
        description: run recipes and publish, or only predict
        type: choice
        options: [run, predict]
permissions: {{}}
jobs:
  batch:
    # To take a newer recipeline: its commit, here and below.
    uses: {repository}/.github/workflows/batch.yml@{commit}
    with:
      recipeline_repository: {repository}
      recipeline_commit: {commit}
      ecosystem: ${{{{ inputs.ecosystem }}}}
      batch_size: ${{{{ inputs.batch_size }}}}
      tier: ${{{{ inputs.tier }}}}
    # The most that any of its jobs may have; most have less.
    permissions:
      contents: write
      pull-requests: write
"""


def settings(mode: PublishMode) -> bytes:
    """Return a `pipeline.yaml` that says where batches go, and nothing else."""
    return SETTINGS.format(mode=mode.value).encode()


def workflow(repository: str, commit: str) -> bytes:
    """Return a workflow that calls recipeline's, which is at `repository` (owner/name), as it is at a commit."""
    return WORKFLOW.format(repository=repository, commit=commit).encode()


def empty_queue(at: str) -> bytes:
    """Return a queue without entries."""
    queue = Queue(schema_version=1, updated_at=at, entries=[])
    return msgspec.json.format(msgspec.json.encode(queue), indent=2) + b"\n"


def ignoring(known: bytes) -> bytes:
    """Return a `.gitignore` that leaves out what can be made again; what stands there stays."""
    lines = known.decode(errors="surrogateescape").splitlines()
    if any(line.strip().strip("/") == IGNORED.strip("/") for line in lines):
        return known
    end = b"" if not known or known.endswith(b"\n") else b"\n"
    return known + end + IGNORED.encode() + b"\n"
