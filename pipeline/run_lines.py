"""The lines that tell of a run while it is under way: a word, a source, and what came of it. Pure."""

from typing import Any

from rich.text import Text

from pipeline.terminal import Mood

# What the first word of a line means to whoever reads it.
MOODS = {
    "recipe": Mood.GOOD,
    "validated": Mood.GOOD,
    "validated_emulated": Mood.GOOD,
    "changed": Mood.GOOD,
    "unchanged": Mood.IDLE,
    "skipped": Mood.WARN,
    "held": Mood.WARN,
    "predict": Mood.WARN,
    "infra_error": Mood.WARN,
    "ignored": Mood.WARN,
    "failed": Mood.BAD,
    "error": Mood.BAD,
    "not": Mood.BAD,
    "no": Mood.WARN,
}


def told(said: str, **options: Any) -> Text:  # noqa: ANN401  # those of `Text`
    """Return a line of a run; its first word is coloured by what it means."""
    made = Text(said, **options)
    verb = said.partition(" ")[0]
    if verb in MOODS:
        made.stylize(MOODS[verb].style, 0, len(verb))
    return made
