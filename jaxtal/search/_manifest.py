"""The manifests of shards: which of them are finished, and whole."""

import hashlib
import json
import pathlib

from .._core import write_text
from ._shard import Shard
from ._vector_log import Log

_NAME = "manifest.json"


def write_manifest(shard: Shard, log: Log) -> None:
    """Say in the folder of a shard that it is finished, and what is in it.

    JSON: `shard` [i, n]; `settings` of the log; how many `crystals` and `skipped`; sizes and
    SHA-256 of the files.
    """
    manifest = {
        "shard": [shard.number, shard.total],
        "settings": log.settings,
        "crystals": len(log.rows),
        "skipped": len(log.failed),
        "files": {path.name: _summary(path) for path in log.files},
    }
    write_text(log.folder / _NAME, json.dumps(manifest, indent=1) + "\n")


def forget_manifest(log: Log) -> None:
    """Say that a shard is being worked on."""
    (log.folder / _NAME).unlink(missing_ok=True)


def finished_shards(folder: pathlib.Path) -> list[Log]:
    """The shards in a folder in order, all of them there, finished, and as they were then.

    Raises:
        ValueError: there are none, or of different totals; one is missing, unfinished or damaged,
            or was made with other settings than the first.
    """
    there = [Shard.of_folder(path.name) for path in folder.iterdir()] if folder.is_dir() else []
    found = {shard for shard in there if shard is not None}
    totals = sorted({shard.total for shard in found})
    if len(totals) != 1:
        came = " and ".join(f"some of {total}" for total in totals) or "none"
        raise ValueError(f"{folder}: expected the shards of one run, got {came}")
    every = [Shard(i, totals[0]) for i in range(1, totals[0] + 1)]
    missing = [one for one in every if not (folder / str(one) / _NAME).is_file()]
    if missing:
        shown = ", ".join(f"{one.number}/{one.total}" for one in missing[:8])
        raise ValueError(
            f"{folder}: expected {totals[0]} finished shards, {len(missing)} are not: {shown}"
            f"{', ...' if len(missing) > 8 else ''}"
        )
    logs = [_checked(folder / str(one)) for one in every]
    for log in logs:
        if log.settings != logs[0].settings:
            raise ValueError(
                f"{log.folder}: expected the settings of {logs[0].folder.name}, "
                f"{json.dumps(logs[0].settings)}, got {json.dumps(log.settings)}"
            )
    return logs


def _checked(folder: pathlib.Path) -> Log:
    path = folder / _NAME
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        for name, summary in files.items():
            if _summary(folder / name) != summary:
                raise ValueError(f"{name} is not as it was when the shard was finished")
    except (KeyError, TypeError, AttributeError, OSError, ValueError) as error:
        raise ValueError(f"{path}: expected the manifest of a whole shard: {error}") from error
    return Log(folder)


def _summary(path: pathlib.Path) -> dict[str, str | int]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
