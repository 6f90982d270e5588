"""Great Expectations on DuckDB: every expectation becomes SQL, and no value comes back.

Importing this module imports Great Expectations, which takes seconds: `gate` does so when needed.

Three things make it work and keep it quiet. DuckDB's rows go with its connection, which Great
Expectations closes before it fetches, so they are buffered as each statement ends. Results are
BOOLEAN_ONLY, since every other format writes failing values into its pages; what failed is asked
again for its count alone, and that answer is not stored. An engine's error may quote a value, so
errors are stored without their message.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import great_expectations as gx
import great_expectations.expectations as gxe
import sqlalchemy as sa
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

from connectors.core.clock import utc_now
from expectations.relations import Relations, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from great_expectations.core import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.core.batch_definition import BatchDefinition
    from sqlalchemy.engine.default import DefaultExecutionContext
    from sqlalchemy.engine.interfaces import DBAPICursor

    from expectations.rules import Check, Rule

COUNTS_ONLY: Final = {"result_format": "BASIC", "partial_unexpected_count": 0}
WITHHELD: Final = {
    "raised_exception": True,
    "exception_message": "The expectation could not be evaluated; the message is withheld.",
    "exception_traceback": None,
}
SITE: Final = "parley"


@dataclass(frozen=True)
class Verdict:
    """What came out for one table: failures in words, and how many expectations were evaluated."""

    failed: list[str]
    evaluated: int


def run(
    suite: str, checks: Sequence[Check], *, label: str, root: str, site: Path | None
) -> dict[str, Verdict]:
    """Evaluate the checks of one gate, in one context.

    Args:
        suite: the gate's name, for messages.
        checks: the tables and their rules.
        label: which run this is, for the pages.
        root: the folder or fsspec URL that all files are under.
        site: an empty folder for Data Docs; None writes none.

    Returns:
        A verdict for each check, by name.
    """
    with _quiet(), Relations.under(root) as relations:
        session = Session(suite, relations, site)
        run_id = RunIdentifier(run_name=label, run_time=utc_now())
        verdicts = {check.name: session.look_at(check, run_id) for check in checks}
        if site is not None:
            session.context.build_data_docs(site_names=[SITE])
        return verdicts


class Session:
    """One context for all checks of a gate; nothing in it outlives the run but the pages."""

    def __init__(self, suite: str, relations: Relations, site: Path | None) -> None:
        """Start a context that keeps its stores in memory and calls nobody."""
        self.context = gx.get_context(mode="ephemeral", project_config=_config(site))
        self._relations = relations
        self._source = self.context.data_sources.add_sql(
            suite, connection_string=relations.url, create_temp_table=False
        )
        for engine in (self._source.get_engine(), self._source.get_execution_engine().engine):
            sa.event.listen(engine, "after_cursor_execute", _buffer)

    def look_at(self, check: Check, run_id: RunIdentifier) -> Verdict:
        """Fill the check's table and evaluate its rules."""
        try:
            table, columns = self._relations.fill(check)
        except UnreadableError as error:
            return Verdict([f"{check.name}: {error}"], 0)
        asset = self._source.add_table_asset(check.name, table_name=table)
        data = asset.add_batch_definition_whole_table("all")
        failed = self._validate(check, data, run_id)
        counts = _counts(
            check, data, [i for i in failed if columns.issuperset(check.rules[i].columns)]
        )
        lines = [_in_words(check, check.rules[i], columns, counts.get(i)) for i in sorted(failed)]
        self._relations.drop(table)
        return Verdict(lines, len(check.rules))

    def _validate(
        self, check: Check, data: BatchDefinition[Any], run_id: RunIdentifier
    ) -> list[int]:
        """The numbers of the rules that failed; the result is kept for the pages."""
        suite = self.context.suites.add(_suite(check.name, check.rules, range(len(check.rules))))
        definition = self.context.validation_definitions.add(
            gx.ValidationDefinition(name=check.name, data=data, suite=suite)
        )
        result = definition.run(result_format="BOOLEAN_ONLY", run_id=run_id)
        self._withhold_errors(result)
        return [_number(one) for one in result.results if not one.success]

    def _withhold_errors(self, result: ExpectationSuiteValidationResult) -> None:
        raised = [one for one in result.results if _raised(one)]
        for one in raised:
            one.exception_info = dict(WITHHELD)
        store = self.context.validation_results_store
        for key in store.list_keys() if raised else []:
            if (
                isinstance(key, ValidationResultIdentifier)
                and key.expectation_suite_identifier.name == result.suite_name
            ):
                store.set(key, result)


def _config(site: Path | None) -> DataContextConfig:
    sites = {
        SITE: {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(site),
            },
        }
    }
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        data_docs_sites=sites if site else {},
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )


def _suite(name: str, rules: Sequence[Rule], numbers: Collection[int]) -> gx.ExpectationSuite:
    """The expectations of some of the rules; each carries its rule's number."""
    expectations = [
        getattr(gxe, rules[number].kind)(**rules[number].args, meta={"rule": number})
        for number in numbers
    ]
    return gx.ExpectationSuite(name=name, expectations=expectations)


def _counts(check: Check, data: BatchDefinition[Any], numbers: Collection[int]) -> dict[int, int]:
    """How many rows offend each of these rules; the count and nothing else is taken."""
    if not numbers:
        return {}
    suite = _suite(f"{check.name} (counts)", check.rules, numbers)
    result = data.get_batch().validate(suite, result_format=COUNTS_ONLY)
    counts = {}
    for one in result.results:
        count = one.result.get("unexpected_count", one.result.get("observed_value"))
        if isinstance(count, int):
            counts[_number(one)] = count
    return counts


def _in_words(check: Check, rule: Rule, columns: Collection[str], count: int | None) -> str:
    subject = ".".join([check.name, ", ".join(rule.columns)]) if rule.columns else check.name
    missing = [name for name in rule.columns if name not in columns]
    if missing:
        return f"{subject}: there is no column {', '.join(missing)}"
    if count is None and "{n}" in rule.fault:
        return f"{subject}: the check could not be evaluated, look at the column's type"
    return f"{subject}: {rule.fault.format(n=count)}"


def _number(result: ExpectationValidationResult) -> int:
    config = result.expectation_config
    if config is None or config.meta is None:
        what = "a result has lost its rule"
        raise RuntimeError(what)
    return int(config.meta["rule"])


def _raised(result: ExpectationValidationResult) -> bool:
    info: Mapping[str, Any] = result.exception_info or {}
    nested = [one for one in info.values() if isinstance(one, dict)]
    return any(one.get("raised_exception") for one in (info, *nested))


def _buffer(connection: sa.Connection, cursor: DBAPICursor, *rest: object) -> None:
    """Fetch a statement's rows as it ends: SQLAlchemy's `after_cursor_execute`."""
    context = cast("DefaultExecutionContext", rest[2])
    if connection.dialect.name == "duckdb" and cursor.description:
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
            cursor, initial_buffer=cursor.fetchall()
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations from logging the engine's errors, which may quote values."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
