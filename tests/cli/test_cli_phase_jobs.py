"""Jobs: what is read from them, and what is refused, without running anything."""

import pathlib

import numpy as np
import pytest

from jaxtal.cli._errors import BadInputError
from jaxtal.cli.job import example_text, read_job, read_job_file
from jaxtal.cli.job._section_files import placed
from jaxtal.density import Density
from jaxtal.grids import mesh_for
from jaxtal.lattice import Superspace
from jaxtal.phasing import model

CIF = """data_x
loop_
_refln_index_h
_refln_index_k
_refln_index_l
_refln_index_m_1
_refln_F_squared_meas
_refln_F_squared_sigma
1 0 0 0 9 1
0 1 0 1 8 1
0 1 0 -1 7 1
2 1 0 1 6 9
"""
GOOD = {
    "data": 'file = "data.txt"\nformat = "columns"\nindices = [0, 1, 2]\nintensity = 3\nsigma = 4',
    "space": "cell = [4, 5, 6, 90, 90, 90]",
    "group": 'name = "P 2 2 21"',
}
ROWS = "h k l I sI\n1 0 0 10.0 0.1\n0 1 0 20.0 0.1\n0 0 2 30.0 0.1\n1 2 3 40.0 0.1\n"


def job(**sections):
    return "\n".join(f"[{name}]\n{text}" for name, text in (GOOD | sections).items() if text)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data.txt").write_text(ROWS)
    (tmp_path / "nan.txt").write_text(ROWS.replace("20.0", "nan"))
    (tmp_path / "fraction.txt").write_text(ROWS.replace("1 2 3", "1 2.5 3"))
    (tmp_path / "extinct.txt").write_text("0 0 1 10 1\n0 0 3 10 1\n")
    (tmp_path / "a.hkl").write_text("   1   0   0   10.00    0.10\n   1   1   0    5.00    0.10\n")
    (tmp_path / "a.csv").write_text("k1, k2, k3, I\n1, 0, 0, 10\n1, 1, 0, 5\n")
    return tmp_path


def read(text, folder):
    return read_job(text, "x.toml", "x", folder, {})


def data(text):
    return GOOD["data"].replace("data.txt", text)


def with_keys(section, text):
    return {section: f"{GOOD.get(section, '')}\n{text}"}


BAD = [
    # the last bullet of what must be refused: columns, indices, symmetry, group, absences, sigma
    ({"data": GOOD["data"].replace("[0, 1, 2]", '["a", "b", "c"]')}, "columns a, b, c"),
    ({"data": GOOD["data"].replace("intensity = 3", "intensity = 9")}, "at least 10 columns"),
    ({"data": GOOD["data"].replace("[0, 1, 2]", "[0, 1]")}, "expected 3 columns, got 2"),
    ({"data": data("fraction.txt")}, "expected an integer index"),
    ({"data": data("nan.txt")}, "finite number in column 3, got 'nan'"),
    ({"data": data("extinct.txt")}, "[0, 0, 1] (line 1)"),
    (
        {"data": data("extinct.txt") + '\nextinct = "drop"'},
        "none of which is left: 2 rows, 2 extinct",
    ),
    (
        {"data": GOOD["data"].replace("sigma = 4", "min_i_over_sigma = 1")},
        "min_i_over_sigma = 1: expected sigma",
    ),
    ({"group": 'generators = ["y,-x,z"]'}, "the basis does not fit the group"),
    ({"group": "generators = [{rotation = [[1,1,0],[0,1,0],[0,0,1]]}]"}, "[group] generators"),
    ({"group": "generators = [{rotation = [[2,0,0],[0,1,0],[0,0,1]]}]"}, "determinant"),
    (
        {"group": f"generators = [{{rotation = [[1,{2**64},0],[0,1,0],[0,0,1]]}}]"},
        "below 2147483648",
    ),
    ({"group": f"generators = [{{rotation = [[{'9' * 5000}]]}}]"}, "expected a TOML file"),
    (
        {
            "group": "generators = [{rotation = [[1,0,0],[0,1,0],[0,0,1]], "
            'translation = [0, 0, "1e999999999"]}]'
        },
        "simple fraction",
    ),
    ({"group": "generators = [{rotation = [[1,0],[0,1]]}]"}, "dimensions as [space] has"),
    (
        {
            "group": "generators = [{rotation = [[1,0,0],[0,1,0],[0,0,1]], "
            "translation = [0, 0, 0.3123]}]"
        },
        "fraction",
    ),
    ({"group": 'name = "P 9"'}, "[group] name"),
    ({"group": ""}, "[group] expected one of name, generators, got none"),
    ({"space": ""}, "[space] expected one of lattice, cell, parallel"),
    ({"space": "cell = [4, 5, 6]"}, "3"),
    ({"space": "cell = [4, 5, 6, 90, 90, 300]"}, "[space] cell"),
    ({"space": "cell = [4, 5, 6, 90, 90, 90]\nq_vectors = [[0.1, 0.2]]"}, "q_vectors"),
    ({"space": 'lattice = "icosahedral"\na = 5.7\nc = 3'}, "c has no meaning"),
    ({"space": 'lattice = "decagonal"\na = 5.7'}, "[space] c is missing"),
    ({"space": 'lattice = "cubic"\na = 5.7'}, "one of icosahedral, decagonal"),
    ({"space": 'lattice = "icosahedral"\na = -1'}, "a: expected a value above 0, got -1"),
    ({"space": "parallel = [[1, 0], [0, 1, 2]]"}, "[space]"),
    ({"data": ""}, "[data] expected one of file, model, got none"),
    ({"data": data("missing.txt")}, "missing.txt: no such file"),
    ({"data": data("${NOT_SET_ANYWHERE}/x")}, "NOT_SET_ANYWHERE"),
    ({"data": GOOD["data"].replace('"columns"', '"xls"')}, "one of columns, hkl, cif, csv"),
    ({"data": GOOD["data"] + "\nhklf = 4"}, 'hklf has no meaning for format = "columns"'),
    ({"data": GOOD["data"] + '\namplitude = "F"'}, "got intensity and amplitude"),
    ({"data": GOOD["data"] + "\nmerge = 3"}, "merge: expected 'first', 'mean' or 'robust', got 3"),
    (
        {"data": GOOD["data"] + "\nmin_i_over_sigma = true"},
        "sigma: expected a number, got True",
    ),
    (
        {"data": GOOD["data"] + "\nindex_matrix = [[0.5]]"},
        "expected an integer, got 0.5",
    ),
    ({"data": GOOD["data"] + "\nmerg = 1"}, "unknown key 'merg' (did you mean merge?)"),
    ({"data": 'model = "4d"'}, "model: expected one of icosahedral"),
    ({"data": 'model = "2d"\nmerge = "mean"'}, "merge has no meaning beside model"),
    ({"data": 'model = "2d"'}, "[space] has no meaning beside a model"),
    ({"dat": "x = 1"}, "unknown section or key 'dat' (did you mean data?)"),
    ({"sharpening": 'composition = "Qq"'}, "[sharpening]"),
    ({"sharpening": 'method = "composition"'}, "composition is missing"),
    ({"sharpening": 'method = "wilson"\ncomposition = "C"\nb_iso = 1'}, "b_iso has no meaning"),
    ({"sharpening": 'method = "model"'}, "needs a model"),
    ({"window": 'parallel = "kaiser"'}, "[window] expected a window among"),
    ({"window": 'automatic = true\nparallel = "ball"'}, "beside automatic"),
    ({"run": 'recipe = "magic"'}, "[run] recipe: expected one of"),
    ({"run": "starts = 0"}, "starts: expected a value >= 1, got 0"),
    ({"run": "starts = 2.0"}, "starts: expected an integer, got 2.0"),
    ({"run": 'dtype = "float16"'}, "dtype"),
    ({"run": 'unmeasured = "some"'}, "unmeasured"),
    ({"run": "agreement = 1.5"}, "agreement: expected a value below 1, got 1.5"),
    ({"run": 'grid = "data.txt"'}, "expected a grid"),
    ({"run": 'grid = "nowhere/grid.npz"'}, "nowhere"),
    ({"run": 'checkpoint = "."'}, "expected a file"),
    ({"output": "ccp4 = 1"}, "ccp4: expected true or false, got 1"),
    ({"output": "peaks = 0"}, "peaks: expected true or false or a value >= 1, got 0"),
    ({"[section]": "shape = 8"}, "[section 1] expected vectors"),
    ({"[section]": "lattice = [[1, 0, 0]]"}, "expected 2 vectors here, got 1"),
    ({"[section]": "lattice = [[1, 0, 0], [2, 0, 0]]"}, "independent"),
    ({"[section]": "lattice = [[1, 0], [0, 1]]\norigin = [0, 0, 0]"}, "[section 1] lattice"),
    ({"[section]": "physical = [[1, 0, 0], [0, 1]]"}, "[section 1] "),
    ({"[section]": "physical = [[1, 0, 0], [0, 1, 0]]\nrepeat = [2, 2]"}, "repeat has no meaning"),
    ({"[section]": 'name = "../x"\nlattice = [[1, 0, 0], [0, 1, 0]]'}, "name: expected letters"),
    ({"[section]": 'name = "phases"\nlattice = [[1, 0, 0], [0, 1, 0]]'}, "none of phases"),
    ({"[section]": "lattice = [[1, 0, 0], [0, 1, 0]]\nclip = [0.5, 2]"}, "clip"),
    (
        {"[section]": "lattice = [[1, 0, 0], [0, 1, 0]]\nclip = [0.5, 0.5]"},
        "clip: expected low < high",
    ),
    ({"[section]": "peaks_edge = 9\nrepeat = [2, 2]"}, "repeat has no meaning"),
]


@pytest.mark.parametrize(("sections", "fragment"), BAD, ids=[fragment for _, fragment in BAD])
def test_bad_jobs_are_refused_in_one_line(folder, sections, fragment):
    sections = {name.removeprefix("[").removesuffix("]"): text for name, text in sections.items()}
    text = job(**sections)
    text = text.replace("[section]", "[[section]]")
    with pytest.raises(BadInputError) as caught:
        read(text, folder)
    message = str(caught.value)
    assert fragment in message
    assert message.startswith("x.toml:") or "nowhere" in message


def test_the_command_refuses_before_it_writes(run, folder):
    (folder / "bad.toml").write_text(job(run="starts = 0"))
    (folder / "good.toml").write_text(job())
    (folder / "text.toml").write_text("just some words")
    before = set(folder.rglob("*"))
    for arguments, fragment in (
        (("bad.toml",), "starts"),
        (("text.toml",), "expected a TOML file"),
        (("missing.toml",), "missing.toml: no such file"),
        ((".",), "expected a file, got a folder"),
        (("good.toml", "--recipe", "magic"), "--recipe"),
        (("good.toml", "--starts", "0"), "--starts"),
        (("good.toml", "--iterations", "-3"), "--iterations"),
        (("good.toml", "-o", "data.txt"), "data.txt"),
        (("good.toml", "--checkpoint", "nowhere/x"), "nowhere"),
        (("good.toml", "--demo", "2d"), "got JOB.toml and --demo"),
        (("--example", "4d"), "4d"),
        (("--example", "2d", "--starts", "3"), "--starts"),
        ((), "JOB.toml"),
    ):
        result = run("phase", *arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("jaxtal: error: ")
        assert result.err.count("\n") == 1
        assert fragment in result.err
        assert set(folder.rglob("*")) == before


def test_formats_and_spaces(folder):
    one = read(job(), folder)
    assert one.problem.reflections.report.rows == 4
    assert one.output.ccp4
    for text in ('file = "a.hkl"\nformat = "hkl"', 'file = "a.csv"\nformat = "csv"'):
        found = read(job(data=text), folder).problem.reflections
        np.testing.assert_array_equal(found.k, [[1, 0, 0], [1, 1, 0]])
        np.testing.assert_allclose(found.intensity, [10, 5])
    # the same cell and group by other words
    matrix = (2 * np.pi * np.diag([1 / 4, 1 / 5, 1 / 6])).tolist()
    turn = '{rotation = [[-1,0,0],[0,-1,0],[0,0,1]], translation = [0,0,"1/2"]}'
    generators = f'generators = ["x,-y,-z", {turn}]'
    other = read(job(space=f"parallel = {matrix}", group=generators), folder)
    assert other.problem.orbits.group == one.problem.orbits.group
    np.testing.assert_allclose(other.problem.lower, one.problem.lower)


def test_sharpening_windows_and_limits(folder):
    plain = read(job(window='parallel = "none"'), folder).problem
    np.testing.assert_allclose(plain.lower * plain.scale, plain.reflections.amplitude)
    windowed = read(job(), folder).problem
    x = plain.reflections.q_parallel / (plain.reflections.q_parallel.max() * 1.25)
    expected = plain.reflections.amplitude * (1 + x / 2) * (1 - x) ** 2
    np.testing.assert_allclose(windowed.lower * windowed.scale, expected)
    for text in ('method = "normalised_e"', 'composition = {C = 2, "O2-" = 1}\nb_iso = 1'):
        found = read(job(sharpening=text), folder).problem
        assert not np.allclose(found.lower, windowed.lower)
    run = read(job(run='recipe = "sweep"\niterations = 7\nratio = 30\nrestarts = 1'), folder).run
    stages = run.stages(100)
    assert (stages.cycles, stages.ratio, stages.agreement, stages.restarts) == (7, 30, None, 1)
    free = read(job(run="unmeasured = 2"), folder).problem
    assert len(free.lower) > len(plain.lower)
    assert (free.upper[len(plain.lower) :] > 0).all()


def test_modulated_crystals_keep_their_satellites(folder):
    (folder / "m.cif").write_text(CIF)
    text = job(
        data='file = "m.cif"\nformat = "cif"\nmin_i_over_sigma = 1',
        space="cell = [4, 5, 6, 90, 90, 90]\nq_vectors = [[0, 0, 0.3]]",
        group='generators = ["x1,x2,x3,x4"]',
        window='parallel = "none"',
    )
    problem = read(text, folder).problem
    np.testing.assert_array_equal(problem.orbits.k, [[1, 0, 0, 0], [0, 1, 0, 1], [0, 1, 0, -1]])
    np.testing.assert_allclose(problem.lower * problem.scale, np.sqrt([9, 8, 7]))
    with pytest.raises(BadInputError, match="ccp4: expected a crystal in 3 dimensions"):
        read(text + "\n[output]\nccp4 = true", folder)


@pytest.mark.slow
def test_automatic_window(folder):
    rows = [f"{h} {k} {l} 10 1" for h in range(4) for k in range(1, 4) for l in range(4)]
    (folder / "data.txt").write_text("\n".join(rows))
    problem = read(job(window="automatic = true\nheight = 0.3"), folder).problem
    q, lower = problem.reflections.q_parallel, problem.lower
    order = np.argsort(q)
    assert (np.diff(lower[order]) <= 1e-9).all()  # equal intensities: the window itself


def test_sections_of_every_kind():
    text = (
        '[data]\nmodel = "decagonal"\n'
        "[[section]]\nphysical = [[9, 0, 0], [0, 9, 0]]\norigin = [0, 0, 0, 0, 0.25]\n"
        "[[section]]\nperpendicular = [[9, 0], [0, 9]]\nshape = 16\n"
        '[[section]]\nname = "mix.png"\nphysical = [[9, 0, 0]]\nperpendicular = [[9, 0]]\n'
        "[[section]]\nlattice = [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]\nrepeat = [2, 1]\n"
    )
    sections = read(text, pathlib.Path()).sections
    assert [s.name for s in sections] == ["section1", "section2", "mix", "section4"]
    assert [s.shape for s in sections] == [(256, 256), (16, 16), (256, 256), (256, 256)]
    space = Superspace.decagonal(2.5, 4.1)
    middle = sections[0].plane.points(np.array([0.5, 0.5]))
    np.testing.assert_allclose(middle, [0, 0, 0, 0, 0.25], atol=1e-12)
    r, s = space.components(sections[2].plane.edges)
    np.testing.assert_allclose(r, [[9, 0, 0], [0, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(s, [[0, 0], [9, 0]], atol=1e-9)
    with pytest.raises(BadInputError, match="used more than once"):
        read(
            text + '[[section]]\nname = "section1"\nphysical = [[9, 0, 0], [0, 9, 0]]',
            pathlib.Path(),
        )


@pytest.mark.parametrize("name", ["decagonal", "modulated", "2d", "3d"])
def test_examples_read_as_they_are(name):
    job = read(example_text(name), pathlib.Path())
    assert job.model is not None
    np.testing.assert_array_equal(job.problem.orbits.k, model(name).reflections.k)
    assert job.sections
    # what the comments say instead of the model is read too, up to the missing file
    block = example_text(name).split("\n# [data]\n")[1].split("\n\n")[0]
    text = "[data]\n" + "\n".join(line.removeprefix("#") for line in block.splitlines())
    with pytest.raises(BadInputError, match=r"measured\.\w+: no such file"):
        read(text, pathlib.Path())


def test_the_inflation_of_zn_mg_tm(tmp_path, monkeypatch):
    """The index matrix: five- and sixth indices exchanged, then tau^3 in physical space."""
    path = tmp_path / "znmgtm"
    header = "\n".join(["a line of the header"] * 13)
    rows = "\n".join("\t".join(map(str, [*row, 50.0, 49.0, 0.1])) for row in np.eye(6, dtype=int))
    path.write_text(f"{header}\n{rows}\n")
    monkeypatch.setenv("ZNMGTM_DATA", str(path))
    job = read(example_text("zn-mg-tm"), tmp_path)
    k = job.problem.reflections.k  # the six axes are one orbit
    assert job.problem.reflections.report.merged == 5
    np.testing.assert_array_equal(k, [[2, 1, 1, 1, 1, -1]])
    np.testing.assert_allclose(job.problem.reflections.intensity, [2500.0])
    import tomllib

    matrix = np.array(tomllib.loads(example_text("zn-mg-tm"))["data"]["index_matrix"])
    space, tau = Superspace.icosahedral(5.128), (1 + 5**0.5) / 2
    h = np.random.default_rng(0).integers(-3, 4, (20, 6))
    exchanged = np.stack([*h[:, :4].T, h[:, 5], -h[:, 4]], axis=1)
    np.testing.assert_allclose(
        space.q_parallel(h @ matrix.T), tau**3 * space.q_parallel(exchanged), atol=1e-9
    )
    inner = -(tau**-3) * space.q_perpendicular(exchanged)
    np.testing.assert_allclose(space.q_perpendicular(h @ matrix.T), inner, atol=1e-9)


def test_the_cd_yb_job(data_dir, monkeypatch):
    monkeypatch.setenv("JAXTAL_DATA", str(data_dir))
    job = read(example_text("icosahedral"), pathlib.Path())
    report = job.problem.reflections.report
    assert (report.rows, report.excluded_weak, report.merged) == (5381, 292, 11)
    assert (report.real, report.complex, report.reflections) == (1380, 3698, 522866)
    assert [section.name for section in job.sections] == ["fivefold", "fivefold-half", "atoms"]


def test_files_are_read_from_the_folder_of_the_job(folder, monkeypatch):
    (folder / "x.toml").write_text(job())
    monkeypatch.chdir(folder.parent)
    assert read_job_file(folder / "x.toml", {}).name == "x"


def test_sections_by_peaks_are_placed_where_the_atoms_are():
    """Of naphthalene, the highest peak and its neighbours give the plane of the molecule."""
    known = model("3d")
    orbits, space = known.reflections.orbits, known.reflections.space
    f = known.F * np.exp(-2j * np.pi * orbits.angle)
    grid = mesh_for(orbits.all_indices)
    density = Density.from_orbits(orbits, f, grid=grid, space=space)
    text = (
        '[data]\nmodel = "3d"\n[[section]]\npeaks_edge = 6\nshape = 48\n'
        '[[section]]\nlattice = [[1, 0, 0], [0, 0, 1]]\norigin = "peak"\n'
        "[[section]]\nlattice = [[1, 0, 0], [0, 0, 1]]\n"
    )
    planned = read(text, pathlib.Path()).sections
    molecule, along, given = placed(density, planned)
    assert given is planned[2]
    peak = density.peaks(50, above=0.3).position[0]
    for plan in (molecule, along):
        np.testing.assert_allclose(plan.plane.points(plan.plane.middle), peak, atol=1e-9)
    cut = density.section(molecule.plane, (48, 48))
    # All carbon atoms of the molecule are in the plane: maxima of the cut are as high as the peak.
    inner, high = cut.values[1:-1, 1:-1], 0.8 * float(density(peak))
    around = [
        np.roll(cut.values, (i, j), (0, 1))[1:-1, 1:-1] for i, j in np.argwhere(np.ones((3, 3))) - 1
    ]
    tops = (inner >= np.max(around, axis=0)) & (inner > high)
    assert tops.sum() >= 7
    # Nothing of this in two dimensions, or six.
    with pytest.raises(BadInputError, match="peaks_edge: expected a crystal in 3 dimensions"):
        read('[data]\nmodel = "2d"\n[[section]]\npeaks_edge = 6', pathlib.Path())
