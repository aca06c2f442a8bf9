"""What is known of a package before its recipe is made: the gates on what is generated compare with it."""

from typing import Annotated

from msgspec import Meta

from pipeline.model.base import Count, Record, Timestamp


class Release(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One file of a release as it was seen. `digest` is "algorithm:value", "" when the registry gives none.

    `since` is when it was first seen so, None where the line that holds it says when.
    """

    version: Annotated[str, Meta(min_length=1, max_length=100)]
    artifact: Annotated[str, Meta(max_length=500)]
    digest: Annotated[str, Meta(max_length=300)] = ""
    since: Timestamp | None = None


class Resemblance(Record, frozen=True, kw_only=True):
    """What a package is easily taken for: a source of the queue or the path of a recipe; `distance` counts edits."""

    known: str
    distance: Count


class Knowledge(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the gates on what is generated compare with; frozen with the batch.

    `releases` were seen by earlier batches, newest last. `held_since` is when a gate first held the package for its
    age. `curated` says that a person looked at the source.
    """

    releases: list[Release] = []
    held_since: Timestamp | None = None
    resembles: Resemblance | None = None
    curated: bool = False
