"""Control totals: two figures that come by different ways, and all that lies between them.

left + what explains the difference = right          or else it does not tie out
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Unit = Literal["points", "money"]
Figure = int | Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """A part of the difference, in words by its key with these values, and where it can be looked at."""

    key: str
    amount: Figure
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One pair of figures; `key` names the words of the whole, `.left` and `.right` those of its sides."""

    key: str
    unit: Unit
    left: Figure
    right: Figure
    explanations: tuple[Explanation, ...] = ()

    @property
    def difference(self) -> Figure:
        return self.right - self.left

    @property
    def unexplained(self) -> Figure:
        return self.difference - sum(explanation.amount for explanation in self.explanations)

    @property
    def ties_out(self) -> bool:
        return not self.unexplained


def all_tie_out(controls: tuple[Control, ...]) -> bool:
    return all(control.ties_out for control in controls)
