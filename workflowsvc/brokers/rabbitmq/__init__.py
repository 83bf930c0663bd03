"""The broker of the distributed form."""

from workflowsvc.brokers.rabbitmq.broker import RabbitBroker as RabbitBroker
