//! `countersign request`: a CIBA client in poll mode. Sends the request, shows its number, polls, verifies and prints the tokens.

use countersign_jose::clock::Clock as _;
use countersign_jose::json::{self, Json, JsonError, Strictness};
use countersign_jose::secret::Secret;
use countersign_protocol::text;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::arguments::{Interaction, Request};
use crate::ciba_client::{
    self, Acknowledgement, AuthenticationRequest, CallError, ExpectedClaims, HttpClient, IdTokenError, OauthError,
    PendingNews, PollResult,
};
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{ErrorEvent, Output};
use crate::secret_file;
use crate::stop_signal;
use countersign_device::edge::system::SystemClock;

/// One result.
#[derive(Serialize)]
struct Event<'a, T> {
    event: &'static str,
    #[serde(flatten)]
    rest: &'a T,
}

/// What is known of a request that nobody has answered.
#[derive(Serialize)]
struct Pending<'a> {
    delivery: &'a str,
}

/// Runs the command.
pub async fn run(request: Request, output: Output) -> Result<Exit, Failure> {
    tokio::select! {
        result = ask_and_wait(&request, output) => result,
        () = stop_signal::stdin_closed(request.stop_with_stdin) => {
            Err(Failure::usage(ErrorCode::Stopped, "standard input closed before the request ended"))
        }
    }
}

async fn ask_and_wait(request: &Request, output: Output) -> Result<Exit, Failure> {
    let ask = authentication_request(request)?;
    let http = HttpClient::new(&request.client_id, &read_secret(request)?)?;
    let endpoints = ciba_client::discover(&http, &request.issuer).await?;
    let acknowledged = match ciba_client::request(&http, &endpoints.bc_authorize, &ask).await {
        Ok(acknowledged) => acknowledged,
        Err(CallError::Transport(failure)) => return Err(failure),
        Err(CallError::Oauth(error)) => return print_oauth_error(&error, output),
    };
    print_acknowledgement(&acknowledged, ask.interaction_type, output)?;
    let hear = |news: PendingNews<'_>| hear(&news, output);
    let response = match ciba_client::poll(&http, &endpoints.token, &acknowledged, hear).await? {
        PollResult::Tokens(response) => response,
        PollResult::Denied(error) => return print_oauth_error(&error, output),
    };
    let jwks = http.get(&endpoints.jwks).await?.json;
    let expected = ExpectedClaims {
        issuer: &request.issuer,
        client_id: &request.client_id,
        auth_req_id: &acknowledged.auth_req_id,
        now: SystemClock.now(),
    };
    match tokens_line(&response, &jwks, &expected) {
        Ok((line, summary)) => {
            output.result_json(&line, |_| summary)?;
            Ok(Exit::Ok)
        }
        Err(why) => {
            let error = OauthError {
                error: "invalid_id_token".into(),
                error_description: Some(why.to_string()),
                denial_reason: None,
                r#ref: acknowledged.r#ref.clone(),
                delivery: None,
            };
            print_oauth_error(&error, output)?;
            Ok(Exit::Unverified)
        }
    }
}

fn authentication_request(request: &Request) -> Result<AuthenticationRequest, Failure> {
    let details = request.authorization_details.as_deref().map(|given| match given.strip_prefix('@') {
        None => Ok(given.to_owned()),
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            Failure::usage(
                ErrorCode::DetailsFile,
                format_args!("the authorization details in {file} can't be read: {error}"),
            )
        }),
    });
    let interaction_type = request.interaction.map(|interaction| match interaction {
        Interaction::Boolean => "boolean",
        Interaction::NumberChoose => "number_choose",
        Interaction::InputManual => "input_manual",
    });
    Ok(AuthenticationRequest {
        login_hint: request.login_hint.clone(),
        scope: request.scope.clone(),
        binding_message: request.binding_message.clone(),
        terminal: request.terminal.clone(),
        authorization_details: details.transpose()?,
        interaction_type,
        requested_expiry: request.requested_expiry,
    })
}

fn read_secret(request: &Request) -> Result<Secret, Failure> {
    let text = match &request.client_secret_file {
        Some(file) => secret_file::read(file, ErrorCode::SecretFile, "the client's secret in")?,
        None => std::env::var("COUNTERSIGN_CLIENT_SECRET").map(Zeroizing::new).map_err(|_| {
            Failure::usage(
                ErrorCode::NoSecret,
                "a client needs its secret: say --client-secret-file FILE or set COUNTERSIGN_CLIENT_SECRET",
            )
        })?,
    };
    Ok(Secret::new(text.trim()))
}

fn print_acknowledgement(acknowledged: &Acknowledgement, asked: Option<&str>, output: Output) -> Result<(), Failure> {
    output.result(&Event { event: "acknowledged", rest: acknowledged }, |paint| {
        let mut message =
            format!("The provider accepted the request. It expires in {} seconds.", acknowledged.expires_in);
        if let Some(reference) = &acknowledged.r#ref {
            message += &format!(" Reference: {}.", text::escape(reference));
        }
        if let (Some(asked), Some(got)) = (asked, acknowledged.interaction_type.as_deref())
            && got != asked
        {
            message += &format!("\nThe provider asks the person for {} in place of {asked}.", text::escape(got));
        }
        if let Some(value) = &acknowledged.interaction_value {
            message += &format!("\nShow this number to the person who approves: {}", paint.bold(&text::escape(value)));
        }
        message
    })
}

/// Says what is heard while the request is pending.
fn hear(news: &PendingNews<'_>, output: Output) -> Result<(), Failure> {
    match news {
        PendingNews::Away(failure) => {
            output.progress(&format!("{failure}. Polling again until the request expires."));
            Ok(())
        }
        PendingNews::Delivery(delivery) => {
            output.result(&Event { event: "pending", rest: &Pending { delivery } }, |_| match *delivery {
                "delivered" => "The person's device has the request.".to_owned(),
                "waiting" => "No device of the person has the request yet.".to_owned(),
                other => format!("Delivery: {}.", text::escape(other)),
            })
        }
    }
}

/// Prints an OAuth error and returns its exit code.
fn print_oauth_error(error: &OauthError, output: Output) -> Result<Exit, Failure> {
    let message = match (error.error_description.as_deref(), error.error.as_str()) {
        (Some(description), _) => description,
        (None, "access_denied") => "the person denied",
        (None, "expired_token") => "nobody answered in time",
        (None, _) => "the provider refused, and did not say why",
    };
    let (denial_reason, r#ref) = (error.denial_reason.as_deref(), error.r#ref.as_deref());
    let event = ErrorEvent { denial_reason, r#ref, ..ErrorEvent::new(&error.error, message) };
    output.result(&event, |_| {
        let mut message = match error.error.as_str() {
            "access_denied" => "Denied".to_owned(),
            "expired_token" => "Expired".to_owned(),
            other => format!("No tokens ({})", text::escape(other)),
        };
        if let Some(description) = &error.error_description {
            message += &format!(": {}", text::escape(description));
        }
        if let Some(reason) = &error.denial_reason {
            message += &format!(" ({})", text::escape(reason));
        }
        message += ".";
        if let Some(reference) = &error.r#ref {
            message += &format!(" Reference: {}.", text::escape(reference));
        }
        message
    })?;
    Ok(exit_for(error))
}

fn exit_for(error: &OauthError) -> Exit {
    match error.error.as_str() {
        "access_denied" => Exit::Denied,
        "expired_token" => Exit::Expired,
        _ => Exit::Provider,
    }
}

/// Why a token response is not accepted.
#[derive(Debug, thiserror::Error)]
enum TokenResponseError {
    #[error("the token response: {0}")]
    Json(JsonError),
    #[error("the token response has no id_token")]
    NoIdToken,
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
    #[error("the token response has members that this client does not expect")]
    UnexpectedMember,
}

/// The result as the `tokens` line and as text. The line holds the response as received and the ID token's claims as signed: number
/// literals are kept, and line breaks between members become spaces.
fn tokens_line(
    response: &str,
    jwks: &Json,
    expected: &ExpectedClaims<'_>,
) -> Result<(String, String), TokenResponseError> {
    let members = json::read(response.as_bytes(), Strictness::FOREIGN).map_err(TokenResponseError::Json)?;
    let id_token = members.get("id_token").and_then(Json::as_str).ok_or(TokenResponseError::NoIdToken)?;
    let claims = ciba_client::verify(id_token, jwks, expected)?;
    let has_reserved = ["event", "id_token_claims"].iter().any(|name| members.get(name).is_some());
    let inner = response.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|_| !has_reserved);
    let inner = inner.ok_or(TokenResponseError::UnexpectedMember)?.trim();
    let line =
        format!("{{\"event\":\"tokens\",{inner},\"id_token_claims\":{}}}", claims.trim()).replace(['\n', '\r'], " ");
    let parsed = json::read(claims.as_bytes(), Strictness::FOREIGN).map_err(TokenResponseError::Json)?;
    let claim = |name: &str| parsed.get(name).and_then(Json::as_str).map(text::escape).unwrap_or_default();
    let mut summary = format!("Approved by {} at {}.", claim("sub"), claim("iss"));
    if !claim("acr").is_empty() {
        summary += &format!(" Authentication context (acr): {}.", claim("acr"));
    }
    let reference = parsed.get("approval").and_then(|approval| approval.get("ref")).and_then(Json::as_str);
    if let Some(reference) = reference {
        summary += &format!(" Reference: {}.", text::escape(reference));
    }
    summary += &format!("\n{response}");
    Ok((line, summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oauth_error_maps_to_its_exit_code() {
        for (error, expected) in
            [("access_denied", Exit::Denied), ("expired_token", Exit::Expired), ("invalid_request", Exit::Provider)]
        {
            let refusal = OauthError {
                error: error.to_owned(),
                error_description: None,
                denial_reason: None,
                r#ref: None,
                delivery: None,
            };
            assert_eq!(exit_for(&refusal), expected, "{error}");
        }
    }
}
