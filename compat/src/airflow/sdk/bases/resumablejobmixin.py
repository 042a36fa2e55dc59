"""Jobs that go on elsewhere."""

from bide.authoring.resumable_job import ResumableJobMixin as ResumableJobMixin
