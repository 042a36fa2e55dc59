"""Operators of decorated functions: what ``@task.branch`` and the others make."""
