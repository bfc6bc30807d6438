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

`superposed_groups(crystals)` groups as pymatgen's `StructureMatcher` does, strain and volume aside.

`Featurizer(specification)` gives columns to scikit-learn's pipelines and matminer's tables.

Its vectors are mapped from a file, not read. Arrays of vectors that are at hand, 10^5 of them, are
compared by `metric.all_pairs`: `nearest`, `pairs_within`, `groups`.
"""

from ._collection import Collection as Collection
from ._featurizer import Featurizer as Featurizer
from ._fingerprints import fingerprints as fingerprints
from ._metric import fingerprints_of as fingerprints_of
from ._metric import reason_of as reason_of
from ._source import CrystalSource as CrystalSource
from ._source import crystals_of as crystals_of
from ._superposed import superposed_groups as superposed_groups
