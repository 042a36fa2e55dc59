"""Speaking with job services over HTTP."""
