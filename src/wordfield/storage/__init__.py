"""Where vectors are kept: a table of rows that answers shape, rows, mean of rows and norms, whatever holds it.

``Dense`` and ``Sparse`` hold numbers; ``Float16``, ``Int8`` and ``Product`` hold codes of them, which take a half to a
fifteenth of the memory and are decoded a block at a time.
"""

from wordfield.storage.coded import CENTROIDS, Coded, Float16, Int8, Product
from wordfield.storage.dense import BLOCK, Dense, Storage
from wordfield.storage.sparse import Sparse

__all__ = ["BLOCK", "CENTROIDS", "Coded", "Dense", "Float16", "Int8", "Product", "Sparse", "Storage"]
