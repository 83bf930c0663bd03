"""Deciders: functions from the history to decisions, for those who want SWF as it is.

Law: the public names of this package are these. Payloads are plain text.
"""

from workers_sdk.deciders import decisions
from workers_sdk.deciders.definition import Decider, decider
from workers_sdk.deciders.events import attributes_of
from workers_sdk.deciders.externals import Child, ExternalCancel, ExternalSignal
from workers_sdk.deciders.facts import DecisionFailure, Marker, Signal
from workers_sdk.deciders.history import History
from workers_sdk.deciders.states import State
from workers_sdk.deciders.tasks import Activity, LambdaFunction, Timer

__all__ = [
    "Activity",
    "Child",
    "Decider",
    "DecisionFailure",
    "ExternalCancel",
    "ExternalSignal",
    "History",
    "LambdaFunction",
    "Marker",
    "Signal",
    "State",
    "Timer",
    "attributes_of",
    "decider",
    "decisions",
]
