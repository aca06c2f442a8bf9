"""`doit replay`: a batch made again from what is recorded of it, and compared byte for byte."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.commands.base import Root, StateCommand, wrong_call
from pipeline.errors import Alarm, PipelineError
from pipeline.provenance.replay import Ending, Replayed, replay
from pipeline.text import counted

WORDS = {Ending.SAME: "same", Ending.DIFFERENT: "different", Ending.NOT_REPLAYED: "cannot be replayed"}


class Replay(StateCommand):
    """Replay a batch. It asks nobody, takes no lock and writes nothing."""

    name = "replay"
    doc_purpose = "make the recipes of a batch again from their recorded answers, and compare"
    doc_usage = "BATCH [--json]"
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
        self.tell(document, words(batch_id, replayed))
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


def words(batch_id: str, replayed: Sequence[Replayed]) -> str:
    """Return what a replay came to, for people: a line for each recipe, with its difference below."""
    lines = [f"{batch_id}: {counted(len(replayed), 'recipe')} made again"]
    width = max(len(WORDS[each.ending]) for each in replayed)
    for each in replayed:
        source = f" ({each.source})" if each.source else ""
        reason = f": {each.reason}" if each.reason else ""
        lines.append(f"  {WORDS[each.ending]:<{width}}  {each.path}{source}{reason}")
        lines += [f"      {line}" for line in each.difference]
    return "\n".join(lines)
