"""The base of sensors."""

from bide.authoring.sensor import BaseSensorOperator as BaseSensorOperator
from bide.authoring.sensor import PokeReturnValue as PokeReturnValue
from bide.authoring.sensor import poke_mode_only as poke_mode_only
