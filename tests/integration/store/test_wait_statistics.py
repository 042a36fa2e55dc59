"""Numbers about waits, from the rows of a store."""

from __future__ import annotations

import pytest

from bide.control.accept_event import accept_outcome
from bide.control.wait_statistics import wait_statistics
from bide.store import sessions, waits
from bide.wire.messages import WaitSpec
from bide.wire.statistics import LookTimes, TriggererStatistics
from tests.support.dag_specs import dag_spec
from tests.support.hand_engine import HandEngine, deferral, event, poll

pytestmark = pytest.mark.usefixtures("no_blocking")


async def test_k30_waits_are_counted_by_kind_and_class(engine: HandEngine) -> None:
    """K30: what is there to scale on."""
    assert (await wait_statistics(engine.store, [])).counts == []
    await engine.run_of(dag_spec("d", {name: [] for name in "abcd"}))
    await engine.start()
    oldest = engine.clock.now()
    signal = WaitSpec("signal", "bide.SignalTrigger", b"{}", signal="x", subject="signal x")
    for name in "abc":
        await engine.ask(engine.started(name), deferral(poll()))
        engine.clock.advance(1.0)
    await engine.ask(engine.started("d"), deferral(signal))
    await engine.store.write(lambda tx: waits.claim(tx, engine.session, 1))
    first, second = (await wait_statistics(engine.store, [])).counts
    assert first == ("poll", "waiting.Poll", 3, 2, oldest)
    assert second[:4] == ("signal", "bide.SignalTrigger", 1, 0)


async def test_k30_the_lag_of_resumes_is_told(engine: HandEngine) -> None:
    """K30: from the event to the worker; first starts and retries are none."""
    assert (await wait_statistics(engine.store, [])).lags == (0, None, None, None)
    await engine.run_of(dag_spec("d", {name: [] for name in "abc"}, each={"retries": 1, "retry_delay": 1.0}))
    for seconds, name in enumerate("abc", start=1):
        await engine.defer(name)
        (row,) = await engine.waits()
        assert await accept_outcome(engine.store, row["uid"], row["token"], event())
        engine.clock.advance(float(seconds))
        await engine.finish(name, "failed" if name == "c" else "success")
    engine.clock.advance(60.0)
    await engine.finish("c")
    assert (await wait_statistics(engine.store, [])).lags == (3, 2.0, 3.0, 3.0)


async def test_looks_of_all_triggerers_are_summed(engine: HandEngine) -> None:
    one = TriggererStatistics("one", looks=LookTimes(10, 1, 2.0, 0.5))
    other = TriggererStatistics("other", looks=LookTimes(5, 0, 0.1, 0.25))
    assert (await wait_statistics(engine.store, [one, other])).looks == LookTimes(15, 1, 2.0, 0.75)


async def test_a_session_is_lost_that_is_over_or_silent(engine: HandEngine) -> None:
    def begin(tx):
        return [
            sessions.begin(tx, kind="triggerer", hostname="here", pid=number, lost_after=lost_after)
            for number, lost_after in enumerate((None, 10.0, 100.0, None))
        ]

    forever, silent, beating, over = await engine.store.write(begin)
    engine.clock.advance(50.0)
    await engine.store.write(lambda tx: sessions.end(tx, over))
    everyone = [forever, silent, beating, over, "nobody"]
    assert await engine.store.read(lambda tx: sessions.lost(tx, everyone)) == {silent, over, "nobody"}
