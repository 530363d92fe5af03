-- Everything a call needs to know, in one row that is always there: what is unknown is NULL.
SELECT
    token.id,
    token.secret_hash,
    token.name,
    token.scopes,
    token.rules,
    (julianday(token.expires_at) - 2440587.5) * 86400.0,
    token.revoked_at IS NOT NULL,
    owner.id,
    owner.email,
    owner.is_active,
    owner.role,
    person.id,
    person.email,
    person.is_active,
    link.id,
    link.credentials_of,
    link.is_disabled,
    link.made_by,
    link.rules,
    link.variables,
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
    json_remove(auth.config, '$.scopes'),
    service.base_url,
    service.hosts,
    service.headers,
    service.query,
    service.default_headers,
    service.default_query,
    service.cookies,
    service.is_builtin,
    consent.id,
    consent.secrets,
    consent.version,
    consent.health,
    consent.reason,
    (julianday(consent.expires_at) - 2440587.5) * 86400.0,
    consent.lifetime_s,
    consent.variables,
    client.id,
    client.client_id,
    client.client_secret,
    client.private_key,
    client.version
FROM (SELECT 1) AS one
LEFT JOIN connections_apitoken AS token ON token.token_id = :token_id
LEFT JOIN people_user AS owner ON owner.id = coalesce(token.user_id, :user_id)
LEFT JOIN people_user AS person ON person.email = coalesce(nullif(:act_for, ''), owner.email)
LEFT JOIN connections_connection AS link ON link.link_name = :link_name
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
