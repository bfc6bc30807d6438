"""All of a job file: its tables, and what they must have together."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from ._form_factors import ChosenWindow, ModelSharpening, Sharpening, WindowChoice
from ._frame import Group, Space
from ._reflections import Data, ModelData
from ._sections import Section
from ._settings import OutputTable, RunTable
from ._table import Table, refusal


class JobTables(Table):
    """All of a job file."""

    entries: ClassVar[str] = "section or key"
    data: Data
    space: Space | None = None
    group: Group | None = None
    sharpening: Sharpening | None = None
    window: WindowChoice = ChosenWindow()
    run: RunTable = RunTable()
    section: list[Section] = Field([])
    output: OutputTable = OutputTable()

    @model_validator(mode="before")
    @classmethod
    def _insert_data(cls, values: Any) -> Any:
        """A job without [data] is told what that must have."""
        return {"data": {}, **values} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_frame(self) -> "JobTables":
        """Measured reflections need basis and group; a model brings its own."""
        model = isinstance(self.data, ModelData)
        for name, kinds in (("space", "lattice, cell, parallel"), ("group", "name, generators")):
            if model and getattr(self, name) is not None:
                raise refusal(f"[{name}] has no meaning beside a model, which brings its own")
            if not model and getattr(self, name) is None:
                raise refusal(f"[{name}] expected one of {kinds}, got none")
        if not model and isinstance(self.sharpening, ModelSharpening):
            raise refusal('[sharpening] method: "model" needs a model in [data]')
        names = [one.name or f"section{i}" for i, one in enumerate(self.section, 1)]
        for name in names:
            if names.count(name) > 1:
                raise refusal(f"[[section]] name: {name!r} is used more than once")
        return self
