"""Which kernels count references to arrays: those that own some, and no others."""

import pytest

from workbench.core import ebe, linear, odes
from workbench.core.conditional import conditional_range
from workbench.core.jit import JIT_DISABLED
from workbench.core.likelihood import predict_subject
from workbench.core.packed import make_scratch

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="without compiled code nothing is counted")


def counts(kernel):
    return kernel.targetoptions["_nrt"]


def test_a_kernel_that_gives_arrays_counts_references():
    """`by_draft` only passes arrays on: uncounted, its callers freed what they had borrowed."""
    assert counts(ebe.by_draft)
    assert counts(make_scratch)


def test_a_kernel_that_allocates_or_calls_one_that_does_counts_references():
    assert counts(conditional_range)
    assert counts(ebe.descend)
    assert counts(odes.solve)


def test_the_others_do_not():
    for kernel in (predict_subject, linear.predict, linear.advance, ebe.search):
        assert not counts(kernel)
