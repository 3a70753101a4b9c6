"""What a page refuses.

CoalitionError
└── PageRefusedError    told in the visitor's language; `key` names the words
"""

from coalition.errors import CoalitionError


class PageRefusedError(CoalitionError):
    """A visitor gets a page that says what is wrong, with `status`, and leads to `back`; None: to the area's start."""

    code = "page_refused"

    def __init__(
        self, *, status: int, key: str, retry_after_s: int | None = None, back: str | None = None, **values: object
    ) -> None:
        super().__init__(f"{status} {key}")
        self.status = status
        self.key = key
        self.retry_after_s = retry_after_s
        self.back = back
        self.values = values
