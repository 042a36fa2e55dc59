"""Params."""

from bide.authoring.params import DagParam as DagParam
from bide.authoring.params import Param as Param
from bide.authoring.params import ParamsDict as ParamsDict
