"""Annotations that several options share: their static type and their kind in one name."""

import os
from typing import Annotated

from esg_core.options.value_types import Integer, Path, Seconds

FilePath = Annotated[str | os.PathLike[str] | None, Path()]
Limit = Annotated[int | None, Integer(can_be_off=True)]
ByteLimit = Annotated[int | None, Integer(unit="bytes", can_be_off=True)]
Bound = Annotated[int, Integer(1)]
ByteBound = Annotated[int, Integer(1, unit="bytes")]
Timeout = Annotated[float | None, Seconds()]
