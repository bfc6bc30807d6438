"""The live monitor as a user meets it: in a browser, beside a process of its own."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytestmark = pytest.mark.slow

# A process in the background of a shell is born deaf to Ctrl-C.
MAIN = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from jaxtal.cli import main; sys.exit(main())"
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage"
)
JOB = """
[data]
model = "2d"
[run]
starts = 400
iterations = 20000
recipe = "relaxed"
restarts = 0
"""
#: The element of a button with a label, wherever the widgets have put it.
BUTTON = """
const find = root => {
  for (const one of root.querySelectorAll("*")) {
    if (one.tagName === "BUTTON" && one.textContent.includes(arguments[0])) return one
    const found = one.shadowRoot ? find(one.shadowRoot) : null
    if (found) return found
  }
  return null
}
find(document)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    pytest.importorskip("bokeh", reason="the monitor needs bokeh: pip install 'jaxtal[monitor]'")
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="selenium drives the browser: pip install 'jaxtal[test]'"
    )
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS.split(), "--window-size=1280,943"):
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    from selenium.webdriver.chrome.service import Service

    made = webdriver.Chrome(options=options, service=Service(driver))
    yield made
    made.quit()


class Run:
    """`jaxtal ... --monitor` in a process, and its page in the browser."""

    def __init__(self, browser, folder, *arguments):
        self.browser, self.lines = browser, []
        command = [sys.executable, "-c", MAIN, *arguments, "--monitor", "--no-open"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.until(lambda: any("monitor: http" in line for line in self.lines), "an address")
        except BaseException:
            self.process.kill()
            self.ended()
            raise
        text = next(line for line in self.lines if "monitor: http" in line)
        self.address = re.search(r"http://127\.0\.0\.1:\d+/\S+", text)[0]

    def _read(self):
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def ended(self):
        """What it has printed, when it has ended."""
        assert self.process.stdout is not None
        if self.process.stdout.closed:
            return ""
        with self.process.stdout as pipe:
            text = pipe.read()
        self.process.wait(timeout=120)
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return text

    def until(self, what, name, seconds=300):
        end = time.monotonic() + seconds
        while not (found := what()):
            assert self.process.poll() is None, (name, self.lines[-5:])
            assert time.monotonic() < end, (name, self.lines[-5:])
            time.sleep(0.1)
        return found

    def open(self):
        self.browser.get_log("browser")  # what was said before is not of this page
        self.browser.get(self.address)
        self.until(lambda: self.js("return !!(window.Bokeh && Bokeh.documents[0])"), "a document")
        names = ("r_factor", "losses", "candidates")
        self.until(lambda: any(self.model(name, "data") for name in names), "curves")

    def js(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def model(self, name, key):
        code = "const m = Bokeh.documents[0].get_model_by_name(arguments[0]); "
        code += "return m ? JSON.parse(JSON.stringify(m[arguments[1]])) : null"
        return self.js(code, name, key)

    def set(self, name, key, value):
        self.js(
            "Bokeh.documents[0].get_model_by_name(arguments[0])[arguments[1]] = arguments[2]",
            name,
            key,
            value,
        )

    def press(self, label):
        self.js(f"{BUTTON}.click()", label)

    def drag(self, title):
        """Drag the pointer across a figure."""
        code = """const some = [...Bokeh.documents[0]._all_models.values()]
        const shown = some.find(m => m.type === "Figure" && m.title.text.startsWith(arguments[0]))
        const box = Bokeh.index.find_one(shown).el.getBoundingClientRect()
        return [box.left + box.width / 2, box.top + box.height / 2]"""
        x, y = self.js(code, title)
        mouse = {"button": "left", "clickCount": 1, "buttons": 1}
        for kind, dx in (("mousePressed", 0), *(("mouseMoved", 12 * i) for i in range(1, 6))):
            where = {"type": kind, "x": x + dx, "y": y, **mouse}
            self.browser.execute_cdp_cmd("Input.dispatchMouseEvent", where)
        where = {"type": "mouseReleased", "x": x + 60, "y": y, **mouse}
        self.browser.execute_cdp_cmd("Input.dispatchMouseEvent", where)

    def pictures(self):
        return int(self.model("seen", "value"))

    def kind(self):
        return re.search(r'id="kind"[^>]*>(\w+)<', self.model("state", "text"))[1]

    def cycle(self):
        return re.findall(r"cycle (\d+) of", self.model("state", "text"))

    def curve(self):
        """Places and values of the maxima of the first start that is shown."""
        code = "const d = Bokeh.documents[0].get_model_by_name('deciles0').data; "
        return self.js(code + "return [Array.from(d.xs[10]), Array.from(d.ys[10])]")

    def has_finished_starts(self):
        return len(self.model("r_factor", "data")["xs"]) >= 3

    def errors(self):
        log = self.browser.get_log("browser")
        return [one["message"] for one in log if one["level"] == "SEVERE"]

    def section(self):
        code = "const d = Bokeh.documents[0].get_model_by_name('section0').data; "
        return self.js(code + "return [Number(d.w[0]), Number(d.h[0]), Array.from(d.image[0])]")


@pytest.fixture
def phasing(browser, tmp_path):
    (tmp_path / "job.toml").write_text(JOB)
    run = Run(browser, tmp_path, "phase", "job.toml", "-o", "out")
    yield run
    run.process.kill()
    run.ended()


def test_a_phasing_run_in_a_browser(phasing, tmp_path):
    run = phasing
    run.open()
    first = run.pictures()
    run.until(lambda: run.pictures() >= first + 5, "five pictures")
    # Curves move.
    run.until(lambda: len(run.model("r_factor", "data")["xs"]) >= 1, "a curve")
    curve = run.curve()
    run.until(lambda: run.curve() != curve, "a curve that moves")
    run.until(lambda: run.model("families", "text"), "families")
    assert run.errors() == []
    # Buttons act.
    run.press("pause")
    run.until(lambda: run.kind() == "paused", "pause")
    time.sleep(1.5)
    held = run.cycle()
    time.sleep(1.5)
    assert run.cycle() == held
    run.press("step")
    run.until(lambda: run.cycle() != held, "one step")
    assert run.kind() == "paused"
    # Sections follow the plane, while it is paused too.
    before = run.until(lambda: (found := run.section())[2] and found, "a section")
    run.set("v", "value", "1 1")
    run.until(lambda: run.section()[:2] != before[:2], "another plane")
    other = run.section()
    assert not np.array_equal(other[2], before[2])
    run.set("point", "value", "0.3 0.4")
    run.until(lambda: run.section()[2] != other[2], "another point")
    run.set("u", "value", "2 2")
    run.until(lambda: "independent" in run.model("plane-message", "text"), "a refusal")
    # A number is changed from the next chunk on.
    run.set("slider0", "value_throttled", 0.3)
    run.press("resume")
    run.until(lambda: run.kind() == "running", "resume")
    run.until(lambda: "set to 0.3" in " ".join(run.lines) + run.model("log", "text"), "a change")
    # A second tab sees the same, and its end is no matter.
    tab, known = run.browser.current_window_handle, len(run.model("r_factor", "data")["xs"])
    run.browser.switch_to.new_window("tab")
    run.open()
    # And what was before it came.
    run.until(lambda: len(run.model("r_factor", "data")["xs"]) >= known, "all starts so far")
    seen = run.pictures()
    run.until(lambda: run.pictures() >= seen + 2, "pictures in a second tab")
    run.browser.close()
    run.browser.switch_to.window(tab)
    seen = run.pictures()
    run.until(lambda: run.pictures() >= seen + 2, "pictures after a tab was closed")
    # What is saved can be opened.
    run.press("save")
    run.until(lambda: (tmp_path / "out" / "monitor-001.html").exists(), "saved files")
    table = np.genfromtxt(tmp_path / "out" / "monitor-001.csv", delimiter=",", names=True)
    assert np.isfinite(table["maximum"]).all()
    with np.load(tmp_path / "out" / "monitor-001.npz") as data:
        assert data["f"].shape == (len(data["starts"]), data["orbit"].max() + 1)
    assert run.errors() == []
    # Stop does what Ctrl-C does.
    run.until(run.has_finished_starts, "two finished starts")
    run.press("stop")
    out = run.ended()
    assert run.process.returncode == 130
    assert "interrupted" in out
    assert any("finishing; Ctrl-C again to quit" in line for line in run.lines)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"phases.csv", "phases.npz"} <= files
    assert summary["starts"]
    # What was changed on the page, and when.
    (change,) = summary["changes"]
    assert change["value"] == pytest.approx(0.3)
    assert change["cycle"] > 0
    # The page has its last state, and stands without a server.
    assert run.kind() == "ended"
    assert run.errors() == []
    page = (tmp_path / "out" / "monitor-001.html").as_uri()
    run.browser.get(page)
    shown = "return !!(window.Bokeh && Bokeh.documents[0] && Bokeh.documents[0].is_idle)"
    end = time.monotonic() + 60
    while not run.js(shown):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert run.model("r_factor", "data")["xs"]
    assert run.errors() == []
    # As Ctrl-C: the same files and the same code.
    again = Run(run.browser, tmp_path, "phase", "job.toml", "-o", "again")
    again.open()
    again.until(again.has_finished_starts, "two finished starts")
    os.kill(again.process.pid, signal.SIGINT)
    again.ended()
    assert again.process.returncode == 130
    own = {name for name in files if not name.startswith("monitor-")}
    assert {path.name for path in (tmp_path / "again").iterdir()} == own


@contextlib.contextmanager
def running(browser, folder, *arguments):
    """A run that is no more when its test has ended."""
    run = Run(browser, folder, *arguments)
    with contextlib.ExitStack() as stack:
        stack.callback(run.ended)
        stack.callback(run.process.kill)
        yield run


#: Ends of the axes of the figure whose title begins so.
RANGES = """
const some = [...Bokeh.documents[0]._all_models.values()]
const shown = some.find(m => m.type === "Figure" && m.title.text.startsWith(arguments[0]))
const ends = [shown.x_range.start, shown.x_range.end, shown.y_range.start, shown.y_range.end]
return ends.every(Number.isFinite)"""


def test_a_reconstruction_in_a_browser(browser, tmp_path):
    arguments = ("reconstruct", "alpha-quartz", "--starts", "64", "--seed", "3", "-o", "out")
    with running(browser, tmp_path, *arguments) as run:
        run.open()
        atoms = "const d = Bokeh.documents[0].get_model_by_name('drawn').data; "
        atoms += "return Array.from(d.x)"
        drawn = run.until(lambda: run.js(atoms), "a crystal")
        assert len(drawn) >= 9
        # Dragged, it turns: all of it in the page.
        turned = "Bokeh.documents[0].get_model_by_name('turn').data.m"
        first = run.js(f"return Array.from({turned})")
        run.drag("Best crystal")
        run.until(lambda: run.js(f"return Array.from({turned})") != first, "a turn")
        assert run.js("return Bokeh.documents[0].get_model_by_name('target-radial').data.x.length")
        # Every start that has begun has a curve, and they are in sight.
        assert all(run.model("losses", "data")["xs"])
        assert run.js(RANGES, "Loss of")
        assert run.errors() == []
        run.press("pause")
        run.until(lambda: run.kind() == "paused", "pause")
        run.press("save")
        run.until(lambda: (tmp_path / "out" / "monitor-001.html").exists(), "saved files")
        table = np.genfromtxt(tmp_path / "out" / "monitor-001.csv", delimiter=",", names=True)
        assert len(table.dtype.names) > 64
        assert np.isfinite(table["step"]).all()
        run.press("resume")
        run.until(lambda: run.kind() == "running", "resume")
        assert run.errors() == []
        run.press("stop")
        run.ended()
        assert run.process.returncode == 130
        assert (tmp_path / "out" / "history.csv").exists()


def test_a_search_from_a_composition_in_a_browser(browser, tmp_path):
    some = ("--composition", "TiO2", "--atoms", "6", "--groups", "136")
    with running(browser, tmp_path, "reconstruct", "rutile", *some, "-o", "out") as run:
        run.open()
        run.press("pause")
        run.until(lambda: run.kind() == "paused", "pause")
        run.press("resume")
        run.ended()
        assert run.process.returncode == 0
        # The last state is the end.
        assert run.kind() == "ended"
        assert "one crystal has this descriptor" in run.model("state", "text")
        losses = "Bokeh.documents[0].get_model_by_name('candidates').data.y"
        assert run.js(f"return Math.min(...{losses})") <= 1e-8
        assert run.js(RANGES, "Loss of")
        assert "tP" in run.model("lattices", "text")
        assert run.model("explained", "data")["x"]
        count = "return Bokeh.documents[0].get_model_by_name('atoms').data.x.length"
        assert run.js(count) >= 9
        assert (tmp_path / "out" / "reconstructed.cif").exists()
        assert run.errors() == []


#: Times slower than it could be: a picture takes the page seconds.
RATE = 8
SHORT = JOB.replace("starts = 400", "starts = 20").replace("20000", "3000")


def test_a_slow_browser_sees_fewer_pictures_and_the_last(browser, tmp_path):
    (tmp_path / "job.toml").write_text(SHORT)
    with running(browser, tmp_path, "phase", "job.toml", "-o", "out") as run:
        run.open()
        browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": RATE})
        try:
            run.ended()
            # What was sent last is drawn in the browser's own time.
            end = time.monotonic() + 60
            while run.kind() != "ended" and time.monotonic() < end:
                time.sleep(0.2)
        finally:
            browser.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
        assert run.process.returncode in (0, 1)
        assert run.kind() == "ended"
        assert run.curve()[0]
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert summary["changes"] == []
        assert len(summary["starts"]) == 20


def test_a_closed_tab_leaves_the_run_alone(browser, tmp_path):
    (tmp_path / "job.toml").write_text(SHORT)
    with running(browser, tmp_path, "phase", "job.toml", "-o", "out") as run:
        run.open()
        run.browser.get("about:blank")
        run.ended()
        assert run.process.returncode in (0, 1)
        assert (tmp_path / "out" / "summary.json").exists()


def test_a_page_whose_server_was_killed_stands(browser, tmp_path):
    (tmp_path / "job.toml").write_text(JOB)
    with running(browser, tmp_path, "phase", "job.toml", "-o", "out") as run:
        run.open()
        run.until(lambda: run.model("r_factor", "data")["xs"], "a curve")
        assert run.errors() == []
        run.process.kill()
        run.ended()
        time.sleep(1.0)
        # What was drawn is still there; all that is said is that the connection is lost.
        assert run.model("r_factor", "data")["xs"]
        assert all("bokeh" in one.lower() and "websocket" in one.lower() for one in run.errors())
