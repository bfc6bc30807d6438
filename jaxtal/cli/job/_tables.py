"""The tables of a job file. Each key is said here, once: its type, default and meaning."""

import dataclasses
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ...phasing import Recipe, recipe
from ._table import Table, only, refusal, told_by
from ._values import (
    BelowOne,
    Character,
    Column,
    Count,
    FilePath,
    FileStem,
    IntegerMatrix,
    Matrix,
    ModelName,
    NonNegative,
    Pixels,
    Positive,
    RecipeName,
    Share,
    SimpleFraction,
    Text,
    Vector,
    Whole,
)


class DataTable(Table):
    """Where reflections come from."""


class ModelData(DataTable):
    """A model of the package, with known phases."""

    when: ClassVar[str] = "beside model"
    model: ModelName
    """a model of the package, which brings its basis and group, and true phases to compare with"""


class FileData(DataTable):
    """A file of measured reflections."""

    file: FilePath
    """path, from the folder of the job; may hold ~ and environment variables"""
    min_i_over_sigma: NonNegative | None = None
    """leaves out I <= 0 and I <= this many sigma"""
    d_min: Positive | None = None
    """resolution limit, angstrom"""
    merge: Literal["first", "mean"] = "first"
    """of equivalent rows the first counts, or their mean, weighted with 1 / sigma^2"""
    extinct: Literal["error", "drop"] = "error"
    """systematically absent rows are named, or left out"""
    index_matrix: IntegerMatrix | None = None
    """integers [[...], ...]: k = index_matrix @ (indices of the file)"""


class ColumnsData(FileData):
    """A text file of columns."""

    when: ClassVar[str] = 'for format = "columns"'
    format: Literal["columns"]
    """"columns", "hkl" (SHELX), "cif" or "csv" (k1, ..., kn, I)"""
    indices: Annotated[list[Column], Field(min_length=1)]
    """columns of the indices, by name in the header line or by number from 0"""
    intensity: Column | None = None
    """column of the intensity; or amplitude"""
    amplitude: Column | None = None
    """column of |F|; or intensity"""
    sigma: Column | None = None
    """column of the standard deviation, for cuts and weights"""
    header_line: Count | None = None
    """number of the header line from 1; default the first line with all the names"""
    delimiter: Character | None = None
    """what separates columns, default white space"""

    @model_validator(mode="after")
    def _check_value(self) -> "ColumnsData":
        given = {key: getattr(self, key) for key in ("intensity", "amplitude")}
        only({key: value for key, value in given.items() if value is not None}, *given)
        return self


class HklData(FileData):
    """A file of SHELX."""

    when: ClassVar[str] = 'for format = "hkl"'
    format: Literal["hkl"]
    hklf: Annotated[int, Field(ge=3)] = 4
    """4: intensities, 3: amplitudes"""


class CifData(FileData):
    """A CIF of reflections."""

    when: ClassVar[str] = 'for format = "cif"'
    format: Literal["cif"]
    block: Text | None = None
    """name of the block, default the only one with reflections"""


class CsvData(FileData):
    """Comma-separated k1, ..., kn, I, as phases.csv has them."""

    when: ClassVar[str] = 'for format = "csv"'
    format: Literal["csv"]


def _kind_of_data(values: Any) -> str:
    if only(values, "file", "model") == "model":
        return "model"
    if "format" not in values:
        raise refusal("format is missing: expected one of columns, hkl, cif, csv")
    return _chosen(values, "format", "columns", "hkl", "cif", "csv")


def _chosen(values: dict[str, Any], key: str, *names: str) -> str:
    name = values[key]
    if name not in names:
        raise refusal(f"{key}: expected one of {', '.join(names)}, got {name!r}")
    return name


Data = Annotated[
    Annotated[ModelData, Tag("model")]
    | Annotated[ColumnsData, Tag("columns")]
    | Annotated[HklData, Tag("hkl")]
    | Annotated[CifData, Tag("cif")]
    | Annotated[CsvData, Tag("csv")],
    Discriminator(_kind_of_data),
    told_by(_kind_of_data),
]


class SpaceTable(Table):
    """The reciprocal basis."""


class IcosahedralSpace(SpaceTable):
    """The primitive icosahedral lattice."""

    when: ClassVar[str] = "for an icosahedral lattice"
    lattice: Literal["icosahedral"]
    """"icosahedral", "decagonal", "octagonal" or "dodecagonal" """
    a: Positive
    """angstrom: the six vectors have length pi / a; of axial lattices the edge of the tiles"""


class AxialSpace(SpaceTable):
    """A quasilattice in the plane, periodic along its axis."""

    when: ClassVar[str] = "for an axial lattice"
    lattice: Literal["decagonal", "octagonal", "dodecagonal"]
    a: Positive
    """edge of the tiles, angstrom"""
    c: Positive
    """period of axial lattices, angstrom"""


class CellSpace(SpaceTable):
    """A periodic or modulated crystal."""

    when: ClassVar[str] = "beside cell"
    cell: Vector | Matrix
    """[a, b, c, alpha, beta, gamma] in angstrom and degrees, [a, b, gamma], or rows of vectors"""
    q_vectors: Vector | Matrix | None = None
    """of modulations, in a*, b*, c*: one row for each"""


class BasisSpace(SpaceTable):
    """Any reciprocal basis."""

    when: ClassVar[str] = "beside parallel"
    parallel: Matrix
    """rows of the reciprocal basis in physical space, 1/angstrom, with 2 pi"""
    perpendicular: Matrix | None = None
    """rows of the reciprocal basis in internal space"""


def _kind_of_space(values: Any) -> str:
    way = only(values, "lattice", "cell", "parallel")
    if way != "lattice":
        return way
    names = ("icosahedral", "decagonal", "octagonal", "dodecagonal")
    return "icosahedral" if _chosen(values, "lattice", *names) == "icosahedral" else "axial"


Space = Annotated[
    Annotated[IcosahedralSpace, Tag("icosahedral")]
    | Annotated[AxialSpace, Tag("axial")]
    | Annotated[CellSpace, Tag("cell")]
    | Annotated[BasisSpace, Tag("parallel")],
    Discriminator(_kind_of_space),
    told_by(_kind_of_space),
]


class Operation(Table):
    """x' = W x + w."""

    rotation: IntegerMatrix
    """integers [[...], ...]"""
    translation: list[SimpleFraction] | None = None
    """fractions of the cell, as 0.25 or "1/4" """


class GroupTable(Table):
    """The symmetry."""


class NamedGroup(GroupTable):
    """A group of the library."""

    when: ClassVar[str] = "beside name"
    name: Text | Count
    """"P 21/c", 14, "icosahedral P235", "decagonal P10_5/mmc", ..."""


class GeneratedGroup(GroupTable):
    """A group by generators."""

    when: ClassVar[str] = "beside generators"
    generators: Annotated[list[Text | Operation], Field(min_length=1)]
    """strings as "x3,x1,x2,x6,x4,x5" or tables {rotation = [[...], ...], translation = [...]}"""


def _kind_of_group(values: Any) -> str:
    return only(values, "name", "generators")


Group = Annotated[
    Annotated[NamedGroup, Tag("name")] | Annotated[GeneratedGroup, Tag("generators")],
    Discriminator(_kind_of_group),
    told_by(_kind_of_group),
]


class SharpeningTable(Table):
    """What sqrt(I) is divided by."""


class CompositionSharpening(SharpeningTable):
    """Form factors of a composition."""

    when: ClassVar[str] = 'for method = "composition"'
    method: Literal["composition"] = "composition"
    """"composition", "wilson", "normalised_e", "none", or "model": a model's own form factor"""
    composition: Text | dict[str, float]
    """elements or ions, as "Cd5.7Yb" or {Cd = 5.7, Yb = 1}: their root mean square form factor"""
    b_iso: float = 0.0
    """times exp(-B s^2), B in A^2"""
    table: Text = "waasmaier-kirfel"
    """of form factors"""


class WilsonSharpening(SharpeningTable):
    """Form factors, B and scale from a Wilson plot."""

    when: ClassVar[str] = 'for method = "wilson"'
    method: Literal["wilson"]
    composition: Text | dict[str, float]
    """elements or ions"""
    table: Text = "waasmaier-kirfel"
    """of form factors"""
    shells: Count | None = None
    """of resolution, default by the number of reflections"""


class NormalisedSharpening(SharpeningTable):
    """Normalised structure factors."""

    when: ClassVar[str] = 'for method = "normalised_e"'
    method: Literal["normalised_e"]
    shells: Count | None = None
    """of resolution"""
    with_epsilon: bool = True
    """whether the multiplicity of symmetry counts in <I>"""


class ModelSharpening(SharpeningTable):
    """The form factor of a model."""

    when: ClassVar[str] = 'for method = "model"'
    method: Literal["model"]


class NoSharpening(SharpeningTable):
    """None."""

    when: ClassVar[str] = 'for method = "none"'
    method: Literal["none"]


def _kind_of_sharpening(values: Any) -> str:
    if isinstance(values, dict) and "method" in values:
        return _chosen(values, "method", "composition", "wilson", "normalised_e", "model", "none")
    return "composition"


Sharpening = Annotated[
    Annotated[CompositionSharpening, Tag("composition")]
    | Annotated[WilsonSharpening, Tag("wilson")]
    | Annotated[NormalisedSharpening, Tag("normalised_e")]
    | Annotated[ModelSharpening, Tag("model")]
    | Annotated[NoSharpening, Tag("none")],
    Discriminator(_kind_of_sharpening),
    told_by(_kind_of_sharpening),
]


class WindowTable(Table):
    """What sqrt(I) is multiplied by."""


class ChosenWindow(WindowTable):
    """Windows by name."""

    when: ClassVar[str] = "without automatic = true"
    parallel: Text = "ball"
    """in physical space: "ball" (autocorrelation of a ball), "none", "hann", "gaussian", ..."""
    perpendicular: Text | None = None
    """the same in internal space, default "ball", for modulated crystals "none" """
    automatic: Literal[False] = False
    """instead of both: fitted, so that a point comes out flattest"""


class AutomaticWindow(WindowTable):
    """A window fitted to the reflections."""

    when: ClassVar[str] = "beside automatic = true"
    automatic: Literal[True]
    height: NonNegative = 0.0
    """how much the height of the peak counts beside flatness"""


def _kind_of_window(values: Any) -> str:
    automatic = isinstance(values, dict) and values.get("automatic") is True
    return "automatic" if automatic else "chosen"


Window = Annotated[
    Annotated[ChosenWindow, Tag("chosen")] | Annotated[AutomaticWindow, Tag("automatic")],
    Discriminator(_kind_of_window),
    told_by(_kind_of_window),
]


class RunTable(Table):
    """How it is run; options of the command line count instead."""

    recipe: RecipeName = "default"
    """stages of cycles: "default", "thorough", "relaxed", "sweep", ..."""
    starts: Count = 4
    """from how many sets of random phases"""
    iterations: Count | None = None
    """of the first stage of the recipe, default the recipe's own"""
    seed: Whole = 0
    """of everything random"""
    dtype: Literal["float32", "float64"] = "float32"
    """precision"""
    unmeasured: Literal["zero", "free"] | NonNegative = "zero"
    """reflections that were not measured: "zero", "free", or a bound in units of the rms modulus"""
    ratio: Positive | None = None
    """least (max - median) / (median - min) of a solution, default the recipe's"""
    agreement: BelowOne | None = None
    """least agreement with another start, default the recipe's"""
    r_factor: Positive | None = None
    """largest R of a solution, default the recipe's"""
    restarts: Whole | None = None
    """how often a start that fails is begun again, default the recipe's"""
    grid: FilePath | None = None
    """a file: the alias-free grid is kept there after the search, and read if it exists"""
    checkpoint: FilePath | None = None
    """a file that work is kept in; a later run goes on from it"""

    def stages(self, reflections: int) -> Recipe:
        """The recipe for so many reflections, changed as asked."""
        found = recipe(self.recipe, reflections)
        found = found if self.iterations is None else found.resized(self.iterations)
        limits = {key: getattr(self, key) for key in ("ratio", "agreement", "r_factor", "restarts")}
        return dataclasses.replace(found, **{k: v for k, v in limits.items() if v is not None})


class SectionTable(Table):
    """A plane to draw, and the files of its picture."""

    name: FileStem | None = None
    """of the files, default section1, section2, ..."""
    origin: Vector | None = None
    """the point in the middle, in lattice coordinates"""
    shape: Pixels | Annotated[list[Pixels], Field(min_length=2, max_length=2)] = 256
    """pixels, [n, m] or both the same"""
    clip: list[Share] = Field([0.0, 1.0], min_length=2, max_length=2)
    """[low, high]: where the colours begin and end, shares of the largest value"""
    outline: bool = True
    """whether cells are outlined"""

    @model_validator(mode="after")
    def _check_clip(self) -> "SectionTable":
        low, high = self.clip
        if not (low < 1 and high > 0):
            raise refusal(f"clip: expected low < 1 and high > 0, got {self.clip}")
        return self


class LatticeSection(SectionTable):
    """A plane along lattice vectors."""

    when: ClassVar[str] = "beside lattice"
    lattice: IntegerMatrix
    """two lattice vectors; or physical or perpendicular vectors, or one of each"""
    repeat: list[Positive] = Field([1.0, 1.0], min_length=2, max_length=2)
    """cells to show along the two"""


class VectorSection(SectionTable):
    """A plane along vectors of physical or internal space, or one of each."""

    when: ClassVar[str] = "without lattice vectors"
    physical: Matrix | None = None
    """edges in physical space, angstrom"""
    perpendicular: Matrix | None = None
    """edges in internal space"""


def _kind_of_section(values: Any) -> str:
    return "lattice" if isinstance(values, dict) and "lattice" in values else "vectors"


Section = Annotated[
    Annotated[LatticeSection, Tag("lattice")] | Annotated[VectorSection, Tag("vectors")],
    Discriminator(_kind_of_section),
    told_by(_kind_of_section),
]


class OutputTable(Table):
    """Files to write besides summary.json and the sections."""

    csv: bool = True
    """phases.csv: k1, ..., kn, I, real(ampl), imag(ampl)"""
    npz: bool = True
    """phases.npz: every start, symmetry, settings"""
    ccp4: bool | None = None
    """density.ccp4, for viewers of density; by default where there can be one"""
    density: bool = False
    """density.npz: values on the alias-free grid"""
    peaks: bool | Count = False
    """peaks.csv: the highest, one of each set of equivalents: true, or how many"""
    peaks_above: BelowOne = 0.1
    """least height of a peak, as a share of the highest"""

    @property
    def n_peaks(self) -> int:
        """How many peaks to list, 0 for none."""
        return (50 if self.peaks else 0) if isinstance(self.peaks, bool) else self.peaks


class JobTables(Table):
    """All of a job file."""

    entries: ClassVar[str] = "section or key"
    data: Data
    space: Space | None = None
    group: Group | None = None
    sharpening: Sharpening | None = None
    window: Window = ChosenWindow()
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
