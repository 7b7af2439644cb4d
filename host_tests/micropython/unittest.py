"""As much of CPython's `unittest` as the unit files use, for MicroPython.

run(module)   runs its TestCases, prints what fails; the number of failures
"""

import sys


class TestCase:
    def setUp(self):
        pass

    def tearDown(self):
        pass

    def assertEqual(self, first, second):
        assert first == second, "%r is not %r" % (first, second)

    def assertTrue(self, value, message=""):
        assert value, message or "%r is not true" % (value,)

    def assertFalse(self, value):
        assert not value, "%r is not false" % (value,)

    def assertIs(self, first, second):
        assert first is second, "%r is not the same as %r" % (first, second)

    def assertIsNone(self, value):
        assert value is None, "%r is not None" % (value,)

    def assertIsNotNone(self, value):
        assert value is not None, "None"

    def assertIn(self, member, container):
        assert member in container, "%r is not in %r" % (member, container)

    def assertNotIn(self, member, container):
        assert member not in container, "%r is in %r" % (member, container)

    def assertLess(self, first, second):
        assert first < second, "%r is not less than %r" % (first, second)

    def assertLessEqual(self, first, second):
        assert first <= second, "%r is greater than %r" % (first, second)

    def assertGreaterEqual(self, first, second):
        assert first >= second, "%r is less than %r" % (first, second)

    def assertRaises(self, expected):
        return _Raises(expected)


class _Raises:
    def __init__(self, expected):
        self._expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        assert kind is not None, "%r was not raised" % self._expected
        self.exception = error
        return issubclass(kind, self._expected)


def run(module):
    failed = passed = 0
    for case in [getattr(module, name) for name in dir(module)]:
        if not (isinstance(case, type) and issubclass(case, TestCase) and case is not TestCase):
            continue
        for name in dir(case):
            if not name.startswith("test_"):
                continue
            test = case()
            try:
                test.setUp()
                try:
                    getattr(test, name)()
                finally:
                    test.tearDown()
                passed += 1
            except Exception as error:
                failed += 1
                print("FAILED", name)
                sys.print_exception(error)
    print("%d passed, %d failed" % (passed, failed))
    return failed
