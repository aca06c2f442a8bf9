"""The pull request's text: a reviewer sees what upstream wrote, and upstream changes nothing of how it is shown."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.body import BODY_LIMIT, commit_message, render_body, size
from pipeline.config import PayloadConfig
from pipeline.markdown import clean, code, html_code, row, table_head, text
from pipeline.model import Artifact, Constraints, FieldEvidence, License, Origin, Subcategory, VerdictStatus, Verify
from pipeline.payload import build
from pipeline.taxonomy import TAXONOMY
from tests.builders_payload import HOST, batch, evidence, left_out, merged, recipe_bytes, statuses

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CONFIG = PayloadConfig(branch_prefix="batch/", labels=[])
NO_EXECUTABLES = TAXONOMY[Subcategory.NO_EXECUTABLES]
GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = [
    "a | b || c",
    "`code` ``` fence ```",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</details><details open><summary>x",
    "@everyone @octocat/team and me@example.org",
    "#1 and octo/repo#2 and GH-3",
    "[link](https://evil.example) ![image](https://evil.example/x.png) <https://evil.example>",
    "https://evil.example www.evil.example HTTP://EVIL.example",
    "line\nbreak\r\n| new | row |\n# heading\n- list",
    "\u202egnp.exe\u2066 \u200bzero\ufeff \x1b[31mred\x00 \u2028 \ud800",
    "**bold** _it_ ~~gone~~ $x$ \\ &amp; &lt;b&gt; <!-- x --> &#96;",
    "1. one",
    "\\",
    "\\|",
    "`|\\",
    "x" * 10_000,
    "@" * 10_000,
    "",
]
# What GitHub acts on in text that stands outside of code.
LIVE = [r"(?<![\w`])@[\w]", r"#\d", r"\bGH-\d", r"https?://", r"\bwww\."]


def outside_code(html):
    """Return the words of rendered HTML that are not code: where GitHub looks for mentions and references."""
    without_code = re.sub(r"<code>.*?</code>", " ", html, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", "", without_code)


def payload_of(*records):
    """Return the payload of a batch of these records."""
    recipes = {record.source: recipe_bytes(record.source) for record in records}
    return build(batch(*(record.source for record in records)), records, CONFIG, recipes, {})


def body_of(*records):
    """Return the body for a batch of these records."""
    return render_body(payload_of(*records), records, NOW)


def hostile_record(source, evil):
    """Return a merged result in which upstream wrote the same evil text wherever it can."""
    return merged(
        source,
        evidence=evidence(
            version=evil or "1",
            artifact=Artifact(name=evil, url=evil, digest=evil),
            license=License(spdx=None, declared=evil, origin=Origin.REGISTRY),
            fields=[FieldEvidence(field=evil, origin=Origin.GUESS, detail=evil)],
            risks=[evil],
        ),
        statuses=statuses(linux_alpine_musl_x86_64=VerdictStatus.FAILED),
        reasons={"linux-alpine-musl-x86_64": evil},
        verify=[Verify(command=evil[:300] or "x", pattern=evil, mode="output", reason=evil)],
        constraints=Constraints(unsupported_platforms=["linux/amd64/musl"], unsupported_reason=evil),
    )


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_in_its_cell(evil):
    """Rendered, a table has as many cells as it should, and no tag, link or mention of upstream's."""
    table = table_head(["a", "b", "c"]) + row([text(evil), code(evil), "end"])
    html = GITHUB.render(table)
    assert html.count("<td>") == 3
    assert "<td>end</td>" in html
    assert html.count("<tr>") == 2
    assert html.rstrip().endswith("</table>")
    assert not re.search(r"<(?!/?(table|thead|tbody|tr|th|td|code)\b)", html)
    assert not any(re.search(pattern, outside_code(html), re.IGNORECASE) for pattern in LIVE)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_stays_in_its_cell(evil):
    """The same for whatever upstream may think of."""
    html = GITHUB.render(table_head(["a", "b", "c"]) + row([f"x {text(evil)}", code(evil), "end"]))
    assert html.count("<td>") == 3
    assert "<td>end</td>" in html
    assert not re.search(r"<(?!/?(table|thead|tbody|tr|th|td|code)\b)", html)
    assert not any(re.search(pattern, outside_code(html), re.IGNORECASE) for pattern in LIVE)


@given(st.text(st.sampled_from("abc XYZ 0129 .,;:!?()/'\"-+=*_[]{}<>&|\\`~^%$"), max_size=80))
def test_ordinary_text_is_shown_as_it_was_written(words):
    """Escaping is not seen: what is rendered is what upstream wrote, spaces folded."""
    html = GITHUB.render(f"x{text(words)}")
    shown = re.sub("&(amp|lt|gt|quot);", lambda m: {"amp": "&", "lt": "<", "gt": ">", "quot": '"'}[m[1]], html)
    visible = shown.removeprefix("<p>").removesuffix("</p>\n").replace("\u200b", "")
    assert visible == f"x{clean(words, 300)}"


@given(st.text() | st.sampled_from(HOSTILE), st.integers(1, 50))
def test_clean_text_is_one_visible_line_within_its_limit(words, limit):
    """No control, bidirectional or invisible character is left, whatever the length."""
    cleaned = clean(words, limit)
    assert len(cleaned) <= limit
    assert cleaned.isprintable()
    assert not set(cleaned) & set("\u202a\u202e\u2066\u2069\u200b\u200f\ufeff")


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_package_does_not_change_the_page(evil):
    """The body has the same headings, rows and folded blocks as with a harmless package."""
    html = GITHUB.render(
        body_of(hostile_record("npm:evil", evil), merged("npm:good"), left_out("npm:out", f"x: {evil}"))
    )
    assert html.count("<details>") == html.count("</details>") == html.count("<summary>") == 2
    assert re.findall(r"<h2>(.*?)</h2>", html) == [
        "Details",
        "Left out (1)",
        "Platforms, over the whole batch",
        "Check and roll back",
    ]
    assert not re.search(r"<(script|img|a)\b", html)
    assert not any(re.search(pattern, outside_code(html), re.IGNORECASE) for pattern in LIVE)


def test_code_inside_html_is_words():
    """GitHub parses markdown between inline HTML tags, so neither HTML nor markdown may be left."""
    assert html_code('<b>&\u202e"_x_"</b>') == '<code>&#60;b&#62;&#38; "&#95;x&#95;"&#60;/b&#62;</code>'


def test_the_reviewer_reads_what_matters():
    """Version, licence, executables, age, platforms, risks, evidence, digest, check, limits and the way back."""
    record = merged(
        "npm:@scope/tool",
        evidence=evidence(has_install_scripts=True, risks=["asks for a token"]),
        statuses=statuses(
            linux_rhel_glibc_x86_64=VerdictStatus.FAILED,
            linux_arch_glibc_x86_64=VerdictStatus.UNKNOWN,
            darwin_arm64=VerdictStatus.PREDICTED_FAIL,
        ),
        over_excluded=[],
        reasons={"linux-rhel-glibc-x86_64": "exit code 3", "darwin-arm64": "no build for darwin"},
        constraints=Constraints(unsupported_platforms=["linux/amd64/glibc"]),
    )
    body = body_of(record, left_out("pypi:lib", "no_executables: it installs no command"))
    for words in (
        "**1 recipe, really installed and run** on at least one platform: 50% of the 2 packages tried",
        "| `tool` | `3.4.2` | `MIT` | `tool` | 2026-01-01 (60 days) |",
        "1 passed, 1 failed, 7 predicted to pass, 1 predicted to fail, 1 not known",
        "asks for a token",
        "<summary><code>npm:&#64;&#8203;scope/tool</code> <code>3.4.2</code></summary>",
        "- Verified by `tool --version`, which must print `{version}`.",
        f"- Digest `sha512:{'ab' * 64}` (checked).",
        f"- Passed on `{HOST}`: ",
        "- Failed on `linux-rhel-glibc-x86_64`: exit code 3",
        "- Predicted to fail on `darwin-arm64`: no build for darwin",
        "- Limited by `unsupported_platforms`: `linux/amd64/glibc`.",
        "| `executables` | artifact | package/package.json, bin |",
        f"`no_executables` (1) — {NO_EXECUTABLES.remedy} (upstream)\n\n- `pypi:lib`: it installs no command",
        "`doit rollback --batch 2026-03-02-mixed-001` takes its recipes out of use",
    ):
        assert words in body, words


def test_an_unknown_licence_and_a_lost_pass_are_loud():
    """What a reviewer must not miss stands in the table and at the top."""
    record = merged(
        "npm:tool",
        statuses=statuses(linux_debian_glibc_arm64=VerdictStatus.VALIDATED),
        over_excluded=["linux-debian-glibc-arm64"],
        replaces_sha256="0" * 64,
        evidence=evidence(
            license=License(spdx=None, declared="custom", origin=Origin.REGISTRY), released_at=None, age_days=None
        ),
    )
    body = body_of(record)
    assert "> **A person must review this:**\n> - npm:tool has an unknown licence" in body
    assert "| `tool` (update) | `3.4.2` | **unknown** | `tool` | unknown |" in body
    assert "| excluded where it passed |" in body
    assert "cannot tell it from one that did: `linux-debian-glibc-arm64`" in body


@pytest.mark.parametrize(
    ("released_at", "shown"),
    [
        ("2026-03-02T11:00:00Z", "2026-03-02 (0 days)"),
        ("2026-03-01T11:00:00.123456789+01:00", "2026-03-01 (1 day)"),
        ("2023-01-01T00:00:00Z", "2023-01-01 (3 years)"),
        ("2027-01-01T00:00:00Z", "2027-01-01 (in the future)"),
        ("2026-02-30T00:00:00Z", "unknown"),
    ],
)
def test_the_age_is_counted_to_now(released_at, shown):
    """A date that does not exist is unknown, not a crash."""
    assert f"| {shown} |" in body_of(merged("npm:a", evidence=evidence(released_at=released_at)))


@pytest.mark.parametrize("count", [1, 40, 1_000])
@pytest.mark.parametrize("evil", ["harmless", "@" * 10_000, "\U0001f600" * 300])
def test_the_body_fits_and_says_what_it_leaves_out(count, evil):
    """However many packages and however long their texts, GitHub takes the body; what is missing is counted."""
    records = [hostile_record(f"npm:p{i}", evil) for i in range(count)]
    outs = [left_out(f"pypi:o{i}", f"code{i % 7}: {evil}") for i in range(count)]
    body = body_of(*records, *outs)
    assert size(body) <= BODY_LIMIT
    rows = len(re.findall(r"^\| `p\d+` ", body, re.MULTILINE))
    blocks = body.count("<details>")
    missing_rows = re.search(r"_(\d+) more recipes do not fit: GitHub's limit is 65,536", body)
    missing_blocks = re.search(r"_(\d+) more recipes' details do not fit", body)
    assert rows + int(missing_rows[1] if missing_rows else 0) == count
    assert blocks + int(missing_blocks[1] if missing_blocks else 0) == count
    assert "## Check and roll back" in body
    assert "GitHub" not in body or count > 1


def test_an_empty_pull_request_says_so():
    """Nothing passed: no table, but the reasons."""
    body = body_of(left_out("npm:a", "deprecated: use b"))
    assert body.startswith("**No recipe**: none of the 1 packages tried in batch")
    assert "| Recipe |" not in body
    assert "- `npm:a`: use b" in body


def test_the_commit_message_has_its_trailers():
    """Subject, one line for each recipe, then what tools read: batch, size and the share of what was attempted."""
    records = [
        merged("npm:@scope/tool"),
        merged("pypi:b", evidence=evidence(version="1\n\nbatch_id: forged @all")),
        left_out("npm:c", "yanked: x"),
        left_out("npm:d", "breaker_open: x", outcome="held"),
    ]
    assert commit_message(payload_of(*records), records) == (
        "Add 2 recipes (npm, pypi) [2026-03-02-mixed-001]\n\n"
        "- tool 3.4.2\n- b 1 batch_id: forged all\n\n"
        "batch_id: 2026-03-02-mixed-001\nbatch_size: 4\nsuccess_rate: 0.67\n"
    )


def test_the_commit_message_of_nothing_is_still_one():
    """No recipe, no list; the trailers stay."""
    records = [left_out("npm:d", "breaker_open: x", outcome="held")]
    assert commit_message(payload_of(*records), records) == (
        "Add no recipes: none of the batch passed [2026-03-02-mixed-001]\n\n"
        "batch_id: 2026-03-02-mixed-001\nbatch_size: 1\nsuccess_rate: 0.00\n"
    )
