"""What can go wrong with services."""

from problems import Conflict, NotAllowed, NotFound, ReconnectNeeded


class ServiceNotFound(NotFound):
    message = "There is no such service."
    hint = "Look at the list of services: the link name may be spelt differently."


class LinkNameTaken(Conflict):
    message = "Another service has this link name already."
    hint = "Choose another link name."


class LinkNameRetired(Conflict):
    message = "This link name belonged to a service that was deleted, and is not given out to anybody else."
    hint = "Choose another link name."


class ServiceFixed(NotAllowed):
    message = "A default service cannot be edited or deleted."
    hint = "Make a custom service where you need something else."


class ServiceUpToDate(Conflict):
    message = "This service is as the catalogue says already."
    hint = "There is nothing to take over."


class NotYourService(NotAllowed):
    message = "Only the person who made this service, or an administrator, can change it."


class NoBuilder(NotAllowed):
    message = "Creating services is for builders and administrators."
    hint = "Ask an administrator for the role of a builder."


class VariableMissing(ReconnectNeeded):
    message = "This connection lacks a value that its service needs."
    hint = "Open the connection’s page, fill the value in and connect again."
