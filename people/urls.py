"""Addresses of people's pages; allauth's own under ``/accounts/``, those of them that we offer."""

from allauth.account import views as allauth
from django.urls import path

from people import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.alive, name="healthz"),
    path("readyz", views.ready, name="readyz"),
    path("welcome/<str:token>/", views.welcome, name="welcome"),
    path("set-password/<str:token>/", views.set_password, name="set_password"),
    path("accounts/login/", allauth.login, name="account_login"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("accounts/password/change/", allauth.password_change, name="account_change_password"),
    path("accounts/password/reset/", views.forgotten_password, name="account_reset_password"),
    path(
        "accounts/password/reset/", views.forgotten_password, name="account_set_password"
    ),  # for who has none
    path("accounts/signup/", views.sign_up, name="account_signup"),
    path("people/", views.people, name="people"),
    path("people/new/", views.person_new, name="person_new"),
    path("people/<uuid:person_id>/", views.person, name="person"),
    path("people/<uuid:person_id>/password-link/", views.password_link, name="person_password_link"),
    path("audit/", views.audit, name="audit"),
]
