"""`doit replay`: a batch made again from what is recorded of it, and compared byte for byte."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.errors import Alarm, PipelineError
from pipeline.provenance.replay import Ending, Replayed, replay
from pipeline.terminal import Fact, Facts, Mood, title
from pipeline.text import counted

WORDS = {Ending.SAME: "same", Ending.DIFFERENT: "different", Ending.NOT_REPLAYED: "cannot be replayed"}
MOODS = {Ending.SAME: Mood.GOOD, Ending.DIFFERENT: Mood.BAD, Ending.NOT_REPLAYED: Mood.WARN}


class Replay(StateCommand):
    """Replay a batch. It asks nobody, takes no lock and writes nothing."""

    name = "replay"
    doc_purpose = "make the recipes of a batch again from their recorded answers, and compare"
    doc_usage = "BATCH"
    doc_description = (
        "Ends with exit code 8 when a recipe comes out different, with 3 when one cannot be replayed here: its "
        "answers are not kept any more, or another revision of the generator made it."
    )

    def perform(self, root: Root, options: Mapping[str, Any], arguments: Sequence[str]) -> int:
        """Replay the one batch that is named."""
        del options
        if len(arguments) != 1:
            rule = f"replays one batch, not {len(arguments)}"
            raise wrong_call(self.name, rule, "name it: `doit replay ID`; `data/batches.jsonl` lists them")
        batch_id = arguments[0]
        replayed = replay(root.paths, batch_id)
        counts = Counter(each.ending for each in replayed)
        ended = {ending.value: counts[ending] for ending in Ending}
        document: dict[str, Any] = {"batch_id": batch_id, **ended, "recipes": replayed}
        self.tell(document, render(batch_id, replayed))
        if counts[Ending.DIFFERENT]:
            raise Alarm(
                f"{counted(counts[Ending.DIFFERENT], 'recipe')} of {batch_id} came out different",
                remedy="see what has changed in the code since, or whether somebody changed the recipe by hand",
            )
        if counts[Ending.NOT_REPLAYED]:
            raise PipelineError(
                f"{counted(counts[Ending.NOT_REPLAYED], 'recipe')} of {batch_id} cannot be replayed here",
                remedy="replay where `build/answers` holds its answers, with the revision that made it",
            )
        return 0


def render(batch_id: str, replayed: Sequence[Replayed]) -> RenderableType:
    """Return what a replay came to, for people: a fact for each recipe, with its difference below."""
    worst = next((mood for mood in (Mood.BAD, Mood.WARN) if any(MOODS[each.ending] is mood for each in replayed)), None)
    head = title(f"{batch_id}:", f"{counted(len(replayed), 'recipe')} made again", worst or Mood.GOOD)
    return Group(head, Facts(facts=list(map(_fact, replayed))))


def _fact(each: Replayed) -> Fact:
    source = f" ({each.source})" if each.source else ""
    reason = f": {each.reason}" if each.reason else ""
    value = f"{each.path}{source}{reason}"
    return Fact(name=WORDS[each.ending], value=value, mood=MOODS[each.ending], below=each.difference)
