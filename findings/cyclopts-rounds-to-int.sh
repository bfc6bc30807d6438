#!/usr/bin/env bash
# cyclopts 5.5.2: an option of type int takes a fraction and rounds it, halves to even, without a word.
#
# Guess before the run: `--starts 2.5` for `starts: int` is refused, as argparse and click do.
# Seen: the command runs with 2, `--starts 3.5` with 4, and `--starts 0.4` with 0; `--starts 1e3`,
# which is a whole number, is refused. Someone who mistypes 2.5 for 25 gets a short run and no message.
# A converter of one's own, or a strict model behind the command, refuses it.
# Seen output: 2 4 0, and that 1e3 is refused
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "cyclopts==5.5.2"
cat >"$folder/run.py" <<'PYTHON'
import cyclopts

app = cyclopts.App(result_action="return_value")


@app.default
def main(*, starts: int = 4) -> int:
    return starts


found = [app(["--starts", text], exit_on_error=False) for text in ("2.5", "3.5", "0.4")]
print(*found)
assert found == [2, 4, 0], found
try:
    app(["--starts", "1e3"], exit_on_error=False, print_error=False)
except cyclopts.CoercionError as error:
    print("1e3 refused:", type(error).__name__)
else:
    raise AssertionError("1e3 was taken")
PYTHON
"$folder/venv/bin/python" "$folder/run.py"
