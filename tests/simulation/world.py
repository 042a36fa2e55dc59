"""The made-up world around a real store: engines, workers, triggerers, services outside, people, a network."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from bide.control.accept_event import WaitEnding, accept_many
from bide.control.arm_starts import ArmedStart, arm_start, claim_starts
from bide.control.cancel_external import claim_obligations, settle_obligation
from bide.control.claim_waits import claim_at_once, claim_waits, held_waits, take_over_waits
from bide.control.create_run import create_run
from bide.control.keep_session import keep_session
from bide.control.lose_task import rescue_lost
from bide.control.queue_tasks import Openings, Who, begin_at_once
from bide.control.register_file import register_file
from bide.control.release_tasks import release_tasks
from bide.control.runner_requests import answer
from bide.control.start_tasks import start_tasks
from bide.engine.scheduler.duties.advance_runs import AdvanceRuns
from bide.engine.scheduler.duties.enforce_deadlines import EnforceDeadlines
from bide.engine.scheduler.duties.fire_timers import FireTimers
from bide.engine.scheduler.duties.queue_tasks import QueueTasks
from bide.engine.scheduler.duties.release_due import ReleaseDue
from bide.engine.scheduler.duties.start_runs import StartRuns
from bide.engine.scheduler.duties.stop_fenced import StopFenced
from bide.engine.scheduler.duty import Duty
from bide.engine.scheduler.scope import Scope
from bide.engine.task_log import TaskLog
from bide.model.errors import Conflict, SessionLost
from bide.model.log_path import LogLayout
from bide.store import Store, pools, sessions
from bide.store.schema import cancel_obligation, task_instance
from bide.wire.messages import Defer, Finish, Frame, Ok, Outcome, Reschedule, RunOnKill, RunTask, WaitSpec
from tests.simulation.limits import exceeded
from tests.simulation.reasons import Reasons
from tests.simulation.sim_store import SimStore
from tests.simulation.specs import DAG, FILE, KEEPING, NARROW, make_spec
from tests.support.clock import HeldClock
from tests.support.dag_specs import FOLDER, parsed
from tests.support.hand_engine import PaperExecutor

SIGNALS = ("go", "stop")
#: Runs that a schedule makes at most.
MOST_RUNS = 6
#: Seconds of silence after which an engine is lost.
LOST_AFTER = 4.0


class NoLog(TaskLog):
    """Lines of the engine in tasks' logs are of no interest here."""

    async def append(self, errors: Any) -> None:
        """Drop them."""


@dataclass
class Message:
    """Something on its way from `sender`; `send` delivers it."""

    sender: Engine
    what: str
    send: Callable[[], Awaitable[None]]


@dataclass(eq=False)
class Engine:
    """An engine's memory: its workers, and the waits that it believes it holds."""

    session: str
    executor: PaperExecutor = field(default_factory=lambda: PaperExecutor(4))
    #: wait -> token
    held: dict[str, int] = field(default_factory=dict[str, int])
    #: It does not reach the store before this moment (of :meth:`Clock.monotonic`).
    cut_until: float = 0.0
    #: Its last beat did not get through.
    was_cut: bool = False

    @property
    def name(self) -> str:
        """For the trace."""
        return self.session[-4:]


class World:
    """One schedule, decided by `seed` alone."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = HeldClock()
        #: Several engines on one store, as on PostgreSQL, or one after the other.
        self.is_shared = self.random.random() < 0.6
        self.sim = SimStore(self.clock, is_shared=self.is_shared)
        self.store = cast("Store", self.sim)
        self.logs = LogLayout(Path("/simulation"))
        self.engines: list[Engine] = []
        self.network: list[Message] = []
        self.trace: list[str] = []
        #: Whether parts still fail; off when the world is to come to rest.
        self.is_faulty = True
        #: Events that the store has accepted, by wait.
        self.accepted: dict[str, int] = {}
        #: Results that were acknowledged: (instance, epoch) -> state.
        self.acknowledged: dict[tuple[str, int], str] = {}
        #: (instance, epoch) that a worker was given.
        self.begun: list[tuple[str, int]] = []
        self.notes: list[str] = []
        self.runs = 0
        self.spec = make_spec(self.random)
        #: In some schedules, runs begin for other reasons as well.
        self.reasons = Reasons(self.random) if self.random.random() < 0.4 else None

    # --- the beginning ------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """A DAG, its runs, an engine and triggerers."""
        await self.store.write(lambda tx: pools.save(tx, [NARROW, KEEPING]))
        await register_file(self.store, parsed(self.spec), folder=FOLDER, paused_at_creation=False)
        if self.reasons is not None:
            await self.reasons.begin(self.store)
        for _ in range(self.random.randint(1, 3) if self.is_shared else 1):
            await self.new_engine()
        await self.do_run()

    async def new_engine(self) -> None:
        """One more engine. Where there is never more than one, it takes over from the last."""
        lost_after = LOST_AFTER if self.is_shared else None
        session = await self.store.write(
            lambda tx: sessions.begin(tx, kind="engine", hostname="sim", pid=1, lost_after=lost_after)
        )
        self.engines.append(Engine(session))
        if not self.is_shared:
            await rescue_lost(self.store, session)
            await take_over_waits(self.store, session)

    def an_engine(self) -> Engine:
        """Any of them."""
        return self.random.choice(self.engines)

    def reaches(self, engine: Engine) -> bool:
        """Whether `engine` lives and reaches the store."""
        return engine in self.engines and self.clock.monotonic() >= engine.cut_until

    async def as_engine(self, engine: Engine, step: Callable[[Engine], Awaitable[None]]) -> None:
        """Let `engine` do `step`; one that has lost its session ends, and another one takes its place."""
        if not self.reaches(engine):
            return
        try:
            await step(engine)
        except SessionLost:
            self.say(f"engine {engine.name} has lost its session")
            self.engines.remove(engine)
            await self.new_engine()

    async def beat(self, engine: Engine) -> None:
        """It says that it lives, and looks who doesn't."""
        for lost in (await keep_session(self.store, engine.session, patient=lambda: engine.was_cut)).losses:
            self.say(f"engine {engine.name} takes over from a lost one: {lost}")
        engine.was_cut = False

    # --- what may happen ----------------------------------------------------------------------------------------

    def duties(self, engine: Engine) -> list[Duty]:
        """Those of `engine`."""
        store, scope = self.store, Scope()
        log = NoLog(store, self.logs)
        return [
            StartRuns(store, scope),
            AdvanceRuns(store, scope),
            QueueTasks(store, engine.executor, Who(engine.session)),
            FireTimers(store, scope, log),
            ReleaseDue(store, scope),
            EnforceDeadlines(store, scope, log),
            StopFenced(store, engine.executor),
            *(self.reasons.duties(store) if self.reasons is not None else ()),
        ]

    async def do_reason(self) -> None:
        """There is a reason for other runs."""
        if self.reasons is not None:
            self.clock.advance(0.001)
            self.say(await self.reasons.do_something(self.store, self.sim))

    async def do_run(self) -> None:
        """Somebody wants another run."""
        if self.runs < MOST_RUNS:
            self.runs += 1
            self.clock.advance(0.001)
            await create_run(self.store, DAG, by="sim")

    async def do_duty(self) -> None:
        """Some of the duties of some engine run."""

        async def step(engine: Engine) -> None:
            for duty in self.random.sample(self.duties(engine), 3):
                self.say(f"{engine.name}: duty {duty.name}")
                await duty.run()

        await self.as_engine(self.an_engine(), step)

    async def queue(self, engine: Engine) -> None:
        """An engine takes tasks that are to run."""
        await QueueTasks(self.store, engine.executor, Who(engine.session)).run()

    async def do_start(self) -> None:
        """An executor starts what was queued."""
        await self.as_engine(self.an_engine(), self.start)

    async def do_begin(self) -> None:
        """A transaction begins tasks itself, for workers that are free."""

        async def step(engine: Engine) -> None:
            workers = {
                self.random.choice((FILE, None)): self.random.randint(0, max(0, engine.executor.free_slots()))
            }
            openings, who = Openings(workers, engine.executor.started), Who(engine.session)
            begun = await self.store.write(lambda tx: begin_at_once(tx, openings, who, self.logs))
            self.begin_tasks(engine, begun.orders if begun is not None else [])

        await self.as_engine(self.an_engine(), step)

    async def start(self, engine: Engine) -> None:
        """The order to start may come twice."""
        claims, engine.executor.queued = engine.executor.queued, []
        if self.is_faulty and self.random.random() < 0.1:
            claims = claims * 2
        self.begin_tasks(engine, await start_tasks(self.store, claims, session=engine.session, logs=self.logs))

    def begin_tasks(self, engine: Engine, orders: Sequence[RunTask]) -> None:
        """Workers of `engine` begin these."""
        for task in orders:
            self.say(f"{engine.name}: start {task.instance.task_id} epoch {task.epoch} try {task.try_number}")
            self.begun.append((task.instance.id, task.epoch))
            if task.resume is None:  # what a try that goes on has left behind holds the next one
                self.notes += self.obligations_against(task)
            engine.executor.started[task.instance.id] = task

    async def do_work(self) -> None:
        """A worker comes to the end of a segment and says so, also if its engine does not reach the store."""
        engine = self.an_engine()
        if not engine.executor.started:
            return
        task = self.random.choice(list(engine.executor.started.values()))
        body = self._decision(task)

        async def report() -> None:
            reply = await answer(self.store, Frame(body, 1, task.instance.id, task.epoch))
            if isinstance(reply, Ok) and isinstance(body, Finish):
                key = (task.instance.id, task.epoch)
                if key in self.acknowledged:
                    self.notes.append(f"two ends of {key} were acknowledged")
                self.acknowledged[key] = body.state
            if engine.executor.started.get(task.instance.id) is task:
                del engine.executor.started[task.instance.id]

        self.send(engine, f"{task.instance.task_id} epoch {task.epoch}: {type(body).__name__}", report)

    def _decision(self, task: RunTask) -> Finish | Defer | Reschedule:
        # A task that has been through much comes to an end.
        share = 0.5 if task.epoch < 12 and self.is_faulty else 0.1
        dice = self.random.random()
        if dice < share:
            limit = self.random.choice((None, 20.0))
            return Defer(self._wait(2), self.random.choice(("go_on", "go_on", None)), b"{}", timeout=limit)
        if dice < share + 0.05:
            return Reschedule(self.clock.now().timestamp() + 10)
        if dice < share + 0.15:
            return Finish("failed", error="bad luck")
        length = self.random.randint(0, 3)
        value = str([task.epoch] * length).encode()
        return Finish("success", return_value=value, length=length)

    def _wait(self, depth: int, name: str = "") -> WaitSpec:
        kinds = ["poll", "stream", "timer", "signal"] + (["any", "all"] if depth else [])
        kind: Any = self.random.choice(kinds)
        fields: dict[str, Any] = {"name": name, "has_on_kill": self.random.random() < 0.4}
        if name and self.random.random() < 0.2:
            fields["timeout"] = 15.0
        if kind == "timer":
            due = self.clock.now() + timedelta(seconds=self.random.choice((0, 5, 30)))
            return WaitSpec(kind, "Timer", b"{}", due_at=due.timestamp(), outcome=self._outcome(), **fields)
        if kind == "signal":
            return WaitSpec(kind, "Signal", b"{}", signal=self.random.choice(SIGNALS), **fields)
        if kind in ("any", "all"):
            parts = tuple(self._wait(depth - 1, str(place)) for place in range(self.random.randint(1, 3)))
            needed = 1 if kind == "any" else len(parts)
            return WaitSpec(kind, "Tree", b"{}", children=parts, needed=needed, name=name)
        return WaitSpec(kind, "Trigger", b"{}", interval=5.0 if kind == "poll" else None, **fields)

    def _outcome(self) -> Outcome:
        kind: Any = self.random.choice(("event",) * 8 + ("success", "failed", "skipped"))
        return Outcome(kind, str(self.random.randrange(1000)).encode())

    async def do_claim(self) -> None:
        """An engine leases waits, or the starts of tasks that begin with one."""
        await self.as_engine(self.an_engine(), self.claim)

    async def claim(self, engine: Engine) -> None:
        """As many as it has room for."""
        limit = self.random.randint(1, 5)
        for start in await claim_starts(self.store, engine.session, limit, logs=self.logs):
            armed = ArmedStart(start.wait_id, start.token, Defer(self._wait(1), "go_on", b"{}"))
            self.send(engine, f"arm start of {start.order.instance.task_id}", lambda armed=armed: self._arm(armed))
        if self.random.random() < 0.5:
            loads = await claim_waits(self.store, engine.session, limit, logs=self.logs)
        else:
            loads = await self.store.write(lambda tx: claim_at_once(tx, engine.session, limit, logs=self.logs))
        for load in loads:
            self.say(f"{engine.name} holds {load.wait_id[-4:]} of {load.instance.task_id} token {load.token}")
            engine.held[load.wait_id] = load.token

    async def _arm(self, armed: ArmedStart) -> None:
        try:
            await arm_start(self.store, armed)
        except Exception as error:  # Fenced: it came too late
            self.say(f"not armed: {error}")

    async def do_fire(self) -> None:
        """A trigger yields an event, or fails. The trigger of a lost lease may do so too."""
        one = self.an_engine()
        if not one.held:
            return
        wait_id = self.random.choice(list(one.held))
        token = one.held[wait_id]
        if self.random.random() < 0.85:
            ending = WaitEnding(wait_id, token, self._outcome())
        else:
            ending = WaitEnding(wait_id, token, error="the trigger failed")

        async def report() -> None:
            for accepted in await accept_many(self.store, [ending] * self.random.choice((1, 1, 2))):
                self.accepted[accepted] = self.accepted.get(accepted, 0) + 1
            if one.held.get(wait_id) == token:
                del one.held[wait_id]

        self.send(one, f"end of wait {wait_id[-4:]} token {token}", report)

    async def do_drop(self) -> None:
        """An engine forgets what is not its own any more."""
        await self.as_engine(self.an_engine(), self.drop)

    async def drop(self, engine: Engine) -> None:
        """As the store says."""
        held = await held_waits(self.store, engine.session)
        engine.held = {wait_id: token for wait_id, token in engine.held.items() if wait_id in held}

    async def do_cancel_work(self) -> None:
        """Work outside is cancelled, or can't be."""
        await self.as_engine(self.an_engine(), self.cancel_work)

    async def cancel_work(self, engine: Engine) -> None:
        """A few at once."""
        for order in await claim_obligations(self.store, engine.session, 3, logs=self.logs):
            error = "the service is gone" if self.is_faulty and self.random.random() < 0.4 else ""

            async def report(order: RunOnKill = order, error: str = error) -> None:
                await settle_obligation(self.store, engine.session, order, error)

            self.send(engine, f"cancelled for {order.load.instance.task_id}: {error or 'yes'}", report)

    async def do_time(self) -> None:
        """Time passes."""
        await self.pass_time(self.random.choice((0.1, 1.0, 6.0, 20.0)))

    async def pass_time(self, seconds: float) -> None:
        """All who reach the store beat meanwhile, as a rule."""
        while seconds > 0:
            self.clock.advance(min(seconds, LOST_AFTER / 2))
            seconds -= LOST_AFTER / 2
            for engine in list(self.engines):
                if not self.reaches(engine):
                    engine.was_cut = True
                elif not self.is_faulty or self.random.random() < 0.85:
                    await self.as_engine(engine, self.beat)

    async def do_deliver(self) -> None:
        """Something arrives, in no special order; some things arrive twice."""
        if self.network:
            place = self.random.randrange(len(self.network))
            message = self.network[place]
            if not (self.is_faulty and self.random.random() < 0.15):
                del self.network[place]
            self.say(f"arrives: {message.what}")
            await message.send()

    # --- looking ------------------------------------------------------------------------------------------------

    def send(self, sender: Engine, what: str, deliver: Callable[[], Awaitable[None]]) -> None:
        """Put something on its way."""
        self.network.append(Message(sender, what, deliver))

    def say(self, text: str) -> None:
        """Add to the trace."""
        self.trace.append(f"{self.clock.monotonic():8.1f} {text}")

    def check_limits(self) -> None:
        """Note which limits are exceeded now."""
        found = exceeded(self.sim, self.spec)
        if self.reasons is not None:
            found += self.reasons.exceeded(self.sim)
        self.notes += [one for one in found if one not in self.notes]

    def instances(self) -> list[Any]:
        """All instances."""
        return self.sim.look(lambda tx: list(tx.conn.execute(sa.select(task_instance)).mappings()))

    def obligations_against(self, task: RunTask) -> list[str]:
        """What should have kept `task` from starting."""
        holding = sa.select(cancel_obligation).where(
            cancel_obligation.c.instance_uid == task.instance.id, sa.text("holds")
        )
        rows = self.sim.look(lambda tx: list(tx.conn.execute(holding).mappings()))
        return [f"{task.instance.task_id} has started before {row['uid']} was cancelled" for row in rows]

    async def release_all(self) -> None:
        """A person lets go on what is held for work outside that could not be cancelled."""
        for dag_id, run_id in sorted({(row["dag_id"], row["run_id"]) for row in self.instances()}):
            try:
                await release_tasks(self.store, dag_id, run_id, by="ann")
            except Conflict:
                continue
