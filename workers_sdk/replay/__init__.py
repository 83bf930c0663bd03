"""Workflows by replay: an execution's code, run against its history on an event loop of its own.

Law: pure. No I/O, no clock, no thread; what it is fed decides what it answers.
"""
