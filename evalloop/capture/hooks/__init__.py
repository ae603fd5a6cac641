"""Mapping files for the webhooks of other systems, shipped in the wheel."""
