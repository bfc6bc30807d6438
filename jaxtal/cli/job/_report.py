"""What came out of a phasing job, for people and for machines."""

import dataclasses
import math
from typing import Any

import numpy as np

from ...phasing import Equivalences, Phasing
from ._read import Job

#: Families listed for people.
_SHOWN = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """A finished job.

    Attributes:
        job: what was asked for.
        result: what was found.
        truth: agreement of each start with the model's true phases, None for measured data; where
            several structures have the moduli, with the one it agrees with best.
        which: number of that structure, from 1, for each start.
        seconds: from reading the job to the end of the run.
    """

    job: Job
    result: Phasing
    truth: tuple[float, ...] | None
    which: tuple[int, ...]
    seconds: float

    @classmethod
    def of(cls, job: Job, result: Phasing, seconds: float) -> "Report":
        """Compare with the true phases, where they are known."""
        return cls(job, result, *_truth(job, result), seconds)

    @property
    def finished(self) -> bool:
        """Some start came to its end, so that there are phases to write."""
        return bool(np.any(self.result.f))

    @property
    def exit_code(self) -> int:
        """0 converged, 1 not, 130 interrupted."""
        return 130 if self.result.interrupted else 0 if self.result.converged else 1

    def for_machines(self, files: list[str]) -> dict[str, Any]:
        """JSON types; numbers that are not finite are null."""
        result, counts = self.result, self.result.problem.reflections.report
        starts = [
            {
                "iterations": start.cycles,
                "converged": bool(start.converged),
                "ratio": start.ratio,
                "agreement": start.agreement,
                "seconds": start.seconds,
                "r_factor": start.r_factor,
                "attempts": start.attempts,
            }
            for start in result.starts
        ]
        for start, value in zip(starts, self.truth or (), strict=False):
            start["true_agreement"] = value
        if self._choices > 1:
            for start, number in zip(starts, self.which, strict=False):
                start["structure"] = number
        orbits = result.problem.orbits
        return _plain(
            {
                "orbits": {
                    "real": counts.real,
                    "complex": counts.complex,
                    "extinct": counts.extinct_orbits,
                },
                "reflections": counts.reflections,
                "grid_points": list(result.grid_points),
                "starts": starts,
                "seconds": {name: result.seconds[name] for name in ("compile", "grid", "run")},
                "converged": result.converged,
                "interrupted": result.interrupted,
                "warnings": result.setting.warnings,
                "families": [
                    {
                        "starts": list(family.starts),
                        "agreement": family.agreement,
                        "r_factor": family.r_factor,
                        "ratio": family.ratio,
                        "dominance": family.dominance,
                        "converged": family.converged,
                    }
                    for family in result.families
                ],
                "witnesses": [
                    {
                        "runs": list(witness.runs),
                        "agreement": witness.pairs,
                        "operators": witness.operators,
                        "r_factor": witness.r_factor,
                        "holds": witness.holds,
                    }
                    for witness in result.witnesses
                ],
                "best": result.best if self.finished else None,
                "r_factor": result.starts[result.best].r_factor,
                "true_agreement": None if self.truth is None else self.truth[result.best],
                "unmeasured_orbits": len(orbits.k) - counts.kept,
                "dimension": orbits.group.dimension,
                "group": self._group,
                "recipe": self.job.run.recipe,
                "changes": [dataclasses.asdict(change) for change in result.changes],
                "seed": self.job.run.seed,
                "dtype": self.job.run.dtype,
                "job": self.job.source,
                "message": result.message,
                "total_seconds": self.seconds,
                "files": files,
            }
        )

    def for_people(self, files: list[str]) -> list[tuple[str, str]]:
        """Labels and lines."""
        result, counts = self.result, self.result.problem.reflections.report
        lines = counts.text().splitlines()
        rows = [("data", line) for line in lines[:-1]]
        rows.append(("orbits", lines[-1]))
        extra = len(result.problem.orbits.k) - counts.kept
        if extra:
            rows.append(("orbits", f"{extra} unmeasured ones take part"))
        rows.append(("lengths", result.setting.text()))
        rows += [("warning", warning) for warning in result.setting.warnings]
        rows.append(("group", f"{self._group}, {result.problem.orbits.group.dimension} dimensions"))
        rows.append(("grids", " then ".join(f"{n}" for n in result.grid_points) + " points"))
        done = [start for start in result.starts if math.isfinite(start.ratio)]
        if done:
            cycles = np.median([start.cycles for start in done])
            rows.append(("starts", f"median of {cycles:g} iterations"))
        families = result.families
        rows += [("families", family.text()) for family in families[:_SHOWN]]
        if len(families) > _SHOWN:
            rows.append(("families", f"and {len(families) - _SHOWN} more"))
        rows += [("witnesses", witness.text()) for witness in result.witnesses]
        if self.truth is not None and self.finished:
            rows.append(("truth", self._known))
            if self._choices > 1:
                rows.append(("homometric", self._homometric))
        spent = result.seconds
        rows += [
            ("verdict", result.message),
            (
                "time",
                f"{self.seconds:.1f} s: grids {spent['grid']:.1f} s, cycles {spent['run']:.1f} s "
                f"({spent['compile']:.1f} s of both to compile)",
            ),
        ]
        shown = [
            row if i == 0 or row[0] != rows[i - 1][0] else ("", row[1])
            for i, row in enumerate(rows)
        ]
        return shown + [("written" if i == 0 else "", file) for i, file in enumerate(files)]

    @property
    def _group(self) -> str:
        group = self.result.problem.orbits.group
        return group.hm or f"{group.order} operations"

    @property
    def _choices(self) -> int:
        model = self.job.model
        return 0 if model is None else 1 + len(model.alternatives)

    @property
    def _homometric(self) -> str:
        """Intensities cannot tell structures of equal moduli apart, and neither can phasing."""
        good = [w for w, t in zip(self.which, self.truth or (), strict=True) if t > 0.95]
        counts = [f"{good.count(i + 1)} starts found number {i + 1}" for i in range(self._choices)]
        return (
            f"{self._choices} structures have exactly these intensities, and each is a right "
            f"answer: {', '.join(counts)}"
        )

    @property
    def _known(self) -> str:
        truth, best = self.truth or (), self.result.best
        return (
            f"the best start agrees with the true phases at {truth[best]:.3f}; all starts: "
            + ", ".join(f"{value:.3f}" for value in truth[:8])
            + (", ..." if len(truth) > 8 else "")
        )


def _truth(job: Job, result: Phasing) -> tuple[tuple[float, ...] | None, tuple[int, ...]]:
    """Agreement with the model, modulo origin and hand; NaN for starts that were cut short."""
    if job.model is None:
        return None, ()
    orbits = job.model.reflections.orbits
    right = [job.model.F, *job.model.alternatives]
    true = [F * np.exp(-2j * np.pi * orbits.angle) for F in right]
    equivalences = Equivalences.build(orbits)
    values, which = [], []
    for f in result.f:
        found = np.asarray(f, complex)[: len(true[0])]
        if not np.any(found):
            values.append(math.nan)
            which.append(0)
            continue
        each = [equivalences.compare(one, found).value for one in true]
        values.append(max(each))
        which.append(int(np.argmax(each)) + 1)
    return tuple(values), tuple(which)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
