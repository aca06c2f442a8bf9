"""What a source says by itself: the tool's name, its repository; and what a recipe that is there says of its source."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.seeding.naming import home_of, is_tool_name, repository_key, tool_name
from pipeline.seeding.published import Published, published


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("npm:prettier", "prettier"),
        ("npm:@biomejs/biome", "biome"),
        ("npm:@angular/cli", "angular-cli"),
        ("npm:markdownlint-cli", "markdownlint-cli"),
        ("npm:~tilde", "tilde"),
        ("go:github.com/junegunn/fzf", "fzf"),
        ("go:github.com/mikefarah/yq/v4", "yq"),
        ("go:mvdan.cc/sh/v3/cmd/shfmt", "shfmt"),
        ("go:go.uber.org/mock/mockgen", "mockgen"),
        ("go:github.com/owner/thing/cmd", "thing"),
        ("go:github.com/cli/cli/v2", "cli"),
        ("go:gopkg.in/tool.v3", "tool"),
        ("github:railwayapp/cli", "railwayapp-cli"),
        ("github:sharkdp/bat", "bat"),
        ("homebrew:python@3.12", "python@3.12"),
        ("cpan:App-cpanminus", "App-cpanminus"),
        ("pypi:pdfminer.six", "pdfminer.six"),
    ],
)
def test_a_tool_is_called_as_its_identifier_ends(source, name):
    """Without what says nothing of it; endings stay."""
    assert tool_name(source) == name


@settings(max_examples=200)
@given(st.sampled_from(["npm", "go", "github", "cargo"]), st.text(alphabet="ab1@._-/+~ \n\u00e4", max_size=30))
def test_a_name_is_sound_or_says_that_it_is_none(ecosystem, identifier):
    """Whatever a registry writes."""
    name = tool_name(f"{ecosystem}:{identifier}")
    assert is_tool_name(name) or not is_tool_name(identifier.rpartition("/")[2]) or "/" in identifier


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/SharkDP/bat",
        "https://github.com/sharkdp/bat/",
        "git+https://github.com/sharkdp/bat.git",
        "git://github.com/sharkdp/bat.git",
        "git@github.com:sharkdp/bat.git",
        "github:sharkdp/bat",
        "http://github.com/sharkdp/bat#readme",
        "https://github.com/sharkdp/bat/tree/main/crates/x?tab=readme",
    ],
)
def test_all_ways_to_write_a_repository_are_one(address):
    """Capitals, schemes, endings and places in it do not matter on a forge."""
    assert repository_key(address) == "github.com/sharkdp/bat"


@pytest.mark.parametrize(
    "address", ["", "https://github.com/sharkdp", "https://tool.example", "ftp://x.example/y", "\n"]
)
def test_what_is_no_repository_is_none(address):
    """An owner or a home page is that of many tools."""
    assert repository_key(address) == ""


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("github:o/r", "https://github.com/o/r"),
        ("go:github.com/o/r/v2/cmd/x", "https://github.com/o/r"),
        ("go:mvdan.cc/sh/v3", ""),
        ("npm:o/r", ""),
    ],
)
def test_some_identifiers_name_a_repository(source, address):
    """GitHub's do, and those of Go that lie there."""
    assert home_of(source) == address


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '[metadata]\nhomepage = "https://b.example"\n\n[[steps]]\naction = "cargo_install"\ncrate = "bat"\n',
            Published(name="bat", source="cargo:bat", homepage="https://b.example"),
        ),
        ('[[steps]]\naction = "github_archive"\nrepo = "o/bat"\n', Published(name="bat", source="github:o/bat")),
        ('[[steps]]\naction = "run_command"\ncommand = "make"\n', Published(name="bat")),
        ('[[steps]]\naction = "cargo_install"\ncrate = 3\n', Published(name="bat", source="cargo:3")),
        ('steps = "none"\nmetadata = 1\n', Published(name="bat")),
        ("[[steps]\n", Published(name="bat")),
    ],
)
def test_a_recipe_says_what_it_installs(content, expected):
    """People edit recipes; of one that cannot be read only its name is known."""
    assert published("bat", content) == expected
