"""A fetcher that notes all that it is asked for, and what came."""

from datetime import datetime

from pipeline.ecosystems.base import Answer, Fetcher, range_header
from pipeline.instants import instant, timestamp
from pipeline.model import Failed, Held, Input
from pipeline.provenance.addresses import public, public_registry
from pipeline.provenance.answers import Answers

Request = tuple[str, str, str]


class Recorder:
    """Notes the making of one recipe. What is asked for twice is answered as the first time: one making, one world."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._seen: dict[Request, Answer | Failed] = {}
        self.registry = ""
        self.started_at: str | None = None
        self.inputs: list[Input] = []

    def begin(self, registry: str, now: datetime) -> datetime:
        """Note where is asked, and since when; return that moment as it can be read again: in whole seconds.

        A making that is begun again is another one: nothing of the first is kept.
        """
        self._seen.clear()
        self.inputs.clear()
        self.registry = public_registry(registry)
        self.started_at = timestamp(now)
        return instant(self.started_at)

    def around(self, fetcher: Fetcher) -> Fetcher:
        """Return a fetcher that asks another one and notes what comes."""
        return _Noting(self, fetcher)

    def known(self, request: Request) -> Answer | Failed | None:
        """Return what was answered before, None when it was not asked for."""
        return self._seen.get(request)

    def note(self, request: Request, answer: Answer | Failed) -> None:
        """Note an answer and keep its bytes, or why there is none."""
        self._seen[request] = answer
        url, accept, range_ = request
        match answer:
            case Failed():
                self.inputs.append(Input(url=public(url), accept=accept, range=range_, failed=answer))
            case Answer(content=content):
                noted = Input(
                    url=public(url),
                    accept=accept,
                    range=range_,
                    status=answer.status,
                    sha256=self._answers.keep(content),
                    size=len(content),
                    total_size=answer.total_size,
                    stale=answer.stale,
                )
                self.inputs.append(noted)


class _Noting:
    def __init__(self, recorder: Recorder, fetcher: Fetcher) -> None:
        self._recorder, self._fetcher = recorder, fetcher

    def get(
        self, url: str, *, accept: str = "", tail_bytes: int = 0, span: tuple[int, int] | None = None, pinned: str = ""
    ) -> Answer | Failed | Held:
        """Return the answer to a GET, as the fetcher gives it the first time."""
        request = (url, accept, range_header(tail_bytes, span))
        known = self._recorder.known(request)
        if known is not None:
            return known
        answer = self._fetcher.get(url, accept=accept, tail_bytes=tail_bytes, span=span, pinned=pinned)
        if not isinstance(answer, Held):  # control stopped it: nothing was asked
            self._recorder.note(request, answer)
        return answer
