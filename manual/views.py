"""The manual's pages."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from manual import pages


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What the manual holds."""
    shown = pages.find(pages.INDEX)
    return render(request, "manual/page.html", {"page": shown, "contents": pages.contents()})


@require_safe
def page(request: HttpRequest, page: str) -> HttpResponse:
    """One page."""
    shown = pages.find(page)
    if not shown:
        raise Http404
    return render(request, "manual/page.html", {"page": shown, "contents": pages.contents()})
