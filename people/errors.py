"""What can go wrong with people, their links and their sign-ins."""

import problems


class FreshSignInNeeded(problems.ConfirmationRequired):
    """The session signed in too long ago for what it asks (403)."""

    message = "Sign in again to go on: this changes who or what can use credentials."
    hint = "Sign in again at /accounts/reauthenticate/, then repeat what you did."


class AdministratorsOnly(problems.NotAllowed):
    """Only administrators may do this (403)."""

    message = "Only administrators may do this."
    hint = "Ask an administrator of this Switchboard."


class PersonNotFound(problems.NotFound):
    """There is no such person (404)."""

    message = "There is no such person."
    hint = "Look at the list of people."


class EmailTaken(problems.Conflict):
    """Somebody has that e-mail address already (409)."""

    message = "There is a person with this e-mail address already."
    hint = "Look for them in the list of people; disabled people keep their address."


class LastAdministrator(problems.Conflict):
    """It would leave nobody who may administer (409)."""

    message = "This is the last active administrator."
    hint = "Make somebody else an administrator first."


class LinkSpent(problems.NotFound):
    """A one-time link that was used, ran out or never was (410)."""

    code = "link_spent"
    status = 410
    message = "This link has been used, or its time is over."
    hint = "Ask an administrator for a new one."
