"""`jaxtal fields`: periodic fields converted and checked, all in double precision."""

from ._check import check as check
from ._convert import convert as convert
from ._reports import stars as stars
from ._reports import waves as waves
