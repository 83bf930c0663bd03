"""The whole service, as a process, over HTTP."""
