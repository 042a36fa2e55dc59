import struct

import pytest
from clock_changes import REGIONS


def test_it_draws_a_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="install the group `examples`; the README's first command has it")
    from daylight_picture import draw

    years = 2027 - 1910
    path = tmp_path / "p.png"
    observing = {region: [(year + rank) % 20 for year in range(years)] for rank, region in enumerate(REGIONS)}
    draw(observing, [5] * years, first_year=1910, zones=312, release="2026a", path=path)
    header = path.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert struct.unpack(">II", header[16:]) == (1920, 1200)
