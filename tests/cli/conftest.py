"""The command line, called in the test's own process and folder."""

import json

import pytest

from jaxtal.cli import main


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        """The object on stdout, which must be one line of JSON and nothing else."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run `jaxtal ...` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call
