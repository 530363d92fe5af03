"""What people sign in with: the rules, told field by field."""

from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from people.models import User
from problems import ValidationFailed

LONGEST_EMAIL = 254


def check_email(email: str) -> None:
    """Raises ValidationFailed for what is no e-mail address."""
    try:
        validate_email(email)
    except ValidationError:
        raise ValidationFailed.of("email", "This is not an e-mail address.") from None
    if len(email) > LONGEST_EMAIL:
        raise ValidationFailed.of("email", f"This is longer than {LONGEST_EMAIL} characters.")


def check_password(password: str, user: User) -> None:
    """Raises ValidationFailed for ``password``, an entry for each rule that it breaks."""
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise ValidationFailed(
            [{"field": "password", "message": message} for message in error.messages]
        ) from None
