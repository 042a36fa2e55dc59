"""Indexes of Python packages."""

from bide.standard.hooks.package_index import PackageIndexHook as PackageIndexHook
