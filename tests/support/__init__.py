"""What tests of several packages build on: a held clock, DAGs, an engine driven by hand."""
