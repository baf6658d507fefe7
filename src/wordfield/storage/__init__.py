"""Where vectors are kept: a table of rows that answers shape, rows, mean of rows and norms, whatever holds it.

``Dense`` and ``Sparse`` hold numbers; ``Float16``, ``BFloat16``, ``Int8`` and ``Product`` hold codes of them, which
take a half to a fifteenth of the memory and are decoded a block at a time. ``Scaled`` gives the rows of another lengths
of their own; ``Shared`` has rows of another, several perhaps one and the same. ``Records`` leaves the rows where they
stand in a mapped file, and ``Computed`` makes them when they are asked for.
"""

from wordfield.storage.coded import CENTROIDS, BFloat16, Coded, Float16, Int8, Product
from wordfield.storage.computed import Computed
from wordfield.storage.dense import BLOCK, Dense, Storage
from wordfield.storage.records import Records
from wordfield.storage.scaled import Scaled, leading
from wordfield.storage.shared import Shared
from wordfield.storage.sparse import Sparse

__all__ = [
    "BLOCK",
    "CENTROIDS",
    "BFloat16",
    "Coded",
    "Computed",
    "Dense",
    "Float16",
    "Int8",
    "Product",
    "Records",
    "Scaled",
    "Shared",
    "Sparse",
    "Storage",
    "leading",
]
