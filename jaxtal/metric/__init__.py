"""Distances between crystals: `CrystalMetric` and its terms, exact distance distributions."""

from ._crystal_metric import DUPLICATE_DISTANCE as DUPLICATE_DISTANCE
from ._crystal_metric import CrystalMetric as CrystalMetric
from ._distance import distance as distance
from ._distance import rdf_distance as rdf_distance
from ._distance import relative_distance as relative_distance
from ._fingerprint import Fingerprint as Fingerprint
from ._hand import hand_vector as hand_vector
from ._local_distances import local_distance_vector as local_distance_vector
from ._local_distances import local_distances as local_distances
from ._metric_plan import MetricPlan as MetricPlan
from ._nearest_neighbours import Neighbours as Neighbours
from ._nearest_neighbours import nearest_neighbours as nearest_neighbours
from ._nearest_neighbours import neighbour_bounds as neighbour_bounds
from ._pointwise_distances import pdd_distance as pdd_distance
from ._pointwise_distances import pointwise_distances as pointwise_distances
