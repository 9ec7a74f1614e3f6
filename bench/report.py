"""Owns how figures are shown: a table of each benchmark, and what machine they were taken on."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from helpninja_app.answers.evaluation.metrics import percentile

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a table; ``is_met`` is empty where there is no target."""

    name: str
    value: str
    target: str = ""
    is_met: bool | None = None
    peer: str = ""

    @property
    def verdict(self) -> str:
        return {True: "met", False: "NOT met", None: ""}[self.is_met]


def at_most(name: str, value: float, target: float, unit: str, *, peer: str = "") -> Figure:
    """A figure that is met when it is not above its target."""
    return Figure(name, f"{value:,.1f} {unit}", f"<= {target:g} {unit}", value <= target, peer)


def at_least(name: str, value: float, target: float, unit: str, *, peer: str = "") -> Figure:
    """A figure that is met when it is not below its target."""
    return Figure(name, f"{value:,.1f} {unit}", f">= {target:g} {unit}", value >= target, peer)


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print a table as Markdown, so that it can stand in RESULTS.md as it is."""
    heads = ("figure", "value", "target", "", "peer")
    rows = [(row.name, row.value, row.target, row.verdict, row.peer) for row in figures]
    widths = [max(len(line[column]) for line in (heads, *rows)) for column in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    print(f"\n## {title}\n")
    print(machine(), end="\n\n")
    print(line(heads))
    print(line(["-" * width for width in widths]))
    for row in rows:
        print(line(row))
    sys.stdout.flush()


def say(text: str) -> None:
    """Say on stderr what is being done: stdout is for the tables."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def median_of(runs: Sequence[Sequence[float]], share: float) -> float:
    """The median over runs of each run's percentile ``share`` (0..1]."""
    return statistics.median(percentile(run, share) for run in runs)


def machine() -> str:
    """One line: commit, day, cores, processor, memory and how loaded the machine is at this moment."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, {os.cpu_count()} cores of"
        f" {_processor()}, {memory:.0f} GB, Python {platform.python_version()}, load average {load}"
    )


def _processor() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return found.stdout.strip() or "unknown"
