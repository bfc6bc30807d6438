"""Find, among many vectors, the nearest ones, the close pairs and the groups.

Distances are Euclidean, so all pairs are matrix products:

    indices, distances = nearest(query, vectors, k=10)      # (m, k) each
    pairs, distances = pairs_within(vectors, threshold)     # all pairs i < j that close
    labels = groups(vectors, threshold)                     # single linkage: chains count as one

They run in blocks of bounded memory, compiled once, on whatever device JAX uses. |a|^2 + |b|^2 -
2 a.b loses digits where a and b are nearly equal, which is where it matters; so the vectors are
centred, and whatever decides is recomputed from differences in double precision: distances that
come back are exact, and pairs at the threshold fall on the right side of it.
"""

from ._groups import groups as groups
from ._nearest import nearest as nearest
from ._pairs import pairs_within as pairs_within
