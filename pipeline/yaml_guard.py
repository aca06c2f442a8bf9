"""What is refused of YAML before it is read: it would exhaust this process.

libyaml crashes on deep nesting, and aliases of aliases grow without end where they are written out.
"""

import yaml

# The configuration has four levels, a gem's description seven.
DEEPEST_YAML = 32


class TooMuch(Exception):  # no error: it ends the reading, and the caller says it in its own words
    """YAML that is not read on; `line` counts from 1."""

    def __init__(self, rule: str, line: int) -> None:
        super().__init__(f"{rule} (line {line})")


def refuse_expansion(content: bytes | str, *, aliases: bool) -> None:
    """Raise `TooMuch` for what is nested too deeply, or holds aliases that are not to be read; or `yaml.YAMLError`."""
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        rule = "aliases are not read" if isinstance(event, yaml.AliasEvent) and not aliases else ""
        if depth > DEEPEST_YAML:
            rule = f"is nested deeper than {DEEPEST_YAML} levels"
        if rule:
            raise TooMuch(rule, event.start_mark.line + 1 if event.start_mark else 0)
