"""Every address of ours that a GET can ask for, from the URL patterns themselves."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

SAMPLES = {
    "uuid": "01930000-0000-7000-8000-000000000000",
    "slug": "absent",
    "str": "absent",
    "int": "1",
    "path": "absent/x",
}


def addresses() -> list[str]:
    """A path for each pattern, its variables filled with what does not exist. Practice stands apart."""
    paths = {f"/{path}" for path in _walk(get_resolver().url_patterns)}
    return sorted(path for path in paths if not path.startswith(("/practice/", "/api/v1/")))


def routes() -> list[str]:
    """The patterns as they are written."""
    return list(_walk(get_resolver().url_patterns, fill=False))


def _walk(patterns: list[URLPattern | URLResolver], prefix: str = "", *, fill: bool = True) -> Iterator[str]:
    for pattern in patterns:
        route = str(pattern.pattern)
        if fill:
            for name, converter in pattern.pattern.converters.items():
                kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
                sample = SAMPLES.get(kind, "absent")
                route = route.replace(f"<{kind}:{name}>", sample).replace(f"<{name}>", sample)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, prefix + route, fill=fill)
        else:
            yield prefix + route
