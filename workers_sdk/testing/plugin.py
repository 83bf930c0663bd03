"""The SDK's pytest plugin.

Law: it is loaded in every pytest run, so importing it costs nothing: what a fixture needs is imported when it is asked
for.
"""
