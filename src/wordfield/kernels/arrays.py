"""Arrays as kernels take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def gapless(array: NDArray[Any]) -> NDArray[Any]:
    """An array whose numbers lie one after the other, as one that is not written to: so kernels are compiled for it
    once, whether it is mapped from a file or not. Copied only where there are gaps.
    """
    kept = np.ascontiguousarray(array).view()
    kept.flags.writeable = False
    return kept
