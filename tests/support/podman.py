"""A podman of its own that speaks Docker's API on a socket, with one image made of busybox."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

IMAGE: Final = "localhost/etl-job:v1"
#: Seconds that the service may take to start.
_PATIENCE: Final = 20.0
_CONFIG: Final = """
[containers]
netns = "host"
log_driver = "k8s-file"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


@contextmanager
def docker_socket() -> Iterator[Path]:
    """The socket's path; skips the test where podman or a static busybox is missing."""
    podman, busybox = shutil.which("podman"), shutil.which("busybox")
    if podman is None or busybox is None:
        pytest.skip("this needs podman, runc and busybox-static")
    # The path of a socket must be short, and pytest's are not.
    with tempfile.TemporaryDirectory(prefix="bide-podman-") as name:
        folder = Path(name)
        programs = folder / "image" / "bin"
        programs.mkdir(parents=True)
        shutil.copy(busybox, programs)
        for program in ("sh", "echo", "cat"):
            (programs / program).symlink_to("busybox")
        (folder / "containers.conf").write_text(_CONFIG)
        environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
        command = [podman, "--root", f"{folder}/store", "--runroot", f"{folder}/run", "--storage-driver", "vfs"]
        packed = shutil.make_archive(str(folder / "image"), "tar", folder / "image")
        subprocess.run([*command, "import", packed, IMAGE], env=environment, check=True, capture_output=True)
        socket = folder / "docker.sock"
        service = [*command, "system", "service", "--time=0", f"unix://{socket}"]
        with subprocess.Popen(service, env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                until = time.monotonic() + _PATIENCE
                while not socket.exists():
                    if process.poll() is not None or time.monotonic() > until:
                        assert process.stderr is not None
                        process.kill()
                        raise RuntimeError(f"podman does not serve: {process.stderr.read()}")
                    time.sleep(0.05)
                yield socket
            finally:
                process.terminate()
                process.wait(_PATIENCE)
