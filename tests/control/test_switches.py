"""The operator's switches: each command undoes its counterpart, and the reason stays as long as it is needed."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.control.switches import Note, disabled, enabled, resumed, stopped
from pipeline.model import Budget, Control
from tests.builders import NOW

NAMES = st.sampled_from(["npm", "pypi", "go"])
NOTES = st.builds(Note, at=st.just(NOW), by=st.none() | st.just("jo"), reason=st.none() | st.sampled_from(["a", "b"]))
COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("stop"), NOTES),
        st.tuples(st.just("resume")),
        st.tuples(st.just("disable"), NAMES, NOTES),
        st.tuples(st.just("enable"), NAMES),
    ),
    max_size=12,
)
OTHERS = Control(budget=Budget(linux_minutes_used=7))


def typed(control, *commands):
    for command, *arguments in commands:
        match command:
            case "stop":
                control = stopped(control, *arguments)
            case "resume":
                control = resumed(control)
            case "disable":
                control = disabled(control, *arguments)
            case "enable":
                control = enabled(control, *arguments)
    return control


@given(commands=COMMANDS)
def test_the_switches_stand_as_they_were_set_last(commands):
    """Whatever was typed before, and the machine's keys are not touched."""
    control = typed(OTHERS, *commands)
    last = [command for command, *_ in commands if command in {"stop", "resume"}]
    assert control.enabled is (not last or last[-1] == "resume")
    for name in ("npm", "pypi", "go"):
        about = [command for command, *rest in commands if rest and rest[0] == name]
        assert control.disabled_ecosystems.count(name) == (bool(about) and about[-1] == "disable")
    assert control.budget == OTHERS.budget


@given(commands=COMMANDS)
def test_the_note_goes_with_the_last_switch(commands):
    """While anything is off it is known since when; when everything is on, the file looks as if nothing had been."""
    control = typed(OTHERS, *commands)
    if control.enabled and not control.disabled_ecosystems:
        assert control == OTHERS
    else:
        assert control.disabled_at == "2026-03-02T12:00:00Z"


@given(commands=COMMANDS, name=NAMES, note=NOTES)
def test_disabling_twice_is_disabling_once(commands, name, note):
    """So a nervous operator does no harm."""
    once = typed(OTHERS, *commands, ("disable", name, note))
    assert disabled(once, name, note) == once


def test_without_a_reason_of_its_own_a_switch_keeps_the_reason_that_is_there():
    """An incident that takes a second ecosystem down has one cause."""
    first = disabled(Control(), "npm", Note(at=NOW, by="jo", reason="old data", incident="https://i.example"))
    both = disabled(first, "pypi", Note(at=NOW, by="al", reason=None))
    assert (both.reason, both.incident_url, both.disabled_by) == ("old data", "https://i.example", "jo")
    assert enabled(both, "npm").reason == "old data"
