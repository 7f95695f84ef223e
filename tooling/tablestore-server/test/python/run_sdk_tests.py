"""Runs tests or examples of the Python SDK, as they are, and prints one line of JSON for each.

Usage: run_sdk_tests.py tests|examples FOLDER NAME...
Where the server is comes in the variables that they read (OTS_TEST_...).
"""

import json
import logging
import os
import runpy
import sys
import tempfile
import time
import traceback
import unittest

kind, folder, *names = sys.argv[1:]

# They wait a minute for each table, as the service needs it. This server's are ready at once.
time.sleep = lambda seconds: None
# The tests leave a log where they are run.
place = tempfile.TemporaryDirectory()
os.chdir(place.name)
# What they print is not ours to read.
reports = sys.stdout
sys.stdout = open(os.devnull, "w")
logging.disable(logging.CRITICAL)

from tablestore import OTSClient  # noqa: E402


def report(test, error=None):
    outcome = {"ok": True} if error is None else {"ok": False, "error": error[:500]}
    print(json.dumps({"test": test, **outcome}), file=reports, flush=True)


def delete_tables():
    """The tests find their old tables by way of ListSearchIndex, which is not supported."""
    client = OTSClient(
        os.environ["OTS_TEST_ENDPOINT"],
        os.environ["OTS_TEST_ACCESS_KEY_ID"],
        os.environ["OTS_TEST_ACCESS_KEY_SECRET"],
        os.environ["OTS_TEST_INSTANCE"],
    )
    for table in client.list_table():
        client.delete_table(table)


class Report(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        delete_tables()
        self.error = None

    def addError(self, test, error):
        super().addError(test, error)
        self.error = "".join(traceback.format_exception_only(*error[:2])).strip()

    addFailure = addError

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.error = f"skipped: {reason}"

    def stopTest(self, test):
        super().stopTest(test)
        report(test.id(), self.error)


def run_example(name):
    delete_tables()
    try:
        runpy.run_path(os.path.join(folder, "examples", f"{name}.py"), run_name="__main__")
    except Exception as error:
        report(name, repr(error))
    else:
        report(name)


if kind == "tests":
    sys.path.insert(0, folder)
    unittest.defaultTestLoader.loadTestsFromNames(names).run(Report())
else:
    sys.path.insert(0, os.path.join(folder, "examples"))
    for name in names:
        run_example(name)
