"""Commands."""

from bide.standard.hooks.subprocess import SubprocessHook as SubprocessHook
from bide.standard.hooks.subprocess import SubprocessResult as SubprocessResult
