"""The broker of embedded mode: it lives and dies with its process."""

from workflowsvc.brokers.inprocess.broker import InProcessBroker as InProcessBroker
