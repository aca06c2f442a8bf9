"""What package code can learn of the host: nothing that the phase was not given."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.sandbox.bwrap import BwrapSandbox
from tests.sandbox.lab import Lab, ro, shell

# Reads everything that can be read, but for the system's own programs and the kernel's endless files.
_SEARCH_EVERYWHERE = (
    "find / -xdev -path /usr -prune -o -type f -print0 2>/dev/null | xargs -0 grep -l {token} 2>/dev/null;"
    " for place in /proc/[0-9]*/root /proc/[0-9]*/cwd; do grep -rl {token} $place/{folder} 2>/dev/null; done;"
    " cat {path} 2>/dev/null; echo searched"
)


def test_a_file_of_the_host_cannot_be_found_or_read(lab: Lab, tmp_path: Path, token: str) -> None:
    """A secret file below a private folder is out of reach, by its path and by searching."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    secret = home / "credentials"
    secret.write_text(token)
    script = _SEARCH_EVERYWHERE.format(token=token, folder=str(home).lstrip("/"), path=secret)

    outside = subprocess.run(["cat", str(secret)], capture_output=True, text=True, check=True)
    inside = lab.shell(script)

    assert outside.stdout == token
    assert inside.result.exit_code == 0
    assert inside.output.strip() == "searched"


def test_the_accounts_of_the_host_are_not_shown(lab: Lab) -> None:
    """/etc/shadow does not exist inside, and /etc/passwd names only the sandbox's own user."""
    inside = lab.shell("cat /etc/passwd; cat /etc/shadow")

    assert Path("/etc/passwd").read_text().count("\n") > 1
    assert inside.output.startswith("sandbox:x:1000:1000::/home/sandbox:/bin/sh\n")
    assert "No such file" in inside.output.splitlines()[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's sandbox reads that user's mounted files")
def test_a_file_of_another_user_cannot_be_read_although_it_is_shown(lab: Lab, tmp_path: Path, token: str) -> None:
    """A root user's pipeline really drops root: a file that only root may read stays closed in a mounted folder."""
    shown = tmp_path / "shown"
    shown.mkdir(mode=0o755)
    for name, mode in (("private", 0o600), ("public", 0o644)):
        (shown / name).write_text(f"{name} {token}")
        (shown / name).chmod(mode)

    inside = lab.shell("cat /data/public; echo; cat /data/private", mounts=(ro(shown, "/data"),))

    assert inside.output.splitlines()[0] == f"public {token}"
    assert f"private {token}" not in inside.output
    assert "Permission denied" in inside.output


def test_the_environment_of_the_pipeline_is_not_shown(
    sandbox: BwrapSandbox, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """No process inside has a variable of the pipeline's environment, not in /proc either."""
    monkeypatch.setenv("RECIPELINE_PROBE", token)
    script = "env; for place in /proc/[0-9]*; do cat $place/environ 2>&1 | tr '\\0' '\\n'; done; echo end"

    outside = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    inside = BwrapSandbox(os.environ).run(shell(script))

    assert token in outside.stdout
    assert token not in inside.output
    assert inside.output.rstrip().endswith("end")
    assert "HOME=/home/sandbox" in inside.output


def test_the_command_lines_name_no_path_of_the_host(lab: Lab, tmp_path: Path, token: str) -> None:
    """bubblewrap's own command line, process 1 inside, tells nothing of what is mounted from where."""
    source = tmp_path / token
    source.mkdir()
    (source / "file").write_text("shown")

    inside = lab.shell(
        "cat /proc/1/cmdline /proc/2/cmdline | tr '\\0' ' '; cat /data/file",
        mounts=(ro(source, "/data"),),
        environment={"VALUE": "variable's value"},
    )

    assert inside.output.startswith("bwrap --args ")
    assert inside.output.endswith("shown")
    assert token not in inside.output
    assert "variable's value" not in inside.output


def test_processes_of_the_host_are_not_seen(lab: Lab) -> None:
    """Inside there are bubblewrap's process 1 and the program, no others."""
    inside = lab.shell("ls -d /proc/[0-9]* | wc -l; hostname")

    seen, hostname = inside.output.split()
    assert int(seen) <= 4
    assert hostname == "sandbox"
    assert len([entry for entry in Path("/proc").iterdir() if entry.name.isdecimal()]) > int(seen)


def test_no_descriptor_of_the_pipeline_is_handed_on(lab: Lab) -> None:
    """The program has its three streams and nothing else; bubblewrap's report cannot be forged."""
    with Path(__file__).open(encoding="utf-8") as kept_open:
        os.set_inheritable(kept_open.fileno(), True)
        inside = lab.python("import os; print(sorted(os.listdir('/proc/self/fd'), key=int))")

    assert inside.output.strip() == "['0', '1', '2', '3']"  # 3 is the listing itself
