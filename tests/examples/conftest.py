"""The plugin's fixtures, also where the project was installed before it had the plugin's entry point."""

from workers_sdk.testing.plugin import workflow_environment, workflow_service

__all__ = ["workflow_environment", "workflow_service"]
