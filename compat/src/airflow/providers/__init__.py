"""Provider packages: ``standard`` is Bide's own, others may lie in other folders."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
