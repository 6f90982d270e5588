"""The guards of the protocol, and the test that fails without each.

`python -m tests.torture.guards` takes them away one at a time, in a copy, and runs that test: a
guard whose test still passes is reported. Names may be given to look at some alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
COPIED = ("connectors", "expectations", "flows", "tests", "dbt_project", "pyproject.toml")
MOST_SECONDS = 300.0  # a test that never ends without its guard has noticed
LEDGER = "connectors/ledger"
MODEL = "tests/unit/test_protocol_model.py"
OUTBOX, RECOVERY = "tests/unit/test_outbox.py", "tests/unit/test_outbox_recovery.py"
LEASES, TROUBLE = "tests/unit/test_leases.py", "tests/unit/test_outbox_trouble.py"
SHORT = "tests/torture/test_torture_short.py"
WALK, LAST = "tests/unit/test_concurrency.py", "tests/unit/test_last_look.py"


class Guard(NamedTuple):
    """A guard: where it stands, how it is taken away (`old` becomes `new`), and what notices."""

    name: str
    file: str
    old: str
    new: str
    test: str


GUARDS = (
    Guard(
        "one message per address, programme, campaign, occasion and step: unique in the database",
        f"{LEDGER}/migrations/versions/0001_ledger.py",
        "unique=True,\n        sqlite_where=HOLDS_SLOT",
        "unique=False,\n        sqlite_where=HOLDS_SLOT",
        f"{OUTBOX}::test_database_refuses_a_second_message_for_one_occasion",
    ),
    Guard(
        "a key that is there is absorbed",
        f"{LEDGER}/emission/rules.py",
        '    Rule("same_key", _same_key()),\n',
        "",
        f"{OUTBOX}::test_a_key_is_absorbed_whatever_else_changed",
    ),
    Guard(
        "an occasion that is there is absorbed, whatever its key",
        f"{LEDGER}/emission/rules.py",
        '    Rule("same_occasion", _same_occasion()),\n',
        "",
        f"{OUTBOX}::test_campaign_may_be_null_and_still_be_unique",
    ),
    Guard(
        "an occasion that a plan has twice is taken once",
        f"{LEDGER}/emission/rules.py",
        '    Rule("twice_in_slice", _twice_in_slice()),\n',
        "",
        f"{OUTBOX}::test_campaign_may_be_null_and_still_be_unique",
    ),
    Guard(
        "who is suppressed is refused when reserving",
        f"{LEDGER}/emission/rules.py",
        '        Rule("suppressed", suppressed(_C.address_hash, _C.purpose, planned_as_of)),\n',
        "",
        f"{OUTBOX}::test_suppression",
    ),
    Guard(
        "who was suppressed since is cancelled before a batch leaves",
        f"{LEDGER}/emission/last_look.py",
        '        "suppressed": suppressed(address, purpose, planned),\n',
        "",
        f"{RECOVERY}::test_suppressed_after_the_crash_is_not_delivered",
    ),
    Guard(
        "who withdrew since is cancelled before a batch leaves",
        f"{LEDGER}/emission/last_look.py",
        '        "withdrawn": (purpose == MARKETING) & gone,\n',
        "",
        f"{LAST}::test_who_opts_out_while_batches_leave_is_cancelled",
    ),
    Guard(
        "what was paused since does not leave",
        f"{LEDGER}/emission/last_look.py",
        "caught[pauses.PAUSED] = pauses.is_paused(MessageRow.programme, purpose)",
        "pass",
        "tests/unit/test_pauses.py::test_a_switch_during_a_push_lets_no_further_batch_out",
    ),
    Guard(
        "caps are counted under the lock that serialises reservations",
        f"{LEDGER}/emission/reserve.py",
        "    take_sequence(connection)  # on PostgreSQL this row",
        "    # on PostgreSQL this row",
        WALK,
    ),
    Guard(
        "caps hold by address too",
        f"{LEDGER}/emission/rules.py",
        '            yield Rule(cap.rule, _capped(cap, planned_as_of, "address_hash"))\n',
        "",
        WALK,
    ),
    Guard(
        "what is under way is committed before it leaves",
        f"{LEDGER}/emission/handover.py",
        "            batch = claim_batch(self.emission, messages, announce)\n"
        "            if batch is None:\n"
        "                return\n"
        "            said = self._deliver(batch)\n",
        "            from connectors.ledger.emission.batches import batch_id_of\n"
        "            name = batch_id_of(each.message_key for each in messages)\n"
        "            said = self._deliver(Batch(name, messages, (0, 0)))\n"
        "            batch = claim_batch(self.emission, messages, announce)\n"
        "            if batch is None:\n"
        "                return\n",
        MODEL,
    ),
    Guard(
        "what nobody can tell is unknown",
        f"{LEDGER}/emission/recover.py",
        '("unknown" if found is None else "reserved", "read back")',
        '("reserved", "read back")',
        f"{RECOVERY}::test_what_the_destination_cannot_tell_is_unknown_and_never_retried",
    ),
    Guard(
        "what is unknown is never tried again",
        f"{LEDGER}/emission/transitions.py",
        '    ("delivering", "reserved"): True,\n',
        '    ("delivering", "reserved"): True,\n    ("unknown", "reserved"): True,\n',
        "tests/unit/test_outbox_states.py",
    ),
    Guard(
        "a lost answer is unknown, unless the destination can tell",
        f"{LEDGER}/emission/handover.py",
        "if found is not None and not found and self.destination.idempotent:",
        "if not found:",
        MODEL,
    ),
    Guard(
        "who was taken over records nothing",
        f"{LEDGER}/emission/batches.py",
        "    if _fence(emission, connection, batch.batch_id) != batch.fence:",
        "    if False:",
        f"{LEASES}::test_an_emission_that_was_taken_over_in_mid_call_records_nothing",
    ),
    Guard(
        "nothing leaves once the lease is lost",
        f"{LEDGER}/emission/batches.py",
        "    emission.lease.check()\n",
        "",
        f"{LEASES}::test_nothing_leaves_once_the_lease_is_lost",
    ),
    Guard(
        "a lease has one holder",
        f"{LEDGER}/locks.py",
        "self._lock(fcntl.LOCK_SH if shared else fcntl.LOCK_EX)",
        "self._lock(fcntl.LOCK_SH)",
        f"{LEASES}::test_a_lease_has_one_holder_and_is_free_again_after_it",
    ),
    Guard(
        "what a live emission has reserved is left alone",
        f"{LEDGER}/emission/recover.py",
        "                return  # it is alive\n            work(replace(self.emission, "
        "run_id=left.run_id, name=left.name, lease=taken))",
        "                taken = self.emission.lease\n            work(replace(self.emission, "
        "run_id=left.run_id, name=left.name, lease=taken))",
        f"{LEASES}::test_what_a_live_emission_has_reserved_or_is_delivering_is_left_alone",
    ),
    Guard(
        "what another run left is cancelled, for a later plan to judge",
        f"{LEDGER}/emission/recover.py",
        '        dead.cancel("left_over")\n\n',
        "\n",
        f"{RECOVERY}::test_what_never_left_is_judged_anew_by_a_later_plan",
    ),
    Guard(
        "attempts are limited",
        f"{LEDGER}/emission/batches.py",
        "MessageRow.attempts >= MOST_ATTEMPTS",
        "MessageRow.attempts >= 10 * MOST_ATTEMPTS",
        f"{TROUBLE}::test_attempts_are_limited_over_all_runs",
    ),
    Guard(
        "the lake has a batch before the manifest names it, and its cursor goes with it",
        "connectors/core/landing.py",
        "        batches = [self.lake.store(draft) for draft in drafts]\n"
        "        self.manifest.commit(batches, list(self._cursors.values()), known)\n",
        "        self.manifest.commit([], list(self._cursors.values()), known)\n"
        "        batches = [self.lake.store(draft) for draft in drafts]\n"
        "        self.manifest.commit(batches, [], {})\n",
        f"{SHORT}::test_killed_anywhere_nothing_is_lost_doubled_or_unaccounted",
    ),
)


def is_there(guard: Guard, root: Path = ROOT) -> bool:
    """Whether the guard still stands where the list says."""
    return (root / guard.file).read_text(encoding="utf-8").count(guard.old) == 1


def notices(guard: Guard, copy: Path) -> bool:
    """Take a guard away in a copy of the project; whether its test fails then."""
    path = copy / guard.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(guard.old, guard.new), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", guard.test],
            cwd=copy, capture_output=True, text=True, check=False, timeout=MOST_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(whole, encoding="utf-8")
    return done.returncode == 1


def main(names: Sequence[str]) -> int:
    """Look at the guards whose names hold one of these words, or at all; 1 if one is missed."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="parley-guards-") as folder:
        copy = Path(folder)
        for name in COPIED:
            copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copied(ROOT / name, copy / name)
        for guard in GUARDS:
            if names and not any(name in guard.name for name in names):
                continue
            found = is_there(guard) and notices(guard, copy)
            missed += not found
            told = "noticed" if found else "MISSED" if is_there(guard) else "NOT THERE"
            print(told, "·", guard.name, "·", guard.test, flush=True)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
