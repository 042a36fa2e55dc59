"""What hooks read and write."""

from bide.standard.lineage import AssetLineageInfo as AssetLineageInfo
from bide.standard.lineage import ExtraLineageInfo as ExtraLineageInfo
from bide.standard.lineage import HookLineage as HookLineage
from bide.standard.lineage import HookLineageCollector as HookLineageCollector
from bide.standard.lineage import HookLineageReader as HookLineageReader
from bide.standard.lineage import NoOpCollector as NoOpCollector
from bide.standard.lineage import get_hook_lineage_collector as get_hook_lineage_collector
