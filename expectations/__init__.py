"""Quality gates: Great Expectations suites as code, one for each boundary that data crosses."""

from __future__ import annotations

from expectations.gate import GateResult, check_audiences, check_batches, check_marts, docs_index

__all__ = ["GateResult", "check_audiences", "check_batches", "check_marts", "docs_index"]
