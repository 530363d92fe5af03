"""What the API takes and gives for services."""

from collections.abc import Callable
from typing import Any

from ninja import Field, Schema
from pydantic import ConfigDict, RootModel

from api.schemas import Strict, example, told
from services.definition import described
from services.definition.authentication import LONGEST


class ClientIn(Strict):
    """An app registered with a service; for OAuth 1 its consumer key and secret."""

    model_config = example(client_id="1000.ABC", client_secret="the-secret-it-gave")

    client_id: str = Field(
        max_length=LONGEST["client_id"],
        json_schema_extra=told("What the service gave your app.", minLength=1),
    )
    client_secret: str = Field(
        "", max_length=LONGEST["client_secret"], description="Empty: the stored one stays."
    )
    private_key: str = Field(
        "", max_length=LONGEST["private_key"], description="For OAuth 1 with RSA-SHA1, in PEM."
    )
    auth: str | None = Field(None, description="Which way to authenticate, where several take an app.")


def _described_by(make: Callable[[], dict[str, Any]]) -> ConfigDict:
    """The model is checked elsewhere, field by field, and described as it is checked."""

    def describe(schema: dict[str, Any]) -> None:
        kept = {"title": schema["title"]}
        schema.clear()
        schema.update(kept | make())

    return ConfigDict(json_schema_extra=describe)


class ServiceIn(RootModel[dict[str, Any]]):
    model_config = _described_by(described.new_service)


class ServicePatch(RootModel[dict[str, Any]]):
    model_config = _described_by(described.changed_service)


class ServiceOut(RootModel[dict[str, Any]]):
    model_config = _described_by(described.shown_service)


class ServiceList(Schema):
    items: list[ServiceOut]
    next: str | None
