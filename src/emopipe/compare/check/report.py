"""What a check found: a line for each thing that was checked, and tables behind them."""

from dataclasses import dataclass

from emopipe.compare.promotion_rule import Outcome
from emopipe.tracking.comparison_tables import Section


@dataclass(frozen=True)
class Item:
    """One thing that was checked."""

    name: str
    outcome: Outcome
    """`open`: it could not be told, which does not fail the check."""
    text: str
    """What was found, in a line."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of a check."""

    title: str
    """What was held against what."""
    items: tuple[Item, ...]
    short: tuple[Section, ...]
    """Tables to be seen at once."""
    more: tuple[Section, ...]
    """Tables for who asks."""

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(item.outcome != "failed" for item in self.items)

    @property
    def headline(self) -> str:
        """The verdict in a line: what failed, or what could not be told."""
        by_outcome = {
            outcome: ", ".join(item.name for item in self.items if item.outcome == outcome)
            for outcome in ("failed", "open")
        }
        if not self.passed:
            return f"Failed: {by_outcome['failed']}"
        return "Passed" + (f"; open: {by_outcome['open']}" if by_outcome["open"] else "")
