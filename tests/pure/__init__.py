"""Promises kept by values alone: no network, database, browser or clock."""
