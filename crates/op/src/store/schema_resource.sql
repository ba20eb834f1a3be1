-- Which resource a request's access tokens are for (RFC 8707); NULL: this provider alone.
ALTER TABLE authentication_request ADD COLUMN resource TEXT;
ALTER TABLE refresh_family ADD COLUMN resource TEXT;
