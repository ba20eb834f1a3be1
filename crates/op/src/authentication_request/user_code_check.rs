//! `user_code` (CIBA Core §7.1): a secret that the user gives the client, checked before any device is prompted.
//! Protects against unsolicited prompts; it authenticates nobody.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_gateway::keys::{self, KeyError};
use countersign_gateway::{Decoy, Ports};
use countersign_jose::clock::Clock;
use countersign_jose::hash::Hash;
use countersign_jose::secret::Secret;
use countersign_store::{Error as StoreError, Store};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::config::{Client, Config, User, UserCode};
use crate::directory::UserIdentifier;
use crate::http::{ErrorCode, OAuthError, server_error};
use crate::store::{self, GuessTurn, UserCodeGuess};

/// Name of the secret's file, without `.secret`.
pub(crate) const USER_CODES_SECRET: &str = "user-codes";

/// How many codes are hashed concurrently; each takes 19 MiB and most of a core.
const CONCURRENT_CHECKS: usize = 2;

/// Checks user codes, with a limit on guesses.
pub(crate) struct UserCodes {
    config: Arc<Config>,
    store: Store,
    clock: Arc<dyn Clock>,
    /// Compared for unknown users, so that the response takes as long.
    decoy: UserCode,
    /// Decides which unknown users seem to have a code.
    secret: Zeroizing<[u8; 32]>,
    busy: Arc<Semaphore>,
    /// Users with a code, and all users.
    share: Mutex<(u64, u64)>,
}

impl UserCodes {
    /// Loads the secret from the folder of keys, or generates it.
    pub(crate) fn open(
        config: Arc<Config>,
        store: Store,
        directory: &std::path::Path,
        ports: &Ports,
    ) -> Result<UserCodes, KeyError> {
        let secret = keys::load_or_create_secret(directory, USER_CODES_SECRET, &*ports.random)?;
        Ok(UserCodes {
            config,
            store,
            clock: ports.clock.clone(),
            decoy: UserCode::decoy(&*ports.random),
            secret,
            busy: Arc::new(Semaphore::new(CONCURRENT_CHECKS)),
            share: Mutex::default(),
        })
    }

    /// Whether an unknown user is treated as one with a code: the same for each name, and as often as real users have
    /// one, so that the response reveals nothing.
    fn decoy_has_code(&self, named: &UserIdentifier) -> bool {
        let digest = Hash::of_parts(&[&*self.secret, named.digest().as_bytes()]);
        let sample = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from(u32::from_be_bytes(*bytes)));
        let (with_code, all) = *self.share.lock().unwrap_or_else(PoisonError::into_inner);
        sample * all < with_code << 32
    }
}

impl UserCodes {
    /// Counts the users with a code, for [`UserCodes::decoy_has_code`]. Blocks the thread.
    pub(crate) fn count_user_codes(&self) -> Result<(), StoreError> {
        self.set_share(self.store.read_blocking(store::directory_entries::users_with_code)?);
        Ok(())
    }

    /// As [`UserCodes::count_user_codes`], off the async runtime.
    pub(crate) async fn recount_user_codes(&self) -> Result<(), StoreError> {
        self.set_share(self.store.read_slow(store::directory_entries::users_with_code).await?);
        Ok(())
    }

    /// `in_store`: users with a code and all users in the store.
    fn set_share(&self, in_store: (u64, u64)) {
        let (with_code, all) = self.config.users.with_code();
        *self.share.lock().unwrap_or_else(PoisonError::into_inner) = (with_code + in_store.0, all + in_store.1);
    }

    /// Accepts a request that carries the user's code, or needs none. `known` is the user of the hint, locked or not;
    /// guesses about nobody count for `decoy`.
    ///
    /// # Errors
    /// `missing_user_code`; `invalid_user_code`, also for a right code while the limit on guesses is exceeded.
    pub(crate) async fn check_user_code(
        &self,
        code: Option<Secret>,
        client: &Client,
        named: &UserIdentifier,
        known: Option<&User>,
        decoy: &Decoy,
    ) -> Result<(), OAuthError> {
        if !client.needs_user_code() {
            return Ok(());
        }
        let expected = match known {
            Some(user) => user.user_code.clone(),
            None => self.decoy_has_code(named).then(|| self.decoy.clone()),
        };
        let Some(expected) = expected else { return Ok(()) };
        let Some(code) = code else {
            return Err(OAuthError::new(
                ErrorCode::MissingUserCode,
                "requests for this user need a user_code: send it",
            ));
        };
        let sub = known.map_or(decoy.subject(), |user| &user.sub).as_str().to_owned();
        // One person may have several names. Counted together, they would tell a client that must not know that both are somebody's.
        let name = if client.hides_unknown_users() { named.digest() } else { Hash::of(&sub) };
        let guess = UserCodeGuess {
            client_id: client.client_id.clone(),
            name,
            sub,
            per_hour: client.policy.user_code_guesses_per_hour,
        };
        if let GuessTurn::Wait(seconds) = self.count(guess.clone()).await? {
            let description = format!("too many wrong user codes: wait {seconds} seconds before the next one");
            return Err(OAuthError::new(ErrorCode::InvalidUserCode, description).with_retry_after(seconds));
        }
        if !self.matches(expected, code).await? {
            return Err(OAuthError::new(
                ErrorCode::InvalidUserCode,
                "the user_code is wrong: ask the user for it again",
            ));
        }
        let cleared = self.store.write(move |transaction| store::confirm_guess(transaction, &guess)).await;
        cleared.map_err(not_stored)
    }

    async fn count(&self, guess: UserCodeGuess) -> Result<GuessTurn, OAuthError> {
        let now = self.clock.now();
        let turn = self.store.write(move |transaction| store::guess(transaction, &guess, now)).await;
        turn.map_err(not_stored)
    }

    /// Hashes and compares off the async runtime. A hash that nobody waits for any more has its place until it is done.
    async fn matches(&self, expected: UserCode, code: Secret) -> Result<bool, OAuthError> {
        let permit = self.busy.clone().acquire_owned().await.map_err(|error| server_error(&error))?;
        let compared = tokio::task::spawn_blocking(move || {
            let matches = expected.matches(&code);
            drop(permit);
            matches
        });
        compared.await.map_err(|error| server_error(&error))
    }
}

fn not_stored(error: StoreError) -> OAuthError {
    server_error(&error)
}
