"""The authentication types. A new one is a module here and a line in ``ALL``."""

from services.auth_types.api_key import ApiKey
from services.auth_types.base import AuthType
from services.auth_types.basic import Basic
from services.auth_types.oauth1 import OAuth1
from services.auth_types.oauth2 import OAuth2

ALL: tuple[AuthType, ...] = (ApiKey(), Basic(), OAuth1(), OAuth2())
_BY_NAME = {auth_type.name: auth_type for auth_type in ALL}


def get(name: str) -> AuthType:
    """The authentication type of that name. Raises KeyError where there is none."""
    return _BY_NAME[name]
