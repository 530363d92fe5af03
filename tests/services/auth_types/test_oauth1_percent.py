"""Where oauthlib and Authlib both unescape once too often, the RFC decides: nothing is unescaped twice."""

from services.auth_types.base import ClientKeys, ParamType, Unsigned
from services.auth_types.oauth1 import OAuth1
from vault.secret import Secret

OAUTH1 = OAuth1(clock=lambda: 137131201, nonce=lambda: "7d8f3e4a")


def test_signs_the_example_of_rfc_5849_as_the_rfc_spells_it() -> None:
    """Its section 3.1, with the version that we always send; the digest is of the base string by hand."""
    import base64
    import hashlib
    import hmac

    request = Unsigned(
        "POST",
        "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
        form=(("c2", ""), ("a3", "2 q")),
    )
    client = ClientKeys("9djdj82h48djs9d2", Secret("j49sk3j29djd"))
    secrets = {"token": Secret("kkk9d7dh3k39sjv7"), "token_secret": Secret("dh893hdasih9")}
    placed = OAUTH1.place(OAUTH1.Config().model_dump(), ParamType.QUERY, client, secrets, request)
    base_string = (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D"
        "%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a"
        "%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201"
        "%26oauth_token%3Dkkk9d7dh3k39sjv7%26oauth_version%3D1.0"
    )
    digest = hmac.new(b"j49sk3j29djd&dh893hdasih9", base_string.encode(), hashlib.sha1).digest()
    assert dict(placed.query)["oauth_signature"] == base64.b64encode(digest).decode()


def test_a_percent_sign_in_a_token_is_signed_as_it_is() -> None:
    client, request = ClientKeys("c", Secret("s")), Unsigned("GET", "https://a.example/")
    config = OAUTH1.Config().model_dump()
    signatures = {
        dict(OAUTH1.place(config, ParamType.QUERY, client, {"token": Secret(token)}, request).query)[
            "oauth_signature"
        ]
        for token in ("a%2Bb", "a+b")
    }
    assert len(signatures) == 2
