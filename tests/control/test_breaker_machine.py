"""Several processes at one breaker, in any order: they ask, work, answer, die, and time passes."""

from datetime import timedelta

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline.config import BreakerConfig
from pipeline.control.breaker import Event, admit, catch_up, count, release
from pipeline.instants import instant, timestamp
from pipeline.model import Breaker, BreakerState, Probe, Stage
from tests.builders import NOW

PROCESSES = 4
NUMBERS = st.integers(0, PROCESSES - 1)
SOURCES = st.sampled_from(["npm:a", "npm:b", "npm:c"])
STAGES = (Stage.GENERATE, Stage.VALIDATE)


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is at: a package, and its lease when it is the probe."""

    source: str
    lease: Probe | None


class Processes(RuleBasedStateMachine):
    """The breaker in the file, what each process is at, and every event so far."""

    @initialize(
        config=st.builds(
            BreakerConfig,
            failures=st.integers(1, 4),
            open_minutes=st.just(60),
            growth=st.sampled_from([1.0, 1.5, 2.0]),
            longest_open_minutes=st.sampled_from([60, 200, 1440]),
            probe_lease_minutes=st.sampled_from([1, 30, 60]),
        )
    )
    def begin(self, config):
        self.config = config
        self.breaker = Breaker()
        self.now = NOW
        self.working: dict[int, Work] = {}
        self.leases: list[Probe] = []  # given, and neither returned nor ended by their event
        self.events: list[Event] = []
        self.failed_probes = 0
        for _ in range(config.failures):  # most of what matters begins with an outage
            self.working[0] = Work(source="npm:a", lease=None)
            self.ends(0, False, Stage.GENERATE)

    @rule(seconds=st.sampled_from([1, 60, 1799, 3600, 7200, 90_000]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(source=SOURCES)
    def asks(self, source):
        """A process that is at nothing asks for a package."""
        idle = set(range(PROCESSES)) - self.working.keys()
        if not idle:
            return
        process = min(idle)
        before = self.breaker
        due = before.opens_at is None or instant(before.opens_at) <= self.now
        self.breaker, stop = admit(before, source, self.now, self.config)
        if before.state is BreakerState.CLOSED:
            assert (stop, self.breaker) == (None, before)
            self.working[process] = Work(source=source, lease=None)
        elif stop is None:
            assert due, "admitted before its time"
            assert not self.live(), "admitted while a probe was out"
            assert self.breaker.state is BreakerState.HALF_OPEN
            self.working[process] = Work(source=source, lease=self.breaker.probe)
            self.leases.append(self.breaker.probe)
        else:
            assert not due or self.live(), "refused though nobody probes"
            assert self.breaker == before
            assert instant(stop.until) > self.now

    @rule(number=NUMBERS)
    def goes_on(self, number):
        """A probe asks again before its next stage; it keeps its lease unless it ended."""
        if not self.working:
            return
        process = self.at_work(number)
        work = self.working[process]
        if work.lease is None:
            return
        still = self.breaker.probe == work.lease
        self.breaker, stop = admit(self.breaker, work.source, self.now, self.config, work.lease)
        if still:
            assert stop is None
            self.replaced(process, work)
        elif stop is None and self.breaker.state is BreakerState.HALF_OPEN:
            self.replaced(process, work)

    def replaced(self, process, work):
        if work.lease in self.leases:
            self.leases.remove(work.lease)
        self.working[process] = Work(source=work.source, lease=self.breaker.probe)
        self.leases.append(self.breaker.probe)

    @rule(number=NUMBERS, answered=st.booleans(), stage=st.sampled_from(STAGES))
    def ends(self, number, answered, stage):
        """An attempt ends: its event is counted at once, and a probe returns its lease."""
        if not self.working:
            return
        work = self.working.pop(self.at_work(number))
        before = self.breaker
        event = Event(at=timestamp(self.now), source=work.source, stage=stage, answered=answered)
        self.events.append(event)
        self.breaker = count(before, event, self.config)
        self.check(before, event)
        self.returned(work)

    @rule(number=NUMBERS)
    def ends_without_an_answer(self, number):
        """The package was blocked or deferred."""
        if not self.working:
            return
        work, before = self.working.pop(self.at_work(number)), self.breaker
        self.returned(work)
        own = work.lease is not None and work.lease == before.probe
        assert self.breaker == msgspec.structs.replace(before, probe=None if own else before.probe)

    @rule(number=NUMBERS)
    def dies(self, number):
        """Its lease stays in the file until it ends by itself."""
        if not self.working:
            return
        self.working.pop(self.at_work(number))

    @invariant()
    def nothing_is_counted_twice(self):
        """Whoever publishes at any moment reads the records of all that was counted live."""
        assert catch_up({"npm": self.breaker}, self.events, self.config, self.now) == {"npm": self.breaker}

    @invariant()
    def one_lease_at_most(self):
        assert len(self.live()) <= 1

    @invariant()
    def an_open_breaker_has_a_time_and_no_probe(self):
        if self.breaker.state is BreakerState.OPEN:
            assert self.breaker.opens_at is not None
            assert self.breaker.probe is None
        if self.breaker.state is BreakerState.CLOSED:
            assert self.breaker.failures < self.config.failures
            assert self.breaker.probe is None

    def teardown(self):
        """Whatever happened: when the registry is well again, one probe closes it within the longest wait."""
        if not hasattr(self, "breaker"):
            return
        self.now += timedelta(minutes=self.config.longest_open_minutes + self.config.probe_lease_minutes)
        self.breaker, stop = admit(self.breaker, "npm:last", self.now, self.config)
        assert stop is None
        for stage in STAGES:
            event = Event(at=timestamp(self.now), source="npm:last", stage=stage, answered=True)
            self.breaker = count(self.breaker, event, self.config)
        assert (self.breaker.state, self.breaker.failures) == (BreakerState.CLOSED, 0)

    def at_work(self, number):
        return sorted(self.working)[number % len(self.working)]

    def live(self):
        """Return the leases that bind: given, not returned, not at their end."""
        return [lease for lease in self.leases if instant(lease.until) > self.now]

    def returned(self, work):
        if work.lease is not None:
            self.breaker = release(self.breaker, work.lease)
            if work.lease in self.leases:
                self.leases.remove(work.lease)

    def check(self, before, event):
        """Compare with the rules in words."""
        now = self.breaker
        if before.state is BreakerState.CLOSED:
            if event.answered:
                ends = before.stages in ([], [event.stage]) or self.forgotten(before, event)
                assert (now.state, now.failures) == (BreakerState.CLOSED, 0 if ends else before.failures)
            else:
                assert now.failures == before.failures + 1
                assert (now.state is BreakerState.OPEN) is (now.failures >= self.config.failures)
            self.failed_probes = 0
            if now.state is BreakerState.OPEN:
                self.check_wait(event)
            return
        probe = before.probe
        out = probe is not None and instant(probe.until) > self.now and probe.source != event.source
        if instant(before.opens_at) > self.now or out:
            assert (now.state, now.opens_at, now.probe) == (before.state, before.opens_at, before.probe)
        elif event.answered:
            left = [stage for stage in before.stages if stage is not event.stage]
            closes = not left or self.forgotten(before, event)
            assert now.state is (BreakerState.CLOSED if closes else before.state)
            if closes:
                self.leases = []  # nobody needs one now
        else:
            self.failed_probes += 1
            assert (now.state, now.probe) == (BreakerState.OPEN, None)
            self.check_wait(event)

    def forgotten(self, before, event):
        """Tell whether the last failure is longer ago than two of the longest waits."""
        failed = before.last_failure
        return failed is not None and instant(event.at) - instant(failed) > 2 * self.longest

    def check_wait(self, event):
        """An hour, longer with each failed probe, up to the longest."""
        hour = 60 * self.config.growth ** min(self.failed_probes, 100)
        wait = instant(self.breaker.opens_at) - instant(event.at)
        assert abs(wait - min(timedelta(minutes=hour), self.longest)) <= timedelta(seconds=1)

    @property
    def longest(self):
        return timedelta(minutes=self.config.longest_open_minutes)


TestProcesses = Processes.TestCase
TestProcesses.settings = settings(
    max_examples=200, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
