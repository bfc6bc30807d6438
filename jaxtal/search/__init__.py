"""Find crystals among many: fingerprints of whole folders, nearest neighbours, duplicates.

    found = fingerprints("folder", recursive=True)      # or files, a database, a list of crystals
    found.names, found.vectors, found.skipped           # (N, D); what has none, and why
    found.nearest(k=3)                                  # rows and distances, (N, 3) each
    found.groups(threshold=0.1)                         # labels: chains of close ones count as one

Whatever the size of the source, one crystal after another is read:

    for name, crystal in crystals_of("folder", recursive=True):   # or an error in its place
        ...

With `cache="folder"` fingerprints are kept there, in a `Collection`. A later run goes on where an
earlier one was interrupted, computes nothing twice, notices files that changed, and refuses
fingerprints of different settings:

    metric = jaxtal.CrystalMetric(distances=1)
    found = Collection.gather("cache", CrystalSource.of("folder"), metric, progress=True)

Very large sets are done in shards, which nothing connects: on any machines, at any time, killed and
begun again. What belongs to a shard depends on names alone: files by a hash of theirs, the crystals
of a table, a database or a single file one after another, like cards. Each has a folder inside of
the cache, which gets a `manifest.json` when it is finished; `merge` makes of all of them what one
run would have made, and refuses unless everything is there once:

    source = CrystalSource.of("folder")
    Collection.gather("cache", source, metric, shard=(3, 16))     # the third of sixteen parts
    found = Collection.merge("cache", source, metric)             # when all have a manifest

Under Slurm a job array is all there is to it; submitted again, it does what is missing:

    #SBATCH --array=1-16
    jaxtal fingerprints folder -o cache --shard $SLURM_ARRAY_TASK_ID/16

The devices of one machine share a run, or a shard, with `mesh=4`, `--devices 4`.

`superposed_groups(crystals)` groups as pymatgen's `StructureMatcher` does, strain and volume aside.

`Featurizer(specification)` gives columns to scikit-learn's pipelines and matminer's tables.

Its vectors are mapped from a file, not read. Arrays of vectors that are at hand, 10^5 of them, are
compared by `metric.all_pairs`: `nearest`, `pairs_within`, `groups`.
"""

from ._collection import Collection as Collection
from ._featurizer import Featurizer as Featurizer
from ._fingerprints import fingerprints as fingerprints
from ._source import CrystalSource as CrystalSource
from ._source import crystals_of as crystals_of
from ._superposed import superposed_groups as superposed_groups
