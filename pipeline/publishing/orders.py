"""The pull request that a change asks for, kept with the state until it is merged or closed."""

from pipeline.config import PublishMode
from pipeline.forge.base import PullRequest
from pipeline.model import Payload, PullRequestOrder
from pipeline.publishing.books import Books
from pipeline.store import encode, read, write


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
        body=body,
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


def same_text(pull: PullRequest, order: PullRequestOrder) -> bool:
    """Return whether a pull request says what its order says; a forge may end lines in its own way."""
    body = pull.body.replace("\r\n", "\n").strip()
    return (pull.title, body) == (order.title, order.body.replace("\r\n", "\n").strip())
