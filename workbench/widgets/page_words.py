"""Messages of the library in the words of the page: what to click in place of what to type."""

from __future__ import annotations

import re

#: What a message says in Python → what it says on the page. Longer ones come first.
ON_THE_PAGE = {
    "leave these subjects out with data.select(...), or fill the values in with data.impute(...)": (
        "or leave these subjects out or fill the values in: the Data tab has both"
    ),
    "occasion= names another": "“Occasions” has others",
    'data.with_blq("M1") or "M5"': "M1 or M5, in the Data section",
    "Mark them in the data, or by data.censor(lloq=…)": "Mark them in the data by a column CENS",
    "Name the column with wb.Model(..., occasion=...), or let occasions begin at resets "
    '(occasion="reset") or at doses (occasion="dose")': (
        "Choose at “Occasions” where they begin: with a column, at resets or at doses"
    ),
    "Drop iov=, fix it (wb.Fixed), or name another column (occasion=...)": (
        "Clear IOV, tick fix beside κ, or choose other occasions"
    ),
    "Use wb.pk(rate=True, …)": "Turn on “Modelled rate” under More",
    "Use wb.pk(duration=True, …)": "Turn on “Modelled duration” under More",
    "leave eta= out, or start from 5, say": "choose Normal, or start from 5, say",
    "Leave eta= out, or fix it": "Choose Normal as its shape, or fix it",
    "Leave df= out of the error, or fix it": "Choose normal residuals, or fix it",
    "Leave df= out of the error": "Choose normal residuals",
    "leave df= out of the error": "choose normal residuals",
    ", or other bounds (lower=, upper=)": ", or other bounds",
    'use method="pooled"': "use naive pooling",
    'quadrature with scale="observed"': "quadrature with the observed information",
    'Give other starting values, such as start="auto"': (
        "Give other starting values; “Find start” takes some from the data"
    ),
    "and wb.scm(..., resume=search) goes on": "and “Go on” continues",
    "use wb.covariate.Linear": "use a linear effect",
    "use wb.covariate.Exponential": "use an exponential effect",
    "Use wb.covariate.Categorical": "Use a categorical effect",
    "that groups= names occurs": "of the groups occurs",
    "leave cuts= out": "clear the cuts",
}
#: The call that leaves out the subjects without a covariate, which it names.
LEAVE_OUT = re.compile(r' with data\.impute\("complete_case", \[[^\]]*\]\)')


def on_the_page(message: str) -> str:
    """Return a message of the library as it reads on the page."""
    for python, words in ON_THE_PAGE.items():
        if python in message:
            message = message.replace(python, words)
    return LEAVE_OUT.sub(" on the Data tab", message)
