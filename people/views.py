"""Pages about people: the first run, passwords, the list of people, the audit trail."""

from uuid import UUID

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from api.pages import page
from people import addresses, audit_trail, first_run, health, links, operations, roles, sessions, throttle
from people.actor import from_request
from people.forms import (
    AuditFilterForm,
    FirstAdministratorForm,
    ForgottenPasswordForm,
    PersonChangeForm,
    PersonForm,
    SetPasswordForm,
)
from people.models import AuditEvent, SetupLink, User
from people.operation_form import REFUSALS
from problems import ValidationFailed

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
LINKS_ASKED_FOR = 5


@login_not_required
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """This process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Database, key and migrations are right; the log says what is not."""
    if health.is_ready():
        return HttpResponse("ok\n", content_type="text/plain")
    return HttpResponse("not ready\n", content_type="text/plain", status=503, headers={"Retry-After": "5"})


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The first page is the list of connections."""
    return redirect("/connections/")


# --- First run and passwords ----------------------------------------------------------------------
@login_not_required
@sensitive_post_parameters("password")
@get_or_post
def welcome(request: HttpRequest, token: str) -> HttpResponse:
    """The first administrator, by the one-time link that the server printed."""
    link = first_run.find(token)
    form = FirstAdministratorForm(request.POST or None)
    if form.is_valid():
        try:
            user = first_run.create_administrator(
                link=link,
                email=form.cleaned_data["email"],
                password=form.cleaned_data["password"],
                ip=sessions.ip_of(request),
                request_id=request.id,  # type: ignore[attr-defined]
            )
        except REFUSALS as error:
            form.lay(error)
        else:
            return _sign_in(request, user)
    return render(request, "people/welcome.html", {"form": form}, status=_status(form))


@login_not_required
@sensitive_post_parameters("password")
@get_or_post
def set_password(request: HttpRequest, token: str) -> HttpResponse:
    """A password, by a one-time link that an administrator handed over or a mail brought."""
    link = links.find(SetupLink.Kind.SET_PASSWORD, token)
    form = SetPasswordForm(request.POST or None)
    if form.is_valid():
        try:
            user = operations.set_password_by_link(
                link=link,
                password=form.cleaned_data["password"],
                ip=sessions.ip_of(request),
                request_id=request.id,  # type: ignore[attr-defined]
            )
        except REFUSALS as error:
            form.lay(error)
        else:
            return _sign_in(request, user)
    return render(
        request, "people/set_password.html", {"form": form, "person": link.user}, status=_status(form)
    )


@login_not_required
@get_or_post
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """A link by mail, where mails go out; otherwise who can make one."""
    form = ForgottenPasswordForm(request.POST or None)
    is_sent = settings.MAILS_GO_OUT and form.is_valid()
    if is_sent:
        email = form.cleaned_data["email"]
        throttle.failed("password_link_account", email.lower(), limit=LINKS_ASKED_FOR)
        address = addresses.throttle_key(sessions.ip_of(request))
        throttle.failed("password_link_address", address, limit=LINKS_ASKED_FOR * 4)
        operations.request_password_link(email=email)
    context = {"form": form, "mails_go_out": settings.MAILS_GO_OUT, "is_sent": is_sent}
    return render(
        request, "people/forgotten_password.html", context, status=_status(form) if not is_sent else 200
    )


@login_not_required
@require_safe
def sign_up(request: HttpRequest) -> HttpResponse:
    """Nobody signs up here; the page says who adds people."""
    return render(request, "account/signup_closed.html", status=403)


def _sign_in(request: HttpRequest, user: User) -> HttpResponse:
    """Who has just set a password has proven enough; the session's key changes."""
    login = Login(user=user, email=user.email, redirect_url=settings.LOGIN_REDIRECT_URL)
    answer: HttpResponse = perform_password_login(request, {"email": user.email}, login)
    return answer


def _status(form: object) -> int:
    return 422 if getattr(form, "errors", None) else 200


# --- People ---------------------------------------------------------------------------------------
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, in the order of their addresses."""
    found = operations.find_people(actor=from_request(request))
    rows, cursor = page(found, cursor=request.GET.get("cursor"), order=("email",))
    return render(request, "people/people.html", {"people": rows, "next": _next(request, cursor)})


@sessions.fresh_sign_in_required
@get_or_post
def person_new(request: HttpRequest) -> HttpResponse:
    """Add somebody; the link to hand over is shown once, on the page that answers."""
    actor = from_request(request)
    roles.require_administrator(actor)
    form = PersonForm(request.POST or None)
    if form.is_valid():
        try:
            person, url = operations.add_person(actor=actor, **form.cleaned_data)
        except REFUSALS as error:
            form.lay(error)
        else:
            return _hand_over(request, person, url)
    return render(request, "people/person_new.html", {"form": form}, status=_status(form))


@sessions.fresh_sign_in_required
@get_or_post
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Change a person's address, role, and whether they may sign in."""
    actor = from_request(request)
    found = operations.get_person(actor=actor, person_id=person_id)
    form = PersonChangeForm(request.POST or None, initial=PersonChangeForm.values_of(found))
    if form.is_valid():
        try:
            changed = operations.change_person(actor=actor, person=found, **form.cleaned_data)
        except REFUSALS as error:
            form.lay(error)
        else:
            messages.success(request, f"{changed.email} is changed.")
            return redirect("people")
    return render(request, "people/person.html", {"form": form, "person": found}, status=_status(form))


@sessions.fresh_sign_in_required
@require_POST
def password_link(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """A new link for somebody who cannot sign in."""
    actor = from_request(request)
    found = operations.get_person(actor=actor, person_id=person_id)
    return _hand_over(request, found, operations.new_password_link(actor=actor, person=found))


def _hand_over(request: HttpRequest, person: User, url: str) -> HttpResponse:
    """The link itself is in this answer alone: neither in the session nor in a message."""
    context = {"person": person, "url": url, "hours": settings.PASSWORD_LINK_HOURS}
    return render(request, "people/hand_over.html", context)


# --- Audit ----------------------------------------------------------------------------------------
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """What was done here, newest first."""
    actor = from_request(request)
    form = AuditFilterForm(request.GET)
    rows: list[AuditEvent] = []
    cursor = None
    if form.is_valid():
        filters = {name: request.GET.get(name, "") for name in form.fields}
        try:
            events = audit_trail.find_events(actor=actor, filters=filters)
            rows, cursor = page(events, cursor=request.GET.get("cursor"), order=audit_trail.ORDER)
        except ValidationFailed as error:
            form.add_error(None, error.errors[0]["message"])
    context = {
        "form": form,
        "events": rows,
        "next": _next(request, cursor),
        "is_filtered": form.has_changed(),
    }
    return render(request, "people/audit.html", context, status=_status(form))


def _next(request: HttpRequest, cursor: str | None) -> str:
    if not cursor:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"{request.path}?{query.urlencode()}"
