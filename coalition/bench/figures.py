"""Medians, percentiles and ratios; the machine is noisy, so a figure is never one measurement."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share (0 to 1) of the values do not pass: the nearest rank."""
    if not values:
        raise ValueError("no value, no percentile")
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)), 1) - 1]


@dataclass(frozen=True, slots=True)
class Ratio:
    """What was measured, and the ceiling or peer beside it; each ratio is of the two parts of one round."""

    measured: float
    reference: float
    ratio: float
    ratio_min: float
    ratio_max: float


def ratio_of_rounds(measured: Sequence[float], *, reference: Sequence[float]) -> Ratio:
    """Return the medians and the median of the rounds' ratios: noise that hits both parts of a round cancels out."""
    ratios = [ours / theirs for ours, theirs in zip(measured, reference, strict=True)]
    return Ratio(median(measured), median(reference), median(ratios), min(ratios), max(ratios))
