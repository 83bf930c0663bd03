"""The library for people who write workflows, deciders and workers for SWF: ours or AWS's own.

Law: HTTP only. It knows SWF's vocabulary (workflowsvc.swf) and nothing else of the service.
"""
