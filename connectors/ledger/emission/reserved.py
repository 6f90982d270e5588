"""What became of a slice that was reserved, in numbers."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, case, func, select

from connectors.ledger.emission.scratch import CANDIDATES

_C = CANDIDATES.c


@dataclass(frozen=True)
class Reserved:
    """What became of a slice: numbers of messages; `refused` by reason."""

    reserved: int = 0
    held: int = 0
    absorbed: int = 0
    refused: dict[str, int] = field(default_factory=dict)


def count(connection: Connection) -> Reserved:
    """Count the candidates by what was decided of them."""
    reason = case((_C.ruling == "refused", _C.refusal), else_="")
    columns = (_C.ruling, case((_C.ruling == "admitted", _C.verdict), else_=""), reason)
    result: dict[str, int] = {}
    refused: dict[str, int] = {}
    for ruling, verdict, why, rows in connection.execute(
        select(*columns, func.count()).group_by(*columns)
    ):
        if ruling == "refused":
            refused[why] = rows
        else:
            result[verdict or ruling] = rows
    return Reserved(
        reserved=result.get("send", 0),
        held=result.get("hold", 0),
        absorbed=result.get("absorbed", 0),
        refused=refused,
    )
