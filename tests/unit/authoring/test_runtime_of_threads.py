"""The runtime that threads of user code find, where several tasks run in threads of one process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

from bide.authoring.runtime import Runtime, current_runtime, in_runtime, use_runtime


def test_runtimes_that_end_in_the_order_they_began_leave_none_behind() -> None:
    first, second = (cast("Runtime", object()) for _ in range(2))
    one, other = (use_runtime(runtime, in_all_threads=True) for runtime in (first, second))
    with ThreadPoolExecutor(1) as task, ThreadPoolExecutor(1) as other_task, ThreadPoolExecutor(1) as users:
        task.submit(one.__enter__).result()
        assert users.submit(current_runtime).result() is first
        other_task.submit(other.__enter__).result()
        assert users.submit(current_runtime).result() is second
        task.submit(one.__exit__, None, None, None).result()
        assert users.submit(current_runtime).result() is second
        other_task.submit(other.__exit__, None, None, None).result()
        assert not users.submit(in_runtime).result()
