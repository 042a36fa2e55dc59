"""Sealing: what comes out is what went in, and nothing of it shows in between."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bide.model.errors import KeyMissing, StoreError
from bide.model.sealed import HEADER, SEALED, fingerprint, refuse_sealed
from bide.model.values import decode
from bide.store.schema import metadata
from bide.store.sealing import Keyring, Sealed
from tests.support.keys import KEY, OTHER_KEY

SECRET = b'{"password":"s3cr3t-text"}'
ANY_VALUE = st.binary() | st.sampled_from([b"", b"{}", b"null", b"\x00", b"\x01", b"\x00{}"])


class Later:
    """Keys of which more come with time."""

    def __init__(self, *keys: str) -> None:
        self.keys: Sequence[str] = keys

    def load(self) -> Sequence[str]:
        return self.keys

    def reload(self) -> Sequence[str]:
        return self.keys


@given(ANY_VALUE)
def test_every_value_comes_back(value: bytes) -> None:
    ring = Keyring.of(KEY)
    assert ring.open(ring.seal(value)) == value


@given(ANY_VALUE)
def test_a_value_that_is_sealed_twice_opens_twice(value: bytes) -> None:
    """What a user has got hold of in the database is no more than bytes when it comes again as a value."""
    ring = Keyring.of(KEY)
    once = ring.seal(value)
    assert ring.open(ring.seal(once)) == once


@given(st.binary(min_size=8).filter(lambda value: value[0] != SEALED))
def test_nothing_of_a_value_shows(value: bytes) -> None:
    assert value not in Keyring.of(KEY).seal(value)


def test_the_same_value_never_looks_the_same() -> None:
    ring = Keyring.of(KEY)
    assert len({ring.seal(SECRET) for _ in range(20)}) == 20


def test_the_token_is_fernets() -> None:
    """So that others can open it: the header off, in URL-safe base64."""
    import base64

    sealed = Keyring.of(KEY).seal(SECRET)
    assert sealed[:HEADER] == b"\x01" + fingerprint(KEY)
    assert Fernet(KEY).decrypt(base64.urlsafe_b64encode(sealed[HEADER:])) == SECRET


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"null"])
def test_what_says_nothing_stays_open(value: bytes) -> None:
    assert Keyring.of(KEY).seal(value) == b"\x00" + value


def test_what_was_stored_before_is_read_as_it_is() -> None:
    for value in (SECRET, b"[1]", b'"x"', b"\x93\xa5event"):
        assert Keyring.of(KEY).open(value) == value


def test_the_first_key_seals_and_all_open() -> None:
    old, both = Keyring.of(KEY), Keyring.of(OTHER_KEY, KEY)
    assert both.open(old.seal(SECRET)) == SECRET
    assert both.seal(SECRET).startswith(both.sealing_header)
    assert both.sealing_header == b"\x01" + fingerprint(OTHER_KEY)
    assert both.fingerprints == [fingerprint(OTHER_KEY).hex(), fingerprint(KEY).hex()]


def test_without_its_key_a_value_stays_as_it_is_and_says_so_to_who_needs_it() -> None:
    sealed = Keyring.of(KEY).seal(SECRET)
    other = Keyring.of(OTHER_KEY)
    assert other.open(sealed) == sealed
    for read in (decode, refuse_sealed):
        with pytest.raises(KeyMissing, match=f"with key {fingerprint(KEY).hex()}, which is not among"):
            read(sealed)


def test_without_its_key_a_value_is_stored_again_unchanged() -> None:
    """A wait's arguments go on to a cancel obligation; when the key is back, both can be opened."""
    sealed = Keyring.of(KEY).seal(SECRET)
    assert Keyring.of(OTHER_KEY).seal(sealed) == sealed


@given(st.data())
def test_a_damaged_value_is_refused(data: st.DataObject) -> None:
    ring = Keyring.of(KEY)
    sealed = bytearray(ring.seal(SECRET))
    place = data.draw(st.integers(1, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(KeyMissing):
        decode(ring.open(bytes(sealed)))


@pytest.mark.parametrize("length", [1, 3, HEADER, HEADER + 1, 60])
def test_a_value_that_is_cut_off_is_refused(length: int) -> None:
    ring = Keyring.of(KEY)
    with pytest.raises(KeyMissing):
        decode(ring.open(ring.seal(SECRET)[:length]))


def test_keys_that_come_later_are_taken_up_when_one_is_missing() -> None:
    keys = Later(KEY)
    ring = Keyring(keys)
    ring.seal(SECRET)
    keys.keys = (OTHER_KEY, KEY)
    assert ring.open(Keyring.of(OTHER_KEY).seal(SECRET)) == SECRET
    assert ring.sealing_header == b"\x01" + fingerprint(OTHER_KEY)


@pytest.mark.parametrize("left", [(), (OTHER_KEY,)])
def test_a_key_that_is_taken_away_while_it_is_in_use_still_opens(left: Sequence[str]) -> None:
    keys = Later(KEY)
    ring = Keyring(keys)
    sealed = ring.seal(SECRET)
    keys.keys = left
    ring.reload()
    assert ring.open(sealed) == SECRET


def test_without_keys_nothing_can_be_kept() -> None:
    with pytest.raises(StoreError, match="opened without keys"):
        Keyring.of().seal(SECRET)


def test_no_key_is_shown() -> None:
    ring = Keyring.of(KEY, OTHER_KEY)
    ring.seal(SECRET)
    for shown in (repr(ring), str(ring), str(ring.fingerprints)):
        assert KEY not in shown
        assert OTHER_KEY not in shown
    with pytest.raises(TypeError):
        pickle.dumps(ring)


def test_the_sealed_columns() -> None:
    """XComs are not among them: they are results, shown by `bide tasks show` and the API, as in Airflow.

    Neither are questions and their answers, which are shown to whoever may answer, and become XComs.
    """
    sealed = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, Sealed)
    }
    assert sealed == {
        "asset_event.extra",
        "asset_state.value",
        "asset_watcher.kwargs",
        "wait.kwargs",
        "wait.resume_kwargs",
        "wait.outcome",
        "resume.kwargs",
        "resume.event",
        "cancel_obligation.kwargs",
        "signal.outcome",
        "task_state.value",
        "checkpoint.value",
        "connection.value",
        "variable.value",
    }
    others = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, sa.LargeBinary)
    }
    assert others == {
        "backfill.conf",
        "dag_version.spec",
        "dag_run.conf",
        "xcom.value",
        "watch.spec",
        "question.spec",
        "question.answer",
        "xcom_purge.value",
    }
