-- Everything a call needs to know, in one row that is always there: what is unknown is NULL.
SELECT
    token.id::text,
    token.secret_hash,
    token.name,
    token.scopes::text,
    token.rules::text,
    extract(epoch FROM token.expires_at)::float8,
    token.revoked_at IS NOT NULL,
    owner.id::text,
    owner.email,
    owner.is_active,
    owner.role,
    person.id::text,
    person.email,
    person.is_active,
    link.id::text,
    link.credentials_of,
    link.is_disabled,
    link.made_by,
    link.rules::text,
    link.variables::text,
    link.created_by_id = owner.id OR EXISTS (
        SELECT 1 FROM connections_access AS access
        WHERE access.connection_id = link.id AND access.can_use
          AND (access.user_id = owner.id OR access.user_id IS NULL)
    ),
    link.created_by_id = person.id OR EXISTS (
        SELECT 1 FROM connections_access AS access
        WHERE access.connection_id = link.id AND access.can_use
          AND (access.user_id = person.id OR access.user_id IS NULL)
    ),
    auth.auth_type,
    auth.param_type,
    (auth.config - 'scopes')::text,
    service.base_url,
    service.hosts::text,
    service.headers::text,
    service.query::text,
    service.default_headers::text,
    service.default_query::text,
    service.cookies,
    service.is_builtin,
    consent.id::text,
    consent.secrets,
    consent.version,
    consent.health,
    consent.reason,
    extract(epoch FROM consent.expires_at)::float8,
    consent.lifetime_s,
    consent.variables::text,
    client.id::text,
    client.client_id,
    client.client_secret,
    client.private_key,
    client.version
FROM (SELECT 1) AS one
LEFT JOIN connections_apitoken AS token ON token.token_id = %(token_id)s
LEFT JOIN people_user AS owner ON owner.id = coalesce(token.user_id, %(user_id)s::uuid)
LEFT JOIN people_user AS person ON person.email = coalesce(nullif(%(act_for)s, ''), owner.email)
LEFT JOIN connections_connection AS link ON link.link_name = %(link_name)s
LEFT JOIN services_serviceauth AS auth ON auth.id = link.auth_id
LEFT JOIN services_service AS service ON service.id = auth.service_id
LEFT JOIN connections_grant AS consent
    ON consent.connection_id = link.id
    AND consent.state = 'active'
    AND (
        (link.credentials_of = 'owner' AND consent.is_owner)
        OR (link.credentials_of = 'login_user' AND NOT consent.is_owner AND consent.user_id = person.id)
    )
LEFT JOIN services_oauthclient AS client
    ON client.auth_id = auth.id
    AND (client.id = consent.client_id OR (consent.client_id IS NULL AND client.is_default))
LIMIT 1
