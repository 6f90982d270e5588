"""Orchestration: what runs in which order, by hand or by Prefect."""
