"""Distances between crystals that no choice of cell, origin, orientation or setting changes.

`CrystalMetric` turns a crystal into a vector; Euclidean distances of vectors tell crystals apart.
Its docstring tabulates what each of its terms cannot see.

    metric = CrystalMetric(composition=1, stacking=1)
    found = metric([quartz, beta, rutile])     # Fingerprint: vector (3, D), complete (3,)
    distance(found[0], found[1])               # or (quartz, beta) themselves, by their descriptors
    found.nearest(k=2); found.groups()         # rows and distances; labels within a threshold

Inside `jit` and in training loops, plan on the host first; the plan holds the metric:

    plan = metric.plan(crystals, max_stretch=1.3)
    plan(crystal).vector                       # pure: jit, vmap, grad; crystals of any kind
    plan(batch).complete                       # (B,): False for those that do not fit

`losses.MetricLoss` makes a loss of it. Folders and databases are for `search.fingerprints`; arrays
of vectors for `metric.all_pairs` (`nearest`, `pairs_within`, `groups` among 10^5 of them).
`distance`, `relative_distance` and `rdf_distance` compare descriptions as well;
`pointwise_distances` and `pdd_distance` are the exact distance distributions on the host.
"""

from . import all_pairs as all_pairs
from ._crystal_metric import CrystalMetric as CrystalMetric
from ._distance import distance as distance
from ._distance import rdf_distance as rdf_distance
from ._distance import relative_distance as relative_distance
from ._fingerprint import DUPLICATE_DISTANCE as DUPLICATE_DISTANCE
from ._fingerprint import Fingerprint as Fingerprint
from ._metric_plan import MetricPlan as MetricPlan
from ._pointwise_distances import pdd_distance as pdd_distance
from ._pointwise_distances import pointwise_distances as pointwise_distances
