"""Every attack: what it is called, which kind of fault it looks for, and the function that throws it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.abuse.attacks import answers, arrivals, holds, requests
from bench.abuse.stage import Target

Throw = Callable[[Target, float], Awaitable[str]]
LONGEST_S = 15.0


@dataclass(frozen=True, slots=True)
class Attack:
    """``throw`` ends by itself at the monotonic time that it is given, and says what became of it."""

    name: str
    what: str
    throw: Throw
    seconds: float = 4.0

    def __post_init__(self) -> None:
        assert self.seconds <= LONGEST_S, self.name


ALL = (
    # What a service answers
    Attack("punycode", "a task's answer says charset=punycode, 1.2 MB", answers.punycode),
    Attack("odd-charsets", "the same with idna, utf-7, hex and other codecs of Python", answers.odd_charsets),
    Attack("asked-decoding", "the task asks for punycode itself", answers.asked_decoding),
    Attack("brackets", "a task's answer is 200,000 brackets", answers.brackets),
    Attack("gzip-tail", "a gzip answer with 14 MB behind its end", answers.gzip_tail),
    Attack("gzip-members", "a gzip answer of 52,000 empty members", answers.gzip_members),
    Attack("token-in-members", "a token endpoint answers so", answers.token_in_members),
    # What has to be taken apart
    Attack("redos", "a builder's patterns that backtrack for ever", holds.redos),
    Attack("signed-form", "an OAuth 1 form of 50 MB, once", requests.signed_form, seconds=8),
    Attack("signed-form-2mb", "OAuth 1 forms just under 2 MB", requests.signed_form_under_the_cap),
    Attack(
        "multipart", "multipart bodies of 21 and 19 MB beside a form key", requests.multipart_beside_a_key
    ),
    Attack("large-task", "tasks of 19 MB", requests.large_task),
    Attack("deep-json", "JSON nested 330 and 100,000 deep", requests.deep_json),
    Attack("many-words", "a search for 1,200 words", requests.many_words),
    Attack("odd-paths", "addresses with odd digits, NUL, halves of characters", requests.odd_paths),
    # What comes in
    Attack("half-heads", "4,000 connections send half a head", arrivals.half_heads, seconds=13),
    Attack("slow-heads", "1,000 connections send a byte of a head a second", arrivals.slow_heads),
    Attack("no-bodies", "4,400 connections send a head and no body", arrivals.no_bodies, seconds=8),
    Attack("no-bodies-of-tasks", "2,000 so for tasks, with a good token", arrivals.no_bodies_of_tasks),
    Attack("slow-bodies", "1,000 connections send a byte of a body a second", arrivals.slow_bodies),
    Attack("endless-address", "addresses without end, 64 MB", arrivals.endless_address),
    Attack("endless-header", "a header without end, 64 MB", arrivals.endless_header),
    Attack("many-headers", "256 MB of headers", arrivals.many_headers),
    Attack("body-to-probe", "300 MB to /healthz", arrivals.body_to_a_probe),
    Attack("body-to-page", "300 MB to a page, in chunks", arrivals.body_to_a_page),
    Attack("chunk-extensions", "a chunk extension without end, 64 MB", arrivals.chunk_extensions),
    Attack("trailers", "64 MB of trailers", arrivals.trailers),
    Attack("calls-not-read", "60 callers of 14 MB who take nothing", arrivals.calls_not_read),
    Attack("pages-not-read", "200 who ask for 100 files each and take nothing", arrivals.pages_not_read),
    Attack("page-flood", "300 at a time ask for a page", arrivals.page_flood),
    # What holds a thread, a lock, a place or a process
    Attack("anonymous", "500 anonymous requests that are refused in 3 s", holds.anonymous_refusals),
    Attack("sign-ins", "32 at a time try to sign in", holds.sign_ins),
    Attack("slow-service", "400 calls at once to a service that takes 12 s", holds.slow_service),
    Attack("slow-tests", "25 tests of connections to a slow service", holds.slow_tests, seconds=10),
    Attack(
        "hanging-endpoint", "30 refreshes at a token endpoint that hangs", holds.hanging_endpoint, seconds=12
    ),
    Attack("tokens-everywhere", "64 tokens used at both processes", holds.tokens_everywhere),
    Attack(
        "worker-deaths", "the worker is killed as often as it comes back", holds.worker_deaths, seconds=15
    ),
)
