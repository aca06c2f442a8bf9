"""A pipeline with a forge in which things go wrong, and an operator who does what `docs/operations.md` says."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.store import SHIPPED
from tests.e2e.operator_page import PAGE, Shown, fits, rewrite, sections
from tests.e2e.world import DOIT, PATIENCE, Done, WatchedRegistry, World
from tests.fake_forge import FakeForge

# A Monday, in the small hours. All times on the page follow from it.
NIGHT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CLOCK = Path(__file__).parent / "clock"
_WHO = {f"GIT_{who}_{what}": "operator@mail.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Operator(World):
    """A root that is a checkout with the forge as its remote; each `doit` runs at `now`, which a test moves."""

    def __init__(self, folder: Path, registry: WatchedRegistry, forge: FakeForge, *, update: bool) -> None:
        self.forge = forge
        self.ahead = NIGHT - datetime.now(UTC)
        self.variables = {"GH_TOKEN": forge.token, "LOGNAME": "operator"}
        self._update = update
        self._commands: list[Shown] = []
        self._outputs: dict[int, str] = {}
        super().__init__(folder, registry)
        forge.pulls.clock = self._moment

    # ------------------------------------------------------------------------------------ the world

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def _moment(self) -> float:
        return self.now.timestamp()

    def later(self, **time: float) -> None:
        """Let time pass, as `timedelta` counts it."""
        self.ahead += timedelta(**time)

    def environment(self, **extra: str) -> dict[str, str]:
        clock = {"PYTHONPATH": f"{CLOCK}:{self.checkout}", "HOURS_AHEAD": str(self.ahead.total_seconds() / 3600)}
        return super().environment(**{**clock, **self.variables, **extra})

    @property
    def publish(self) -> dict[str, object]:
        """The key `publish` of pipeline.yaml."""
        forge = self.forge
        return {"mode": "github", "api": forge.api, "repository": forge.repository, "write_seconds": 0}

    def configure(self, *, rate: float = 100, **changes: object) -> None:
        """Publish to the forge; this machine is the only platform."""
        given = {"platforms": self.only_here(), "publish": self.publish, **changes}
        super().configure(rate=rate, **given)

    def open_for_business(self) -> None:
        """Make the root a checkout of the forge's repository, with all that is in it by now on `main`."""
        (self.root / ".gitignore").write_text("build/\n")
        for command in (
            ["init", "-q", "-b", "main"],
            ["add", "-A"],
            ["commit", "-q", "-m", "First"],
            ["remote", "add", "origin", self.forge.remote],
            ["push", "-q", "-f", str(self.forge.bare.path), "main"],
        ):
            self.git(*command)

    def git(self, *arguments: str) -> str:
        """Run git in the root as a person does."""
        given = {**self.environment(), **_WHO, "PYTHONPATH": ""}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=given, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def pull(self) -> None:
        """Bring the checkout up to the base branch."""
        self.git("pull", "-q", "--no-rebase", str(self.forge.bare.path), "main")

    def more(self, *names: str) -> None:
        """Have more npm packages in the queue, as somebody who edits it on the base branch."""
        place = self.root / "data" / "queues" / "priority-queue.json"
        document = json.loads(place.read_text())
        for name in names:
            entry = {"name": name, "source": self.npm(name), "priority": 1, "status": "pending"}
            document["entries"].append({**entry, "confidence": "curated"})
        place.write_text(json.dumps(document))

    def hour(self) -> None:
        """What the pipeline does each hour."""
        self.ran()
        self.ran("publish")

    # ------------------------------------------------------------------------------------ the page

    @contextmanager
    def section(self, heading: str) -> Iterator[None]:
        """Follow a section of the page: each of its commands must be run by `follow`, in order."""
        self._commands, self._outputs = list(sections(PAGE.read_text(encoding="utf-8"))[heading]), {}
        yield
        assert len(self._outputs) == len(self._commands), f"not run: {self._commands[len(self._outputs) :]}"
        if self._update:
            rewrite(PAGE, heading, self._outputs)

    def follow(self) -> Done:
        """Run the next command of the section; what came must be what the page shows."""
        place = len(self._outputs)
        shown = self._commands[place]
        done = self._run(shown.command)
        code = f"\n(exit code {done.exit_code})" if done.exit_code else ""
        real = self.anonymous((done.out.rstrip() + "\n" + done.err.rstrip()).strip("\n") + code)
        fit = fits(shown.output, real)
        self._outputs[place] = shown.output if fit else real
        assert fit or self._update, f"$ {shown.command}\n{real}\n\nThe page shows:\n{shown.output}"
        return done

    def _run(self, command: str) -> Done:
        if command.startswith("doit"):
            return self.doit(*shlex.split(command)[1:])
        given = {**self.environment(), **_WHO, "PATH": f"{Path(DOIT).parent}:/usr/bin:/bin", "PYTHONPATH": ""}
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=self.root,
            env=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        return Done(exit_code=done.returncode, out=done.stdout, err=done.stderr)

    def anonymous(self, text: str) -> str:
        """Return what a program said with the page's names for this machine's folders, addresses and platform."""
        names = {
            self.forge.url: "https://forge.example",
            self.registry.npm_url.rpartition("/npm")[0]: "https://registry.example",
            str(self.root): "/srv/registry",
            str(self.home): "/home/operator",
            str(SHIPPED): "/srv/recipeline",
        }
        for name, instead in names.items():
            text = text.replace(name, instead)
        return "\n".join(line.rstrip() for line in text.splitlines())
