"""Tasks of other DAGs."""

from bide.standard.sensors.external_task import ExternalTaskMarker as ExternalTaskMarker
from bide.standard.sensors.external_task import ExternalTaskSensor as ExternalTaskSensor
