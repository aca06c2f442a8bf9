"""Rules of pipeline.yaml that bind several keys, so that no schema can say them. Pure."""

from collections.abc import Collection, Iterator

from pipeline.checks import nearest, pointer, shorten
from pipeline.config import Config, GatesConfig, GeneratorKind, Runner
from pipeline.errors import Defect
from pipeline.model import AdmissionGate
from pipeline.placeholders import generator_defect, validator_defect
from pipeline.source import ecosystem_of

# Their clients say where they ask, and what they show there.
OWN_SETTINGS = frozenset({"npm", "pypi", "cargo", "go"})
# What no person's word makes better: a withdrawn release, or bytes that may change again.
_WITHOUT_APPROVAL = frozenset({AdmissionGate.YANKED, AdmissionGate.DEPRECATED, AdmissionGate.CHANGED_BYTES})
_HOURS_OF_A_DAY = 24


def broken_rule(config: Config) -> Defect | None:
    """Return the first rule that settings break together, None when they agree."""
    return next(_broken(config), None)


def unknown_ecosystem(name: str, known: Collection[str], place: str) -> Defect:
    """Return what is wrong with the name of an ecosystem that does not exist."""
    close = nearest(name, known)
    remedy = f"did you mean {close!r}?" if close else f"use one of {', '.join(sorted(known))}"
    return Defect(pointer=place, rule=f"unknown ecosystem {shorten(name)!r}", remedy=remedy)


def _broken(config: Config) -> Iterator[Defect]:
    yield from _generators(config)
    yield from _validators(config)
    yield from _services(config)
    yield from _approvals(config.gates, config.ecosystems)
    age = config.gates.release_age
    if age.min_hours > age.deadline_days * _HOURS_OF_A_DAY:
        rule = f"no release gets {age.min_hours:g} h old before the deadline of {age.deadline_days:g} days"
        remedy = "lower it, or raise `gates.release_age.deadline_days`"
        yield Defect(pointer="/gates/release_age/min_hours", rule=rule, remedy=remedy)
    first, second = config.seeding.bands
    if first > second:
        rule = f"the last rank of priority 1 ({first}) comes after that of priority 2 ({second})"
        yield Defect(pointer="/seeding/bands", rule=rule, remedy="give the lower rank first")


def _generators(config: Config) -> Iterator[Defect]:
    """Refuse a command where none is run, none where one is, and one that cannot be filled in."""
    for name, ecosystem in config.ecosystems.items():
        place = f"/ecosystems/{name}/command"
        runs = ecosystem.generator is GeneratorKind.COMMAND
        if runs and not ecosystem.command:
            rule = "the generator `command` needs a command"
            yield Defect(pointer=place, rule=rule, remedy="set it: [program, argument, ...]")
        if ecosystem.command and not runs:
            rule = f"the generator `{ecosystem.generator}` runs no command"
            yield Defect(pointer=place, rule=rule, remedy="remove it, or set the generator to `command`")
        defect = generator_defect(ecosystem.command, place) if runs else None
        if defect is not None:
            yield defect


def _validators(config: Config) -> Iterator[Defect]:
    for name, platform in config.platforms.items():
        place = f"/platforms/{name}/command"
        if platform.command and platform.runner is not Runner.EXTERNAL:
            rule = f"the runner `{platform.runner}` runs no command"
            yield Defect(pointer=place, rule=rule, remedy="remove it, or set the runner to `external`")
        defect = validator_defect(platform.command, place) if platform.command else None
        if defect is not None:
            yield defect


def _services(config: Config) -> Iterator[Defect]:
    """Refuse addresses that nobody would read: whoever sets one believes that it is asked."""
    for name in sorted(OWN_SETTINGS & config.ecosystems.keys()):
        ecosystem = config.ecosystems[name]
        for key, given in (("registry", ecosystem.registry), ("anonymous", ecosystem.anonymous)):
            if given:
                rule = f"the client of {name} says where its registry is, so nothing reads this key"
                remedy = f"remove it, and set the client up (docs/configuration.md, where {name} is asked)"
                yield Defect(pointer=f"/ecosystems/{name}/{key}", rule=rule, remedy=remedy)


def _approvals(gates: GatesConfig, ecosystems: Collection[str]) -> Iterator[Defect]:
    for source, answered in gates.approved.items():
        place = pointer(["gates", "approved", source])
        if ecosystem_of(source) not in ecosystems:
            yield unknown_ecosystem(ecosystem_of(source), ecosystems, place)
        for index, gate in enumerate(answered):
            if gate in _WITHOUT_APPROVAL:
                rule = f"the gate `{gate}` takes no approval"
                remedy = "remove it; `doit why` with the source says what opens the gate"
                yield Defect(pointer=f"{place}/{index}", rule=rule, remedy=remedy)
