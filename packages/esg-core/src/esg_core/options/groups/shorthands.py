"""Annotations that several options share: static type and value type under one name."""

import os
from typing import Annotated

from esg_core.options.value_types import Number, Path

FilePath = Annotated[str | os.PathLike[str] | None, Path()]
Count = Annotated[int, Number()]
Bound = Annotated[int, Number(1)]
ByteBound = Annotated[int, Number(1, unit="bytes")]
Limit = Annotated[float, Number(can_be_off=True)]
ByteLimit = Annotated[float, Number(unit="bytes", can_be_off=True)]
Duration = Annotated[float, Number(unit="seconds", is_whole=False, metavar="SECONDS")]
Timeout = Annotated[float, Number(unit="seconds", can_be_off=True, is_whole=False, metavar="SECONDS")]
Grace = Annotated[float | None, Number(unit="seconds", is_whole=False, metavar="SECONDS")]
Fraction = Annotated[float, Number(0, 1, is_whole=False, excludes_minimum=True, metavar="SHARE")]
