"""`jaxtal fields`: periodic fields converted and checked, all in double precision."""

from ._change import expand as expand
from ._change import group as group
from ._change import replicate as replicate
from ._change import scale as scale
from ._check import check as check
from ._compare import compare as compare
from ._convert import convert as convert
from ._reports import stars as stars
from ._reports import waves as waves
