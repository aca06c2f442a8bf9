"""The pull request that a change asks for, kept with the state until it is merged or closed."""

import re

from pipeline.config import PublishMode
from pipeline.digests import sha256
from pipeline.forge.base import PullRequest
from pipeline.model import Payload, PullRequestOrder
from pipeline.publishing.books import Books
from pipeline.store import encode, read, write

# The last line of a text that the pipeline gave: what it was made from. No page shows it.
_MARK = re.compile(r"<!-- recipeline:([0-9a-f]{16}) -->")


def keep_order(books: Books, payload: Payload, *, branch: str, body: str, message: str) -> None:
    """Write the order of a change, where there are pull requests; the commit's message becomes that of the squash."""
    if books.config.publish.mode is not PublishMode.GITHUB:
        return
    subject, _, rest = message.partition("\n")
    named = payload.batch_id in subject
    order = PullRequestOrder(
        batch_id=payload.batch_id,
        branch=branch,
        title=payload.title,
        body=_marked(payload.title, body),
        labels=payload.labels,
        auto_merge=payload.auto_merge.allowed,
        squash_title=subject if named else f"{subject} [{payload.batch_id}]",
        squash_body=rest.strip(),
    )
    place = books.paths.pull_request(payload.batch_id)
    if not (place.is_file() and place.read_bytes() == encode(order)):
        write(place, order)


def drop_order(books: Books, batch_id: str) -> None:
    """Remove the order of a batch that nobody is to merge any more."""
    books.paths.pull_request(batch_id).unlink(missing_ok=True)


def read_orders(books: Books) -> list[PullRequestOrder]:
    """Return all orders, by their batches' ids; raises `PipelineError` for one that cannot be read."""
    places = sorted(books.paths.pull_requests_folder.glob("*.json"))
    return [read(place, PullRequestOrder, purpose="order of a pull request") for place in places]


def is_given(pull: PullRequest, order: PullRequestOrder) -> bool:
    """Return whether a pull request was given the text of its order; what people have changed in it since is theirs."""
    mark = _mark(pull.body)
    return mark is not None and mark == _mark(order.body)


def is_older(pull: PullRequest, order: PullRequestOrder) -> bool:
    """Return whether a pull request bears the mark of another text; without any, a person has rewritten it."""
    return _mark(pull.body) not in {None, _mark(order.body)}


def _marked(title: str, body: str) -> str:
    digest = sha256(f"{title}\n{body}".encode())[:16]
    return f"{body.rstrip()}\n\n<!-- recipeline:{digest} -->\n"


def _mark(body: str) -> str | None:
    found: list[str] = _MARK.findall(body)
    return found[-1] if found else None
