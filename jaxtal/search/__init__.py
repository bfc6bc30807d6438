"""Many crystals: fingerprints of whole folders, nearest neighbours, duplicates.

Distances of fingerprints are Euclidean, so all pairs are matrix products:

    indices, distances = nearest(query, vectors, k=10)      # (m, k) each
    pairs, distances = pairs_within(vectors, threshold)     # all pairs i < j that close
    labels = groups(vectors, threshold)                     # single linkage: chains count as one

They run in blocks of bounded memory, compiled once, on whatever device JAX uses. |a|^2 + |b|^2 -
2 a.b loses digits where a and b are nearly equal, which is where it matters; so the vectors are
centred, and whatever decides is recomputed from differences in double precision: distances that
come back are exact, and pairs at the threshold fall on the right side of it.

Crystals come one by one from a folder, a list of files, files of several crystals (CIFs of several
blocks, trajectories) or a database of ASE, whatever its size:

    for name, crystal in crystals_of("folder", recursive=True):   # or an error in its place
        ...

A `Collection` holds their fingerprints in a folder. It goes on where an earlier run was
interrupted, computes nothing twice, notices files that changed, and refuses fingerprints of
different settings:

    metric = jaxtal.metric.CrystalMetric()
    found = Collection.gather("cache", CrystalSource.of("folder"), metric, progress=True)
    found.names, found.vectors, found.failures      # vectors are mapped from the file, not read
    labels = groups(found.vectors, 0.1)

What could not be read is in `failures`, with the reason; nothing is lost in silence.
"""

from ._collection import Collection as Collection
from ._groups import groups as groups
from ._metric import Metric as Metric
from ._metric import fingerprints_of as fingerprints_of
from ._metric import reason_of as reason_of
from ._nearest import nearest as nearest
from ._pairs import pairs_within as pairs_within
from ._source import CrystalSource as CrystalSource
from ._source import SourceFile as SourceFile
from ._source import crystals_of as crystals_of
