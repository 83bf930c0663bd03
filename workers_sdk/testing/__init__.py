"""For the tests of those who use the library.

Law: nothing here is needed to run a worker.
"""
